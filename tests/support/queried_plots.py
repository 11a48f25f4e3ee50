"""A platform with queries: three years of Fife's plots, which fall.

ALLOTMENT's plots may not fall by more than 10 percent from one year to the next without a word, each grade by itself.
Fife had 100 and 50 plots in CY2022, 80 and 30 in CY2023 (both fell by too much), 60 and 29 in CY2024 (one did).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from lgdp_pipelines.workflows.publishing import write_analyst_catalogue
from lgdp_pipelines.workflows.report_delivery import deliver_reports, locate_report_folder
from tests.support.command_line import CommandLine
from tests.support.contracts import allotment_v1, write_register

DOES_NOT_FALL = {
    "id": "plots_do_not_fall",
    "name": "Plots do not fall",
    "description": "Compare with the year before.",
    "severity": "query",
    "type": "custom",
    "engine": "lgdp",
    "implementation": {
        "rule": "earlier_period", "item": "plots", "by": ["site", "grade"], "periodsBack": 1, "fallPct": 10,
    },
    "customProperties": [{"property": "lgdpScope", "value": ["grade"]}],
}  # fmt: skip
FIRST, SECOND = "ALLOTMENT.FIF.CY2023.Q001", "ALLOTMENT.FIF.CY2023.Q002"
NEXT = "ALLOTMENT.FIF.CY2024.Q001"


@dataclass(frozen=True)
class World:
    """A platform with three years of Fife's plots, and its command line."""

    platform: Platform
    lgdp: CommandLine
    folder: Path

    def send(self, period: str, *rows: str) -> None:
        """Hand Fife's plots in, judge them and deliver the report."""
        file = self.folder / "plots.csv"
        file.write_text("Council,Site,Grade,Plots\n" + "".join(f"Fife,North,{row}\n" for row in rows), encoding="utf-8")
        register, platform = self.platform.register, self.platform
        data_return, when = register.returns["ALLOTMENT"], parse_period(period)
        hand_in(
            data_return,
            register.councils.by_code["FIF"],
            when,
            [file],
            inbox=Inbox(platform.ledger, platform.received_bytes),
        )
        process(platform, ProcessRequest(data_return, when, ["FIF"]), f"run {period} {rows}")
        deliver_reports(platform)

    def query_lake(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SQL statement; make the catalogue if it is missing."""
        if not self.platform.settings.catalogue.exists():
            write_analyst_catalogue(self.platform)
        return [tuple(row.values()) for row in self.lgdp.query_lake(sql)]

    def queries(self) -> dict[str, dict[str, Any]]:
        """Return every query as the command lists it, by id."""
        return {row["query"]: row for row in self.lgdp("query", "list", "--format", "json").rows}

    def outbox(self, submission: str, name: str = "report.html") -> str:
        """Return the text of a file in Fife's outbox."""
        return (locate_report_folder(self.platform.settings.home, submission) / name).read_text(encoding="utf-8")


def open_world(folder: Path) -> World:
    return World(
        Platform(Settings.from_folder(folder / "home", folder / "schemas")),
        CommandLine(folder / "home", folder / "schemas"),
        folder,
    )


def fill_home(folder: Path) -> None:
    """Write a home with the three years, and nothing answered, to an empty folder."""
    schemas = write_register(folder / "schemas", allotment_v1("1.0.0", "CY2022", DOES_NOT_FALL))
    shutil.copy(PROJECT / "schemas" / "codelists" / "query-answers.yaml", schemas / "codelists")
    world = open_world(folder)
    for period, rows in {"CY2022": ("1,100", "2,50"), "CY2023": ("1,80", "2,30"), "CY2024": ("1,60", "2,29")}.items():
        world.send(period, *rows)
    world.platform.ledger.close()
