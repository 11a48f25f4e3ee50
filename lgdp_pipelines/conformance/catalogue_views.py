"""The catalogue's views over everything but releases: register, reference and conformed tables, ledger, lineage.

Belongs here: these views and their comments. Belongs elsewhere: writing the catalogue (``storage.sql_catalogue``), and
views of releases (``publication.release_views``).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from string import Template
from types import MappingProxyType

from lgdp_pipelines.dbt_build.model_tables import COUNCIL, OBSERVATION, PERIOD, case_table
from lgdp_pipelines.dbt_build.model_text import select_rows
from lgdp_pipelines.handover.column_types import column_type
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.lineage.column_edges import COLUMN_EDGE_TABLE
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import Grain, Privacy, Role
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.versions.version_union import UnitedTable, unite_tables
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import FINDING
from lgdp_pipelines.storage.sql_catalogue import CatalogueView
from lgdp_pipelines.vocabulary.table_columns import ROW, name_status_column

_TEXT = "varchar"

_RULE_NOISE: Mapping[str, str] = {
    "return_code": "The return.",
    "rule": "Stable id of the rule.",
    "judged": "Submissions that it was run on, by their latest judgement.",
    "findings": "Places in those submissions that broke it.",
    "opened": "Queries that it led to.",
    "accepted": "Queries whose answer is accepted.",
    "sent_back": "Number of times that an answer was sent back.",
    "corrected": "Queries that expired because a later submission no longer showed them.",
    "noise": "Queries whose answer, correct-as-sent, is accepted.",
    "noise_share": "Share of noise in the queries accepted or corrected; null without any.",
}


def build_catalogue_views(register: Register) -> tuple[CatalogueView, ...]:
    """Return the catalogue's views over everything but releases."""
    cases = [
        CatalogueView("conformed", case_table(table).name, case_table(table), comments=describe_case_columns(table))
        for data_return in register.returns.values()
        for table in unite_tables(data_return)
        if table.newest.grain is Grain.CASE
    ]
    stored_tables = [COUNCIL, PERIOD, OBSERVATION, FINDING, COLUMN_EDGE_TABLE, *TABLES.values()]
    return (
        _view_returns(register),
        _view_items(register),
        _view_codes(register),
        _view_rules(register),
        *(_view_reference_table(table) for table in register.reference.values()),
        *cases,
        *(CatalogueView(table.layer, table.name, table) for table in stored_tables),
        CatalogueView(
            "ledger",
            "rule_noise",
            select_rule_noise,
            needs=(TABLES["rule_result"], TABLES["query"]),
            description="The queries that each rule has opened, and their outcomes; noisiest rules first.",
            comments=_RULE_NOISE,
        ),
    )


def select_rule_noise(lake: Lake) -> str:
    """Return the statement of the view ``ledger.rule_noise``."""
    statement = Template(Path(__file__).with_name("rule_noise.sql").read_text(encoding="utf-8"))
    return statement.substitute(rule_result=lake.scan_sql(TABLES["rule_result"]), query=lake.scan_sql(TABLES["query"]))


def describe_case_columns(table: UnitedTable) -> Mapping[str, str]:
    """Return the comments on columns of a conformed table of cases."""
    items = {
        item.name: f"{item.declared.title}."
        + (" A pseudonym that matches within this return alone." if item.privacy is Privacy.PSEUDONYMISE else "")
        for item in table.carried_items
    }
    keys = {
        "council_code": COUNCIL.comments["council_code"],
        "period": PERIOD.comments["period"],
        "_submission_id": OBSERVATION.comments["_submission_id"],
        ROW: "The row as a person sees it in the file.",
    }
    statuses = {
        name_status_column(item.name): f"Observation status of {item.declared.title}."
        for item in table.carried_items
        if item.declared.role is Role.MEASURE
    }
    return MappingProxyType({**items, **statuses, **keys})


