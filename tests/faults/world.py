"""A small platform for faults: one return for each format, and two councils with accepted data.

Belongs here: building the platform, handing extracts in, and reading accepted data. Belongs elsewhere: any fault
(``test_bad_extracts``, ``test_bad_answers``, ``test_bad_lines``, ``test_bad_moments``).
"""

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake_tables import FINDING
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, SubmissionOutcome, process
from tests.support.contracts import KEY, MUST, Part, add_contract, contract, item, rule, table, write_register

PERIOD = "CY2023"
ROWS = (("Cupar", "120", "01/02/1999", "L"), ("Leven", "30", "28/02/2004", "M"))
HEADER = ("Branch", "Books", "Opened", "Kind")


def build_csv(rows: tuple[tuple[str, ...], ...] = ROWS, header: tuple[str, ...] = HEADER) -> bytes:
    """Return rows as plain CSV."""
    return "".join(",".join(row) + "\n" for row in (header, *rows)).encode()


def build_records(rows: tuple[tuple[str, ...], ...] = ROWS) -> list[dict[str, str]]:
    """Return rows as records."""
    return [dict(zip(HEADER, row, strict=True)) for row in rows]


def build_json(rows: tuple[tuple[str, ...], ...] = ROWS) -> bytes:
    """Return rows as a JSON document."""
    return json.dumps({"records": build_records(rows)}).encode()


def build_ndjson(rows: tuple[tuple[str, ...], ...] = ROWS) -> bytes:
    """Return rows as JSON, one record a line."""
    return "".join(json.dumps(record) + "\n" for record in build_records(rows)).encode()


