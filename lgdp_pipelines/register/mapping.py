"""How a back-office system's export answers a return: whose headers, codes, units and dates mean which items.

What belongs here: frozen records of what ``schemas/mappings/`` declares, and which of them serves a council. What does
not: reading the files (``mapping_files``), matching headers (``landing``) and translating values (``validation``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lgdp_pipelines.register.parts import Provenance

if TYPE_CHECKING:  # the register's model holds mappings, and mappings lean on contracts
    from lgdp_pipelines.register.model import Contract, Extract


@dataclass(frozen=True)
class SystemMapping:
    """How the export of one system answers one return.

    Attributes:
        system: such as ``caseworks-housing``, as sources and ``--system`` name it.
        return_code: such as ``HL1``.
        council: register code of the only council whose export is such; empty where it holds for all.
        majors: major versions of the contract that it is for.
        title: for people.
        provenance: where the export's layout was read.
        extract: how the export is written; None: as the contract says.
        path: the file.
        sha256: of the file's bytes.
    """

    system: str
    return_code: str
    council: str
    majors: tuple[int, ...]
    title: str
    provenance: Provenance
    extract: "Extract | None"
    path: Path
    sha256: str


def mapping_of(
    mappings: Iterable[SystemMapping], system: str, council_code: str, contract: "Contract"
) -> SystemMapping | None:
    """The mapping that serves a council: its own before the system's. None where the system has none for the contract.

    Args:
        mappings: of the register.
        system: that the extract comes from.
        council_code: register code of the council.
        contract: that the extract answers.
    """
    fitting = {
        one.council: one
        for one in mappings
        if one.system == system
        and one.return_code == contract.return_code
        and contract.version.major in one.majors
        and one.council in {"", council_code}
    }
    return fitting.get(council_code) or fitting.get("")