def _view(
    schema: str,
    name: str,
    description: str,
    columns: Mapping[str, tuple[str, str]],
    rows: Iterable[tuple[object, ...]],
) -> CatalogueView:
    """Return a view of constant rows.

    ``columns`` has the SQL type and the comment of each column.
    """
    types = {column: kind for column, (kind, _) in columns.items()}
    comments = {column: text for column, (_, text) in columns.items()}
    return CatalogueView(schema, name, select_rows(types, rows), description=description, comments=comments)


def _view_reference_table(table: ReferenceTable) -> CatalogueView:
    """Return a view of all versions of a reference table."""
    columns = {
        column.name: (
            column_type(column.type).sql,
            f"{column.title}, in {column.unit}." if column.unit else f"{column.title}.",
        )
        for column in table.columns
    }
    columns |= {
        "version": (_TEXT, "Version of the table, as contracts name it."),
        "valid_from": ("date", "First day that the version is to be used for."),
        "valid_to": ("date", "Last day; null: it is the newest."),
        "verified": (_TEXT, "READ; memory, unverified; or ours."),
        "source": (_TEXT, "Source that it was read from."),
    }
    ends = [next_version.valid_from - timedelta(days=1) for next_version in table.versions[1:]]
    rows = (
        (*(cell or None for cell in row), version.version, version.valid_from, end, version.verified, version.source)
        for version, end in zip(table.versions, [*ends, None], strict=True)
        for row in version.rows
    )
    return _view("reference", table.slug, table.title, columns, rows)


def _view_returns(register: Register) -> CatalogueView:
    """Return the view of returns, by their newest contracts."""
    return _view(
        "register",
        "return",
        "Every return that councils are asked for.",
        columns={
            "return_code": (_TEXT, "The return."),
            "title": (_TEXT, "For people."),
            "purpose": (_TEXT, "Reason for asking."),
            "limitations": (_TEXT, "Limitations that a user should know."),
            "subject": (_TEXT, "Group of returns."),
            "owner": (_TEXT, "Address of the owner, who answers for it."),
            "recipients": (_TEXT, "Bodies entitled to it."),
            "legal_basis": (_TEXT, "Legal reason for councils to give it."),
            "burden_minutes": ("bigint", "Minutes that one answer costs a council; null where unknown."),
            "period_kind": (_TEXT, "Kind of its periods."),
            "first_period": (_TEXT, "First period it was asked for."),
            "due_days": ("bigint", "Days after a period's end on which a submission is due."),
            "retention_years": ("bigint", "How long received bytes are kept."),
            "contract_version": (_TEXT, "Newest version of the contract."),
            "disclosure": (_TEXT, "Treatment of small numbers."),
            "threshold": ("bigint", "Counts above 0 and below it are withheld; 0 where no count is."),
            "verified": (_TEXT, "READ, or memory, unverified."),
            "source": (_TEXT, "Source that it was read from."),
        },
        rows=[
            (
                data_return.code, contract.title, contract.purpose, contract.limitations, contract.subject,
                contract.owner, ", ".join(contract.recipients), contract.legal_basis, contract.burden_minutes,
                str(contract.period_kind), data_return.first_period.id, contract.due_days, contract.retention_years,
                str(contract.version), str(contract.disclosure.method), contract.disclosure.threshold,
                contract.provenance.verified, contract.provenance.source,
            )
            for data_return in register.returns.values()
            for contract in [data_return.latest]
        ],
    )  # fmt: skip


