"""A register of four small returns, and rows for them whose every outcome can be worked out by hand.

SHELTER, cases, quarterly, two majors (an item renamed, one added); VISIT, cases that share an item's URN with SHELTER;
BINS, figures, yearly, two tables; CLIENTS, figures about people, so small numbers are withheld.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pyarrow as pa

from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.dbt_build.invocation import BuildOutcome, run_build
from lgdp_pipelines.dbt_build.project import Project, write_project
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Arrival
from lgdp_pipelines.lineage.column_edges import ColumnEdge
from lgdp_pipelines.lineage.column_lineage import build_column_edges
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.register.model.contract import (
    Contract,
    Disclosure,
    DisclosureMethod,
    Register,
    Return,
    Version,
)
from lgdp_pipelines.register.model.derivations import FamilyGroup, Rate
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn, ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.model.table_model import (
    Count,
    Grain,
    Item,
    ItemType,
    Privacy,
    Provenance,
    Role,
    Rule,
    Table,
)
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable, define_landed_table, define_validated_table
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList
from lgdp_pipelines.vocabulary.councils import Council, Councils
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity, Verdict

OURS = Provenance("ours", "")
OLD, NEW, YEAR = "FY2023-24-Q4", "FY2024-25-Q1", "CY2023"
VISITED = "2024-04"


def item(
    name: str,
    urn: str,
    kind: ItemType = ItemType.TEXT,
    role: Role = Role.ATTRIBUTE,
    privacy: Privacy = Privacy.OPEN,
    *,
    key: bool = False,
    **more: object,
) -> Item:
    return Item(
        name=name, header=name.upper(), urn=f"urn:lgdp:item:{urn}", title=name.replace("_", " ").capitalize(),
        definition=f"What {name} is.", type=kind, role=role, required=key, key=key, guidance="Look again.",
        privacy=privacy, provenance=OURS, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def count(urn: str, *by: str) -> Count:
    return Count(f"urn:lgdp:item:{urn}", f"Stays by {', '.join(by) or 'nothing'}", "stays", by)


def stays(ref_name: str, *added: Item) -> Table:
    known_issue = Rule(
        "shelter.nights_rounded", RuleKind.SQL, Severity.KNOWN_ISSUE, "stay", (), "Nights are not rounded", "", sql="-"
    )
    unlikely = replace(known_issue, id="shelter.nights_few", severity=Severity.QUERY, title="Nights are few")
    return Table(
        name="stay", title="Stays", description="A stay.", grain=Grain.CASE,
        items=(
            item("la", "shelter:la", role=Role.COUNCIL),
            item(ref_name, "person:ref", privacy=Privacy.PSEUDONYMISE, key=True),
            item("surname", "shelter:surname", privacy=Privacy.WITHHOLD),
            item("gender", "shelter:gender", code_list="gender"),
            item("reason", "shelter:reason", code_list="reason"),
            item("started", "shelter:started", ItemType.DATE, privacy=Privacy.MONTH),
            item("born", "shelter:born", ItemType.DATE, privacy=Privacy.YEAR),
            item("nights", "shelter:nights", ItemType.INTEGER, Role.MEASURE, unit="nights"),
            *added,
        ),
        rules=(known_issue, unlikely),
        counts=(
            count("shelter:stays"),
            count("shelter:stays_by_gender", "gender"),
            count("shelter:stays_by_gender_and_reason", "gender", "reason"),
        ),
    )  # fmt: skip


def contract(code: str, version: Version, valid_from: str, kind: PeriodKind, tables: tuple[Table, ...]) -> Contract:
    suppressing = Disclosure(DisclosureMethod.SUPPRESS_BELOW, 5)
    return Contract(
        return_code=code, version=version, valid_from=valid_from, title=f"{code} return", purpose="To try out.",
        limitations="", subject="trial", owner="us@example.org", recipients=("us",), legal_basis="none",
        burden_minutes=None, period_kind=kind, due_days=28, retention_years=7, extract=ExtractFormat(FileFormat.CSV),
        disclosure=suppressing if code in {"SHELTER", "CLIENTS"} else Disclosure(DisclosureMethod.NONE),
        provenance=OURS, tables=tables, path=Path(f"{code}.odcs.yaml"), sha256=f"{code}-{version}",
    )  # fmt: skip


def bins() -> tuple[Table, ...]:
    material = Table(
        name="material", title="Material", description="A material.", grain=Grain.AGGREGATE,
        items=(
            item("material", "bins:material", role=Role.DIMENSION, key=True, code_list="material"),
            item("unit", "bins:fate", role=Role.DIMENSION, key=True),
            item("tonnes", "bins:tonnes", ItemType.NUMBER, Role.MEASURE, unit="tonnes"),
            item("bags", "bins:bags", ItemType.INTEGER, Role.MEASURE, unit="bags"),
        ),
        rules=(),
        derived=(
            item("each", "bins:each", ItemType.NUMBER, Role.MEASURE, unit="tonnes per person (people 1)",
                 derived=Rate("tonnes", 1, "people", "1", "people")),
            item("alike", "bins:alike", derived=FamilyGroup("X", "groups", "1")),
        ),
    )  # fmt: skip
    cost = item("cost", "bins:cost", ItemType.DECIMAL, Role.MEASURE, unit="pounds", precision=12, scale=2)
    return material, Table("money", "Money", "A sum.", Grain.AGGREGATE, (cost,), ())


def clients() -> Table:
    return Table(
        name="client", title="Clients", description="A group of clients.", grain=Grain.AGGREGATE,
        items=(
            item("age", "clients:age", role=Role.DIMENSION, key=True),
            item("clients", "clients:clients", ItemType.INTEGER, Role.MEASURE, unit="people"),
            item("rate", "clients:rate", ItemType.NUMBER, Role.MEASURE, unit="per 1,000"),
        ),
        rules=(),
    )  # fmt: skip


def code_list(name: str, **codes: str) -> CodeList:
    return CodeList(name, "1", name, "", "ours", tuple(Code(code, label) for code, label in codes.items()))


PEOPLE = ReferenceTable(
    id="people",
    title="People",
    description="One row for each council and year.",
    columns=(
        ReferenceColumn("council_code", ItemType.TEXT, "Council"),
        ReferenceColumn("year", ItemType.INTEGER, "Year"),
        ReferenceColumn("people", ItemType.INTEGER, "People", "people"),
    ),
    key=("council_code", "year"),
    versions=(
        ReferenceVersion(
            version="1",
            valid_from=date(2020, 1, 1),
            source="here",
            verified="ours",
            rows=(("FIF", "2023", "50"), ("GLG", "2023", "")),
            sha256="a",
        ),
        ReferenceVersion(
            version="2",
            valid_from=date(2024, 1, 1),
            source="here",
            verified="ours",
            rows=(("FIF", "2023", "51"),),
            sha256="b",
        ),
    ),
)


def small_register() -> Register:
    quarter = PeriodKind.FINANCIAL_QUARTER
    bedrooms = item("bedrooms", "shelter:bedrooms", ItemType.INTEGER)
    shelter = Return(
        "SHELTER",
        (
            contract("SHELTER", Version(1, 0, 0), "FY2023-24-Q1", quarter, (stays("stay_ref"),)),
            contract("SHELTER", Version(2, 0, 0), "FY2024-25-Q1", quarter, (stays("ref", bedrooms),)),
        ),
    )
    visit = Table(
        "visit", "Visits", "A visit.", Grain.CASE,
        (item("who", "person:ref", privacy=Privacy.PSEUDONYMISE, key=True), item("why", "visit:why")), (),
    )  # fmt: skip
    returns = (
        shelter,
        Return("VISIT", (contract("VISIT", Version(1, 0, 0), VISITED, PeriodKind.MONTH, (visit,)),)),
        Return("CLIENTS", (contract("CLIENTS", Version(1, 0, 0), YEAR, PeriodKind.CALENDAR_YEAR, (clients(),)),)),
        Return("BINS", (contract("BINS", Version(1, 0, 0), "CY2022", PeriodKind.CALENDAR_YEAR, bins()),)),
    )
    lists = (
        code_list("gender", f="Female", m="Male"),
        code_list("reason", a="Eviction {sic}", b="Bob's fire", c="Other"),
        code_list("material", glass="glass", paper="Paper and card"),
    )
    councils = {
        code: Council(code, name, f"{name} Council", gss, former, sg, health, f"GB-LAS-{code}", (), "READ")
        for code, name, gss, former, sg, health in (
            ("FIF", "Fife", "S12000047", "S12000015", "250", "17"),
            ("GLG", "Glasgow City", "S12000049", None, "260", "18"),
        )
    }
    return Register(
        root=Path(),
        councils=Councils(MappingProxyType(councils)),
        code_lists={code_list.id: code_list for code_list in lists},
        returns={data_return.code: data_return for data_return in returns},
        sources={},
        sha256="small",
        reference={"people": PEOPLE},
    )


def stay_rows(council: str, period: str, cells: Mapping[tuple[str | None, str | None], int], *, ref: str) -> list[dict]:
    """Return a number of stays for each pair of gender and reason.

    Rows are numbered from 2; every third stay has no nights.
    """
    pairs = [pair for pair, times in cells.items() for _ in range(times)]
    return [
        {
            "council_code": council, "period": period, "la": council, ref: f"REF-{council}-{n}", "surname": f"Smith{n}",
            "gender": gender, "reason": reason, "started": date(2024, 4, 1 + n % 28), "born": date(1970 + n, 5, 17),
            "nights": None if n % 3 == 0 else n, "nights_status": "Q" if n % 3 == 0 else "A",
            "_submission_id": f"SHELTER.{council}.{period}.001", "_row": n + 2,
            **({"bedrooms": 2} if ref == "ref" else {}),
        }
        for n, (gender, reason) in enumerate(pairs)
    ]  # fmt: skip


FIFE_NEW = {("f", "a"): 3, ("f", "b"): 20, ("f", "c"): 7, ("m", "a"): 12, ("m", None): 10}
"""By gender: f 30, m 22; in all 52. Of six cells, (f, a) alone is below 5."""


def fill_lake(lake: Lake, register: Register) -> None:
    """Write landed and validated slices of every return."""
    shelter = register.returns["SHELTER"]
    old, new = (contract for contract in shelter.contracts)
    _put(lake, old, "stay", OLD, stay_rows("FIF", OLD, {("f", "a"): 6, ("m", "b"): 8}, ref="stay_ref"))
    small = stay_rows("GLG", NEW, {("m", "c"): 2}, ref="ref")
    _put(lake, new, "stay", NEW, [*stay_rows("FIF", NEW, FIFE_NEW, ref="ref"), *small])
    visits = [
        {"council_code": "FIF", "period": VISITED, "who": f"REF-FIF-{n}", "why": "chat",
         "_submission_id": f"VISIT.FIF.{VISITED}.001", "_row": n + 2}
        for n in (0, 1, 1)
    ]  # fmt: skip
    _put(
        lake,
        register.returns["VISIT"].latest,
        "visit",
        VISITED,
        [{**visit, "_row": n} for n, visit in enumerate(visits)],
    )
    people = [
        {"council_code": "FIF", "period": YEAR, "age": age, "clients": n, "clients_status": "A" if n else "L",
         "rate": None if n is None else n / 10, "rate_status": "A" if n else "L",
         "_submission_id": f"CLIENTS.FIF.{YEAR}.001", "_row": row}
        for row, (age, n) in enumerate({"0-17": 3, "18-64": 20, "65-84": 7, "85+": None}.items(), 2)
    ]  # fmt: skip
    _put(lake, register.returns["CLIENTS"].latest, "client", YEAR, people)
    keys = {"council_code": "FIF", "period": YEAR, "_submission_id": f"BINS.FIF.{YEAR}.001"}
    material = [
        {**keys, "material": "glass", "unit": "recycled", "tonnes": 12.5, "tonnes_status": "A", "bags": 2**40,
         "bags_status": "A", "_row": 1, "each": 0.25, "each_status": "A", "alike": "Urban"},
        {**keys, "material": "paper", "unit": "landfill", "tonnes": None, "tonnes_status": "Q", "bags": 0,
         "bags_status": "A", "_row": 3, "each": None, "each_status": "Q", "alike": "Urban"},
    ]  # fmt: skip
    money = [{**keys, "cost": Decimal("1234.50"), "cost_status": "A", "_row": 2}]
    _put(lake, register.returns["BINS"].latest, "material", YEAR, material)
    _put(lake, register.returns["BINS"].latest, "money", YEAR, money)


def _put(lake: Lake, contract: Contract, table: str, period: str, rows: list[dict]) -> None:
    validated = define_validated_table(contract, contract.by_name[table])
    lake.replace_slice(
        validated, pa.Table.from_pylist(rows, schema=validated.arrow_schema), where={"period": period}, commit={}
    )
    landed = define_landed_table(contract, contract.by_name[table])
    texts = [
        {name: str(row[name]) if row.get(name) is not None else None for name in landed.arrow_schema.names}
        | {"_row": row["_row"]}
        for row in rows
    ]
    lake.replace_slice(
        landed, pa.Table.from_pylist(texts, schema=landed.arrow_schema), where={"period": period}, commit={}
    )


SUBMITTED = (("SHELTER", "FIF", OLD), ("SHELTER", "FIF", NEW), ("SHELTER", "GLG", NEW), ("BINS", "FIF", YEAR))


def fill_ledger(ledger: Ledger, register: Register) -> None:
    """Record receipts, submissions and judgements of the rows of :func:`fill_lake`.

    Fife's stays have a known issue and a query.
    """
    for code, council, period in SUBMITTED:
        name = f"{code}-{council}-{period}.csv".lower()
        ledger.receipts.record(
            Arrival(code, council, period, None, name, 100, f"{council}{period}".ljust(64, "0"), TransportKind.HAND,
                    "hand", council, name)
        )  # fmt: skip
        (submission,) = ledger.submissions.open(code, period)
        contract = register.returns[code].contracts[-1 if period != OLD else 0]
        broken = {"shelter.nights_rounded", "shelter.nights_few"} if (council, period) == ("FIF", NEW) else set()
        results = [RuleOutcome.from_count(rule, 2 if rule.id in broken else 0) for rule in list_rules(contract)]
        verdict = Verdict.QUERIED if broken else Verdict.ACCEPTED
        judged = NewJudgement(
            submission.id, verdict, str(contract.version), contract.sha256, "test", 52, results, list_rules(contract)
        )
        ledger.judgements.record("run", [judged])


@dataclass(frozen=True)
class BuiltPlatform:
    """Platform with every slice conformed and published once."""

    settings: Settings
    register: Register
    project: Project
    lake: Lake
    ledger: Ledger
    outcomes: dict[str, BuildOutcome]

    def read(self, table: str) -> pl.DataFrame:
        """Return a table of the lake, named ``layer.name``."""
        layer, name = table.split(".")
        return self.lake.read(LakeTable(layer, name))

    @cached_property
    def edges(self) -> tuple[ColumnEdge, ...]:
        return build_column_edges(self.project, self.register)


@contextmanager
def build_platform(home: Path) -> Iterator[BuiltPlatform]:
    """Fill a lake and a ledger, and conform and publish every slice of the register's returns."""
    settings = Settings.from_folder(home)
    register = small_register()
    lake = Lake(settings.lake)
    fill_lake(lake, register)
    settings.home.mkdir(exist_ok=True)
    ledger = Ledger.open(settings.database_url)
    fill_ledger(ledger, register)
    ledger.mirror(lake, "SHELTER")
    project = write_project(settings, {**generate_conformed_models(register), **generate_published_models(register)})
    periods = {"SHELTER": [OLD, NEW], "VISIT": [VISITED], "BINS": [YEAR], "CLIENTS": [YEAR]}
    outcomes = {
        code: run_build(project, settings, register.returns[code], ids, commit={"run": "first"})
        for code, ids in periods.items()
    }
    yield BuiltPlatform(settings, register, project, lake, ledger, outcomes)
    ledger.close()