def build_xml(rows: tuple[tuple[str, ...], ...] = ROWS) -> bytes:
    """Return rows as XML."""
    shelves = "".join(
        "<shelf>" + "".join(f"<{name}>{cell}</{name}>" for name, cell in record.items()) + "</shelf>"
        for record in build_records(rows)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><library><shelves>{shelves}</shelves></library>'.encode()


def build_zip(members: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive of members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def build_xlsx(rows: tuple[tuple[Any, ...], ...] = ROWS, *, sheets: tuple[str, ...] = ("Shelves",)) -> bytes:
    """Return a workbook with rows on its first sheet."""
    import xlsxwriter  # noqa: PLC0415 - slow to import, and few tests need it

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        pages = [book.add_worksheet(name) for name in sheets]
        for number, row in enumerate((HEADER, *rows)):
            pages[0].write_row(number, 0, row)
    return out.getvalue()


EXTRACTS: Mapping[str, tuple[Part, bytes]] = {
    "SHELF-CSV": ({"format": "csv", "encoding": "utf-8", "delimiter": ","}, build_csv()),
    "SHELF-UTF16": (
        {"format": "csv", "encoding": "utf-16", "delimiter": ";"},
        build_csv().decode().replace(",", ";").encode("utf-16"),
    ),
    "SHELF-CP1252": ({"format": "csv", "encoding": "cp1252", "delimiter": ","}, build_csv()),
    "SHELF-JSON": ({"format": "json", "recordsAt": "records"}, build_json()),
    "SHELF-NDJSON": ({"format": "ndjson"}, build_ndjson()),
    "SHELF-XML": ({"format": "xml", "recordsAt": "library/shelves/shelf"}, build_xml()),
    "SHELF-XLSX": ({"format": "xlsx", "sheet": "Shelves"}, build_xlsx()),
    "SHELF-ZIP": ({"format": "csv", "container": "zip"}, build_zip({"shelves.csv": build_csv()})),
    "SHELF-GZ": ({"format": "csv", "container": "gz"}, gzip.compress(build_csv())),
}
"""Format of each return's extracts, and a good extract."""


OWN = ("Council", "Year")
"""Headers of the two columns in which SHELF-OWN names its council and its period."""


def build_shelf_contract(code: str, extract: Part, *first: Part) -> Part:
    """Return a contract of shelves: first any further items, then text, number, date and code."""
    build_shelf_contract = contract(
        code,
        "1.0.0",
        "CY2022",
        table(
            "shelf",
            *first,
            item(f"{code.lower()}:branch", "branch", "Branch", "string", "dimension", more=KEY),
            item(
                f"{code.lower()}:books", "books", "Books", "integer", "measure",
                more={**MUST, "logicalTypeOptions": {"minimum": 0, "maximum": 100000}}, lgdpUnit="books",
            ),
            item(
                f"{code.lower()}:opened", "opened", "Opened", "date", "attribute",
                more={**MUST, "logicalTypeOptions": {"format": "dd/MM/yyyy"}},
            ),
            item(
                f"{code.lower()}:kind", "kind", "Kind", "string", "dimension",
                more={**KEY, "enum": [{"value": "L", "label": "Library"}, {"value": "M", "label": "Mobile"}]},
            ),
            rules=(rule("opened_before_today", "No branch opens in the future", "opened > DATE '2100-01-01'"),),
        ),
    )  # fmt: skip
    for custom_property in build_shelf_contract["customProperties"]:
        if custom_property["property"] == "lgdpExtract":
            custom_property["value"] = extract
    return build_shelf_contract


@dataclass
class World:
    """Platform with accepted data.

    Attributes:
        platform: platform over a home of its own.
        folder: folder for files to hand in.
    """

    platform: Platform
    folder: Path

    def hand_in(
        self, code: str, content: bytes, *, council: str = "FIF", period: str = PERIOD, name: str = "extract"
    ) -> Receipt:
        """Hand one file in, and return its receipt."""
        file = self.folder / name
        file.write_bytes(content)
        register = self.platform.register
        (receipt,) = hand_in(
            register.returns[code],
            register.councils.by_code[council],
            parse_period(period),
            [file],
            inbox=Inbox(self.platform.ledger, self.platform.received_bytes),
        )
        return receipt

    def judge(self, code: str, *, period: str = PERIOD, run_id: str = "test") -> tuple[SubmissionOutcome, ...]:
        """Process pending submissions of a return and period."""
        register = self.platform.register
        return process(
            self.platform, ProcessRequest(register.returns[code], parse_period(period), register.councils.codes), run_id
        )

    def read_messages(self, submission_id: str) -> list[str]:
        """Return the messages of a submission's findings."""
        findings = self.platform.lake.read(FINDING, {"_submission_id": submission_id})
        return [str(text) for text in findings["message"].to_list()]

    def read_validated_rows(self) -> dict[str, list[str]]:
        """Return all validated rows by table, read without the platform's own code."""
        rows_by_table = {}
        for log in sorted((self.platform.settings.lake / "validated").glob("*/_delta_log")):
            frame = pl.from_arrow(DeltaTable(log.parent).to_pyarrow_dataset().to_table())
            assert isinstance(frame, pl.DataFrame)
            rows_by_table[log.parent.name] = sorted(
                json.dumps(row, default=str, sort_keys=True) for row in frame.to_dicts()
            )
        return rows_by_table

    def find_lost_receipts(self) -> list[int]:
        """Return the receipts whose stored bytes are missing or have another size."""
        lost_ids = []
        for receipt in self.read_receipts():
            content = self.platform.received_bytes.path(receipt["sha256"])
            if not content.is_file() or content.stat().st_size != receipt["size"]:
                lost_ids.append(receipt["id"])
        return lost_ids

    def read_receipts(self) -> list[dict[str, Any]]:
        """Return all receipts, read without the platform's own code."""
        with closing(sqlite3.connect(self.platform.settings.home / "ledger.sqlite")) as ledger:
            ledger.row_factory = sqlite3.Row
            return [dict(row) for row in ledger.execute("SELECT * FROM receipt ORDER BY id")]


def build_world(folder: Path) -> World:
    """Return a world with accepted data of Fife and Glasgow for each return."""
    schemas = write_register(folder / "schemas")
    for code, (extract, _) in EXTRACTS.items():
        add_contract(schemas, build_shelf_contract(code, extract))
    council = item("shelf-own:council", "council", OWN[0], "string", "council", more=MUST)
    year = item("shelf-own:year", "year", OWN[1], "string", "period", more=MUST)
    add_contract(schemas, build_shelf_contract("SHELF-OWN", {"format": "csv"}, council, year))
    world = World(Platform(Settings.from_folder(folder / "home", schemas)), folder)
    for code, (_, content) in EXTRACTS.items():
        for council in ("FIF", "GLG"):
            world.hand_in(code, content, council=council)
        outcomes = world.judge(code)
        assert [str(outcome.judgement.verdict) for outcome in outcomes] == ["accepted", "accepted"], (
            code,
            [outcome.judgement.findings.to_dicts() for outcome in outcomes],
        )
    return world
