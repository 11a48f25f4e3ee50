"""Contracts written in YAML and loaded by the real loader, rows judged by the real judge: what tables of cases use.

A case is a few rows as an extract has them, and the places that break the rule under test. The contract around the rule
is the plainest there is: the council's code, and items whose types their names say.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.judging import SCRATCH, judge_tables, make_context
from tests.support.small_register import COUNCILS_TEXT, NAMES_TEXT

CODES = """\
id: letters
version: "1"
title: Letters
source: ours
verified: ours
codes:
  - { code: "A", label: "First", aliases: ["a"] }
  - { code: "B", label: "Second" }
  - { code: "C", label: "Of old", valid_to: 2020-12-31 }
"""

Row = Sequence[str | None]
Members = Mapping[str, object]


@dataclass(frozen=True)
class Case:
    """Rows of one submission, and what breaks the rule in them.

    Attributes:
        which: ``passes``, ``fails``, ``border``, ``nulls`` or ``empty``; or what else it shows.
        rows: of the table under test, the first being row 2; or by table.
        broken: rows that break the rule; ``TABLE`` for the table as a whole.
    """

    which: str
    rows: Sequence[Row] | Mapping[str, Sequence[Row]]
    broken: Sequence[int | None] = ()


TABLE = None
"""A finding about no row in particular."""


@dataclass(frozen=True)
class RuleFixture:
    """A contract with the rule under test.

    Attributes:
        kind: of the rule.
        items: of the table ``t``: name, and how the contract describes it.
        quality: written rules of the table.
        table: further members of the table, such as ``relationships``.
        others: further tables, by name: their items.
        rule: id of the rule under test, without the return.
        column: the header that its findings stand at; empty where they are about the table.
        period: that the submission is for.
        valid_from: the first period that the contract is valid for; empty: that of the submission.
        received_on: the day on which it came.
        arguments: further ones of the judge, such as earlier periods.
        besides: ids of other rules that the cases may break, whole.
        code_lists: text of the files in ``codelists/``, by id.
        files: text of further files of the register, by path.
    """

    kind: RuleKind
    items: Mapping[str, Members]
    rule: str
    column: str
    quality: Sequence[Members] = ()
    table: Members = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Members]] = field(default_factory=dict)
    period: str = "FY2024-25"
    valid_from: str = ""
    received_on: date = date(2025, 4, 20)
    arguments: Mapping[str, object] = field(default_factory=dict)
    besides: frozenset[str] = frozenset()
    code_lists: Mapping[str, str] = field(default_factory=lambda: {"letters": CODES})
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def register(self) -> Register:
        """The register that the contract is in, loaded as any other."""
        lists = {f"codelists/{name}.yaml": text for name, text in self.code_lists.items()}
        return _loaded(self.contract_text, tuple(sorted((lists | dict(self.files)).items())))

    @property
    def tested(self) -> Rule:
        """The rule under test."""
        return next(rule for rule in list_rules(self.register.returns["TST"].latest) if rule.id == f"tst.{self.rule}")

    @property
    def contract_text(self) -> str:
        """The contract in JSON, which is YAML too."""
        tables = {"t": self.items, **self.others}
        schema = [_table(name, items, several=len(tables) > 1) for name, items in tables.items()]
        schema[0] |= {**({"quality": list(self.quality)} if self.quality else {}), **self.table}
        whole = {**_HEADING, "customProperties": _about(self.valid_from or self.period), "schema": schema}
        return json.dumps(whole, indent=1)

    def found(self, rows: Sequence[Row] | Mapping[str, Sequence[Row]]) -> list[int | None]:
        """The rows at which the rule under test is broken, in order; every finding stands where it should."""
        judged = self.judged(rows)
        own = judged.findings.filter(pl.col("rule") == f"tst.{self.rule}")
        assert set(own["column"]) <= {self.column or None}
        others = set(judged.findings["rule"]) - {f"tst.{self.rule}"}
        assert others <= self.besides, f"other rules are broken too: {others}"
        return own["row"].to_list()

    def judged(self, rows: Sequence[Row] | Mapping[str, Sequence[Row]]) -> ValidationResult:
        """The judgement of rows of text."""
        register = self.register
        contract = register.returns["TST"].latest
        by_table = dict(rows) if isinstance(rows, Mapping) else {"t": rows}
        by_table = {name: by_table.get(name, ()) for name in ("t", *self.others)}
        with ChunkSpool(SCRATCH) as spill:
            facts = {"received_on": self.received_on, **self.arguments}
            context = make_context(contract, register, "FIF", parse_period(self.period), spill, **facts)
            tables = {
                name: _landed([item.name for item in contract.by_name[name].items], cells)
                for name, cells in by_table.items()
            }
            return judge_tables(tables, context)


_HEADING: Members = {
    "apiVersion": "v3.2.0",
    "kind": "DataContract",
    "id": "urn:lgdp:return:tst",
    "version": "1.0.0",
    "status": "active",
    "name": "Test",
    "domain": "test",
    "description": {"purpose": "To try a rule."},
    "team": {"name": "Test", "members": [{"username": "test@returns.example", "role": "owner"}]},
    "slaProperties": [
        {"property": "latency", "value": 28, "unit": "d"},
        {"property": "retention", "value": 7, "unit": "y"},
    ],
}
_KINDS = {"FY": "financial-year", "CY": "calendar-year", "AY": "academic-year"}


def _about(period: str) -> list[Members]:
    kind = "financial-quarter" if "-Q" in period else _KINDS.get(period[:2], "month")
    return _properties(
        lgdpReturn="TST",
        lgdpPeriodKind=kind,
        lgdpValidFrom=period,
        lgdpRecipients=["somebody"],
        lgdpLegalBasis={"text": "None", "verified": "ours"},
        lgdpExtract={"format": "csv", "encoding": "utf-8"},
        lgdpDisclosure={"method": "none"},
        lgdpProvenance={"verified": "ours", "source": ""},
    )


def _properties(**values: object) -> list[Members]:
    return [{"property": name, "value": value} for name, value in values.items()]


def _table(name: str, items: Mapping[str, Members], *, several: bool) -> dict[str, object]:
    grain = "aggregate" if any(item.get("lgdpRole") == "measure" for item in items.values()) else "case"
    pattern = {"lgdpFilePattern": f"{name}.*"} if several else {}
    return {
        "name": name,
        "description": "One row for each thing.",
        "customProperties": _properties(lgdpGrain=grain, **pattern),
        "properties": [_item(name, called, item, is_case=grain == "case") for called, item in items.items()],
    }


def _item(table: str, name: str, item: Members, *, is_case: bool) -> Members:
    plain = {
        "name": name,
        "physicalName": name.upper(),
        "description": "A thing.",
        **{word: value for word, value in item.items() if not word.startswith("lgdp")},
    }
    custom = {
        "lgdpItem": f"urn:lgdp:item:tst:{name if table == 't' else f'{table}_{name}'}",
        "lgdpRole": "attribute",
        "lgdpGuidance": "Look it up.",
        **({"lgdpPrivacy": "withhold"} if is_case else {}),
        **{word: value for word, value in item.items() if word.startswith("lgdp")},
    }
    return {**plain, "customProperties": _properties(**custom)}


@cache
def _loaded(contract: str, others: tuple[tuple[str, str], ...]) -> Register:
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "councils/councils.csv": COUNCILS_TEXT,
            "councils/names.csv": NAMES_TEXT,
            "returns/tst/tst.v1.0.0.odcs.yaml": contract,
            **dict(others),
        }
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_register(Path(folder))


def _landed(names: Sequence[str], rows: Sequence[Row]) -> pl.DataFrame:
    schema = {**dict.fromkeys(names, pl.String), "_unmapped": pl.String, "_row": pl.Int64}
    cells = [[*row, None, number] for number, row in enumerate(rows, start=2)]
    return pl.DataFrame(cells, schema=schema, orient="row")


Cases = Mapping[str, tuple[RuleFixture, tuple[Case, ...]]]
"""A table of cases for each rule, by what the rule is: the five that every kind must have, and more where it needs."""

TEXT: Members = {"logicalType": "string"}
KEY: Members = {**TEXT, "required": True, "primaryKey": True}
INTEGER: Members = {"logicalType": "integer"}
NUMBER: Members = {"logicalType": "number", "physicalType": "double"}
MONEY: Members = {"logicalType": "number", "physicalType": "decimal(9,2)"}
DATE: Members = {"logicalType": "date", "logicalTypeOptions": {"format": "dd/MM/yyyy"}}
BOOLEAN: Members = {"logicalType": "boolean"}
LETTER: Members = {**TEXT, "lgdpCodeList": "letters"}
"""A code of the list A, B, and C that ended with 2020; a means A."""

MEASURED: Members = {"lgdpRole": "measure", "lgdpUnit": "things"}
DIMENSION: Members = {**KEY, "lgdpRole": "dimension"}


def with_options(item: Members, **more: object) -> Members:
    """An item with further ``logicalTypeOptions``."""
    known: Any = item.get("logicalTypeOptions", {})
    return {**item, "logicalTypeOptions": {**known, **more}}


def write_rule(**words: object) -> Members:
    """A rule as it is written under ``quality``."""
    return {"id": "r", "name": "It holds", "description": "Mend it.", **words}


def write_lgdp_rule(rule: str, **words: object) -> Members:
    """A written rule that implements one of the platform's own kinds."""
    return write_rule(type="custom", engine="lgdp", implementation={"rule": rule, **words})


def flatten_cases(cases: Cases) -> list[Any]:
    """Every case with its rule, as a parameter of a test."""
    return [
        pytest.param(ruled, case, id=f"{name}: {case.which}")
        for name, (ruled, sheets) in cases.items()
        for case in sheets
    ]
