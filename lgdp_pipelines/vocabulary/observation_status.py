"""Observation status: the reason why a figure is present or missing.

The codes are those of the SDMX cross-domain code list ``CL_OBS_STATUS`` that councils' returns need; the letters and
their meaning are given from memory of that list and so marked unverified.
"""

from enum import StrEnum


class ObservationStatus(StrEnum):
    """The status of one published figure.

    A missing or suppressed figure has a status; it is never 0 and never absent.
    """

    NORMAL = "A"
    """A figure as collected."""
    NOT_COLLECTED = "L"
    """Missing: the figure exists and was not collected, or not sent."""
    CANNOT_EXIST = "M"
    """Missing: not applicable, no figure can exist."""
    MISSING = "O"
    """Missing for a reason that the sender did not give."""
    SUPPRESSED = "Q"
    """Missing: withheld to protect people."""


LABELS = {
    ObservationStatus.NORMAL: "Normal value",
    ObservationStatus.NOT_COLLECTED: "Missing: exists but was not collected",
    ObservationStatus.CANNOT_EXIST: "Missing: cannot exist",
    ObservationStatus.MISSING: "Missing",
    ObservationStatus.SUPPRESSED: "Missing: suppressed",
}
