"""Contracts, code lists and councils made by hand, and a way to judge a few rows by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.register.model.contract import Contract, Disclosure, DisclosureMethod, Register, Version
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from lgdp_pipelines.register.model.table_model import Grain, Item, ItemType, Privacy, Provenance, Role, Rule, Table
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.judging_context import JudgingContext, PriorPeriodRows, find_no_rows
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList
from lgdp_pipelines.vocabulary.councils import Council, Councils
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, financial_year
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity
from tests.support.judging import SCRATCH, judge_tables

OURS = Provenance("ours", "")
FIFE = Council(
    "FIF", "Fife", "Fife Council", "S12000047", "S12000015", "250", "17", "GB-LAS-FIF", ("Kingdom of Fife",), "ours"
)
MORAY = Council("MRY", "Moray", "The Moray Council", "S12000020", None, "300", "20", "GB-LAS-MRY", (), "ours")
COLOURS = CodeList(
    "colours",
    "1",
    "Colours",
    "",
    "ours",
    (
        Code("R", "Red", ("red", "Rouge")),
        Code("G", "Green"),
        Code("B", "Blue", valid_to=date(2024, 12, 31)),
        Code("2", "Two"),
    ),
)
YEAR = financial_year(2024)


@dataclass(frozen=True)
class Bench:
    """A contract under test and the register that it is in."""

    contract: Contract
    register: Register

    def judge(
        self,
        rows: Mapping[str, Sequence[Sequence[str | None]]] | Sequence[Sequence[str | None]],
        *,
        findings: pl.DataFrame | None = None,
        period: Period = YEAR,
        received_on: date | None = None,
        council: Council = FIFE,
        prior_rows: PriorPeriodRows = find_no_rows,
    ) -> ValidationResult:
        """Judge rows of text; the first is row 2. A single table's rows may be given without its name."""
        by_table = rows if isinstance(rows, Mapping) else {self.contract.tables[0].name: rows}
        tables = {
            name: pl.DataFrame(
                [[*row, None, number] for number, row in enumerate(cells, start=2)],
                schema={
                    **{item.name: pl.String for item in self.contract.by_name[name].items},
                    "_unmapped": pl.String,
                    "_row": pl.Int64,
                },
                orient="row",
            )
            for name, cells in by_table.items()
        }
        with ChunkSpool(SCRATCH) as spool:
            context = JudgingContext(
                self.contract, self.register, council, period, received_on or period.end, spool, prior_rows
            )
            return judge_tables(tables, context, findings)

    def list_findings(self, rows: Sequence[Sequence[str | None]]) -> list[tuple[str, int | None]]:
        """Return rule and row of each finding."""
        return list_findings(self.judge(rows))

    def values(self, rows: Sequence[Sequence[str | None]], name: str) -> list[object]:
        """Return a validated column."""
        return self.judge(rows).tables[self.contract.tables[0].name].collect().get_column(name).to_list()


def list_findings(judgement: ValidationResult) -> list[tuple[str, int | None]]:
    """Return rule and row of each finding."""
    return list(judgement.findings.select("rule", "row").iter_rows())


def find_outcome(judgement: ValidationResult, rule: str) -> RuleOutcome:
    """Return the outcome of a rule."""
    return next(rule_outcome for rule_outcome in judgement.outcomes if rule_outcome.rule == rule)


def make_item(name: str, kind: ItemType = ItemType.TEXT, /, **facts: object) -> Item:
    """Return an item, plain except for the given facts."""
    plain: dict[str, object] = {
        "name": name,
        "header": name.upper(),
        "urn": f"urn:lgdp:item:tst:{name}",
        "title": name.title(),
        "definition": name,
        "type": kind,
        "role": Role.ATTRIBUTE,
        "required": False,
        "key": False,
        "guidance": "Look it up.",
        "privacy": Privacy.OPEN,
        "provenance": OURS,
    }
    return Item(**{**plain, **facts})  # type: ignore[arg-type] - facts are checked by the test that gives them


def make_table(
    name: str, items: Sequence[Item] = (), rules: Sequence[Rule] = (), grain: Grain = Grain.CASE, **facts: object
) -> Table:
    """Return a table, of cases by default."""
    return Table(name, name, "", grain, tuple(items), tuple(rules), **facts)  # type: ignore[arg-type]


def make_rule(rule_id: str, kind: RuleKind = RuleKind.SQL, table: str = "t", **facts: object) -> Rule:
    """Return a written rule, of severity error by default."""
    plain: dict[str, object] = {
        "severity": Severity.ERROR,
        "items": (),
        "title": f"{rule_id} holds",
        "guidance": "Mend it.",
    }
    return Rule(f"tst.{rule_id}", kind, table=table, **{**plain, **facts})  # type: ignore[arg-type]


def make_contract(*tables: Table, **facts: object) -> Contract:
    """Return a contract of some tables, plain except for the given facts."""
    plain: dict[str, object] = {
        "return_code": "TST",
        "version": Version(1, 0, 0),
        "valid_from": "FY2020-21",
        "title": "Test",
        "purpose": "",
        "limitations": "",
        "subject": "test",
        "owner": "",
        "recipients": (),
        "legal_basis": "",
        "burden_minutes": None,
        "period_kind": PeriodKind.FINANCIAL_YEAR,
        "due_days": 30,
        "retention_years": 1,
        "extract": ExtractFormat(FileFormat.CSV),
        "disclosure": Disclosure(DisclosureMethod.NONE),
        "provenance": OURS,
        "path": Path("tst.odcs.yaml"),
        "sha256": "",
    }
    return Contract(tables=tables, **{**plain, **facts})  # type: ignore[arg-type]


def make_bench(*tables: Table, kind: PeriodKind = PeriodKind.FINANCIAL_YEAR) -> Bench:
    """Return a contract of some tables, in a small register."""
    contract = make_contract(*tables, period_kind=kind)
    councils = Councils(MappingProxyType({council.code: council for council in (FIFE, MORAY)}))
    register = Register(Path(), councils, MappingProxyType({COLOURS.id: COLOURS}), MappingProxyType({}), {}, "")
    return Bench(contract, register)


def make_item_bench(*items: Item, rules: Sequence[Rule] = ()) -> Bench:
    """Return a contract of one table, ``t``."""
    return make_bench(make_table("t", items, rules))
