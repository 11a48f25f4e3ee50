"""Due dates that a contract gives for single periods, in place of so many days after the period's end.

What belongs here: reading ``lgdpDueDates``. What does not: when anything is due (``calendar``).
"""

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction, WrongUse
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.vocabulary.periods import PeriodKind, parse_period


def read_due_dates(place: YamlNode) -> Mapping[str, date]:
    """The day for each period, as far as they can be read."""
    given = place.value if isinstance(place.value, Mapping) else {}
    days = {str(period): _day(text) for period, text in given.items()}
    return MappingProxyType({period: day for period, day in days.items() if day is not None})


def due_date_contradictions(place: YamlNode, kind: PeriodKind | None) -> Iterator[Contradiction]:
    """What is wrong with them: no period of the contract's kind, no day, or a day before the period begins."""
    given = place.value if isinstance(place.value, Mapping) else {}
    for name, text in given.items():
        day = _day(text)
        try:
            period = parse_period(str(name))
        except WrongUse as error:
            yield place.at(str(name)).contradiction(error.what, error.remedy)
            continue
        if kind is not None and period.kind is not kind:
            yield place.at(str(name)).contradiction(f"{period.id} is no {kind}.", f"Write a {kind}.")
        elif day is None:
            yield place.at(str(name)).contradiction(f"{period.id} is not due on a day.", "Write it as 2025-05-31.")
        elif day < period.start:
            yield place.at(str(name)).contradiction(
                f"{period.id} is due before it begins.", f"Give a day from {period.start.isoformat()} on."
            )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
