"""Contracts written in YAML and loaded by the real loader, and rows judged by the real judge, for tables of cases.

A case is a few rows as an extract has them, and the rows that break the rule under test. The contract around the rule
is the simplest possible one: a key and a few items.
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
from tests.support.small_register import COUNCILS_TEXT, SPELLINGS_TEXT

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
    """Rows of one submission, and those that break the rule.

    Attributes:
        label: ``passes``, ``fails``, ``border``, ``nulls`` or ``empty``; or another description.
        rows: of the table under test, the first being row 2; or by table.
        broken_rows: rows that break the rule; ``TABLE`` for the table as a whole.
    """

    label: str
    rows: Sequence[Row] | Mapping[str, Sequence[Row]]
    broken_rows: Sequence[int | None] = ()


TABLE = None
"""Stands for a row in a finding about the table as a whole."""


@dataclass(frozen=True)
class RuleFixture:
    """A contract with the rule under test.

    Attributes:
        kind: of the rule.
        items: of the table ``t``: name, and how the contract describes it.
        quality: written rules of the table.
        table: further members of the table, such as ``relationships``.
        other_tables: further tables, by name: their items.
        rule: id of the rule under test, without the return.
        column: the header that its findings name; empty for findings about the table.
        period: that the submission is for.
        valid_from: the first period that the contract is valid for; empty: that of the submission.
        received_on: the day on which it came.
        arguments: further ones of the judge, such as earlier periods.
        other_broken_rules: full ids of other rules that the cases may break.
        code_lists: text of the files in ``codelists/``, by id.
        files: text of further files of the register, by path.
    """

    kind: RuleKind
    items: Mapping[str, Members]
    rule: str
    column: str
    quality: Sequence[Members] = ()
    table: Members = field(default_factory=dict)
    other_tables: Mapping[str, Mapping[str, Members]] = field(default_factory=dict)
    period: str = "FY2024-25"
    valid_from: str = ""
    received_on: date = date(2025, 4, 20)
    arguments: Mapping[str, object] = field(default_factory=dict)
    other_broken_rules: frozenset[str] = frozenset()
    code_lists: Mapping[str, str] = field(default_factory=lambda: {"letters": CODES})
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def register(self) -> Register:
        """The register that the contract is in, loaded as any other."""
        lists = {f"codelists/{name}.yaml": text for name, text in self.code_lists.items()}
        return _load(self.contract_text, tuple(sorted((lists | dict(self.files)).items())))

    @property
    def rule_under_test(self) -> Rule:
        """The rule under test."""
        return next(rule for rule in list_rules(self.register.returns["TST"].latest) if rule.id == f"tst.{self.rule}")

    @property
    def contract_text(self) -> str:
        """The contract in JSON, which is YAML too."""
        tables = {"t": self.items, **self.other_tables}
        schema = [_build_table(name, items, several=len(tables) > 1) for name, items in tables.items()]
        schema[0] |= {**({"quality": list(self.quality)} if self.quality else {}), **self.table}
        contract = {
            **_HEADING,
            "customProperties": _describe_contract(self.valid_from or self.period),
            "schema": schema,
        }
        return json.dumps(contract, indent=1)

    def find_broken_rows(self, rows: Sequence[Row] | Mapping[str, Sequence[Row]]) -> list[int | None]:
        """Return the rows that break the rule under test, in order.

        Every finding must name the expected column.
        """
        judgement = self.judge(rows)
        findings = judgement.findings.filter(pl.col("rule") == f"tst.{self.rule}")
        assert set(findings["column"]) <= {self.column or None}
        broken_rules = set(judgement.findings["rule"]) - {f"tst.{self.rule}"}
        assert broken_rules <= self.other_broken_rules, f"other rules are broken too: {broken_rules}"
        return findings["row"].to_list()

    def judge(self, rows: Sequence[Row] | Mapping[str, Sequence[Row]]) -> ValidationResult:
        """Return the judgement of rows of text."""
        register = self.register
        contract = register.returns["TST"].latest
        by_table = dict(rows) if isinstance(rows, Mapping) else {"t": rows}
        by_table = {name: by_table.get(name, ()) for name in ("t", *self.other_tables)}
        with ChunkSpool(SCRATCH) as spool:
            facts = {"received_on": self.received_on, **self.arguments}
            context = make_context(contract, register, "FIF", parse_period(self.period), spool, **facts)
            tables = {
                name: _build_landed_table([item.name for item in contract.by_name[name].items], cells)
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


def _describe_contract(period: str) -> list[Members]:
    kind = "financial-quarter" if "-Q" in period else _KINDS.get(period[:2], "month")
    return _list_properties(
        lgdpReturn="TST",
        lgdpPeriodKind=kind,
        lgdpValidFrom=period,
        lgdpRecipients=["somebody"],
        lgdpLegalBasis={"text": "None", "verified": "ours"},
        lgdpExtract={"format": "csv", "encoding": "utf-8"},
        lgdpDisclosure={"method": "none"},
        lgdpProvenance={"verified": "ours", "source": ""},
    )


def _list_properties(**values: object) -> list[Members]:
    return [{"property": name, "value": value} for name, value in values.items()]


def _build_table(name: str, items: Mapping[str, Members], *, several: bool) -> dict[str, object]:
    grain = "aggregate" if any(item.get("lgdpRole") == "measure" for item in items.values()) else "case"
    pattern = {"lgdpFilePattern": f"{name}.*"} if several else {}
    return {
        "name": name,
        "description": "One row for each thing.",
        "customProperties": _list_properties(lgdpGrain=grain, **pattern),
        "properties": [
            _build_item(name, item_name, item, is_case=grain == "case") for item_name, item in items.items()
        ],
    }


def _build_item(table: str, name: str, item: Members, *, is_case: bool) -> Members:
    members = {
        "name": name,
        "physicalName": name.upper(),
        "description": "A thing.",
        **{member: value for member, value in item.items() if not member.startswith("lgdp")},
    }
    properties = {
        "lgdpItem": f"urn:lgdp:item:tst:{name if table == 't' else f'{table}_{name}'}",
        "lgdpRole": "attribute",
        "lgdpGuidance": "Look it up.",
        **({"lgdpPrivacy": "withhold"} if is_case else {}),
        **{member: value for member, value in item.items() if member.startswith("lgdp")},
    }
    return {**members, "customProperties": _list_properties(**properties)}


@cache
def _load(contract: str, other_files: tuple[tuple[str, str], ...]) -> Register:
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "councils/councils.csv": COUNCILS_TEXT,
            "councils/spellings.csv": SPELLINGS_TEXT,
            "returns/tst/tst.v1.0.0.odcs.yaml": contract,
            **dict(other_files),
        }
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_register(Path(folder))


def _build_landed_table(names: Sequence[str], rows: Sequence[Row]) -> pl.DataFrame:
    schema = {**dict.fromkeys(names, pl.String), "_unmapped": pl.String, "_row": pl.Int64}
    cells = [[*row, None, number] for number, row in enumerate(rows, start=2)]
    return pl.DataFrame(cells, schema=schema, orient="row")


Cases = Mapping[str, tuple[RuleFixture, tuple[Case, ...]]]
"""Cases of each rule, by its description: the five that every kind must have, and more if it needs them."""

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


def add_options(item: Members, **options: object) -> Members:
    """Return an item with further ``logicalTypeOptions``."""
    item_options: Any = item.get("logicalTypeOptions", {})
    return {**item, "logicalTypeOptions": {**item_options, **options}}


def write_rule(**members: object) -> Members:
    """Return a rule as contracts write it under ``quality``."""
    return {"id": "r", "name": "It holds", "description": "Mend it.", **members}


def write_lgdp_rule(rule: str, **terms: object) -> Members:
    """Return a written rule of one of the platform's own kinds."""
    return write_rule(type="custom", engine="lgdp", implementation={"rule": rule, **terms})


def flatten_cases(cases: Cases) -> list[Any]:
    """Return every case with its rule, as a parameter of a test."""
    return [
        pytest.param(fixture, case, id=f"{name}: {case.label}")
        for name, (fixture, rule_cases) in cases.items()
        for case in rule_cases
    ]