def _view_items(register: Register) -> CatalogueView:
    """Return the view of data items, counted figures included."""
    rows: list[tuple[object, ...]] = []
    for table in (table for data_return in register.returns.values() for table in unite_tables(data_return)):
        rows += [
            (
                united.urn, table.data_return.code, table.name, united.name, None if item.derived else item.header,
                item.title, item.definition, str(united.type), str(item.role), item.unit, item.code_list,
                item.required, item.key, str(united.privacy), item.guidance, item.provenance.verified,
                item.provenance.source,
            )
            for united in table.items
            for item in [united.declared]
        ]  # fmt: skip
        rows += [
            (
                count.urn, table.data_return.code, table.name, None, None, count.title,
                f"Counted by the platform over {table.newest.title}, by {', '.join(count.by) or 'nothing'}.",
                "integer", "count", count.unit, None, True, False, str(Privacy.OPEN), "", "ours", "",
            )
            for count in table.counts
        ]  # fmt: skip
    return _view(
        "register",
        "data_item",
        "Every data item, in each table of a return that has it.",
        columns={
            "item": (_TEXT, "URN of the data item, stable over versions and names."),
            "return_code": (_TEXT, "The return that asks it."),
            "table_name": (_TEXT, "Table of the return."),
            "name": (_TEXT, "Column in conformed and published tables; null for a figure that the platform counts."),
            "header": (_TEXT, "Column in a council's extract; null for a value that the platform counts or works out."),
            "title": (_TEXT, "For people."),
            "definition": (_TEXT, "In full."),
            "type": (_TEXT, "Type of its values."),
            "role": (_TEXT, "Role in its table; count for a figure that the platform counts."),
            "unit": (_TEXT, "Of a figure."),
            "code_list": (_TEXT, "Its code list; null without one."),
            "is_required": ("boolean", "Whether every row must fill it in."),
            "is_key": ("boolean", "Whether it is part of the table's key."),
            "privacy": (_TEXT, "Treatment of its values before publication."),
            "guidance": (_TEXT, "Action for a council where a value is wrong."),
            "verified": (_TEXT, "READ; memory, unverified; or ours."),
            "source": (_TEXT, "Source that it was read from."),
        },
        rows=rows,
    )


def _view_codes(register: Register) -> CatalogueView:
    """Return the view of codes."""
    return _view(
        "register",
        "code",
        "Every code of every code list.",
        columns={
            "code_list": (_TEXT, "Id of the code list."),
            "version": (_TEXT, "Its version."),
            "title": (_TEXT, "Its title."),
            "code": (_TEXT, "As stored."),
            "label": (_TEXT, "Meaning of the code."),
            "valid_from": ("date", "First day it may be used; null: always could."),
            "valid_to": ("date", "Last day it may be used; null: still may."),
            "verified": (_TEXT, "READ, or memory, unverified."),
            "source": (_TEXT, "Source that it was read from."),
        },
        rows=[
            (
                codes.id, codes.version, codes.title, code.code, code.label, code.valid_from, code.valid_to,
                codes.verified, codes.source,
            )
            for codes in register.code_lists.values()
            for code in codes.codes
        ],
    )  # fmt: skip


def _view_rules(register: Register) -> CatalogueView:
    """Return the view of all rules, each from its newest contract."""
    newest: dict[str, tuple[object, ...]] = {
        rule.id: (
            rule.id, data_return.code, str(contract.version), str(rule.kind), str(rule.severity), rule.table,
            rule.title, rule.guidance,
        )
        for data_return in register.returns.values()
        for contract in data_return.contracts
        for rule in list_rules(contract)
    }  # fmt: skip
    return _view(
        "register",
        "rule",
        "Every rule that submissions are held to.",
        columns={
            "rule": (_TEXT, "Stable id."),
            "return_code": (_TEXT, "The return."),
            "contract_version": (_TEXT, "Newest version of the contract that has it."),
            "kind": (_TEXT, "Kind of test."),
            "severity": (_TEXT, "error, query or known_issue."),
            "table_name": (_TEXT, "Table of the return; empty for a rule on the extract as a whole."),
            "title": (_TEXT, "Statement that is true when the rule holds."),
            "guidance": (_TEXT, "Action for a council when the rule does not hold."),
        },
        rows=newest.values(),
    )
