"""What a report tells: plain values, worked out once, so that each way of writing it says the same.

What belongs here: the records, and working them out from what ledger, lake and contract say. What does not: how they
are written (``page``, ``files``, ``words``), and fetching anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from lgdp_pipelines.handover.findings import RuleOutcome
from lgdp_pipelines.handover.repairs import Repair
from lgdp_pipelines.ledger.ledger_values import Receipt
from lgdp_pipelines.ledger.query_values import KeptIssue
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import due_date
from lgdp_pipelines.reporting.query_texts import AskedQuery
from lgdp_pipelines.reporting.wording import rows_in_words
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging came to, whether the ledger has it or not.

    Attributes:
        verdict: accepted, queried or rejected.
        results: what became of each rule; in a report in the contract's order.
        findings: frame with the columns of ``FINDING_SCHEMA``, in the order of the file.
        table_rows: how many rows each table has, by name.
        judged_at: in UTC.
        repairs: how many cells were brought into the contract's own spelling.
    """

    verdict: Verdict
    results: tuple[RuleOutcome, ...]
    findings: pl.DataFrame
    table_rows: Mapping[str, int]
    judged_at: datetime
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Stand:
    """How the submission stands.

    Attributes:
        reference: the submission's id, or ``receipt-<n>`` where none was opened yet.
        state: what has become of it.
        is_preliminary: whether it was judged while its sender waited, and the platform has still to take it on.
        is_late: whether neither it nor anything accepted before it came by the due day.
        current: the submission whose figures stand now; None where none does.
        asked: queries about it that have not expired.
        issues: known issues that show with its figures.
    """

    reference: str
    state: str
    is_preliminary: bool
    is_late: bool
    current: str | None
    asked: tuple[AskedQuery, ...] = ()
    issues: tuple[KeptIssue, ...] = ()

    @property
    def open_queries(self) -> tuple[str, ...]:
        """Ids of the rules that wait for the council's answer, each once."""
        return tuple(dict.fromkeys(one.query.rule for one in self.asked if one.is_open))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule is broken.

    Attributes:
        sheet: of a workbook; empty where there are no sheets.
        column: header as in the file; empty where no single one is meant.
        rows: in words; empty where no row is meant.
        note: what the rule's own guidance does not say; empty where that is all.
    """

    sheet: str
    column: str
    rows: str
    note: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that is broken, and everywhere that it is.

    Attributes:
        rule: its id.
        severity: what it does to the submission.
        title: what should be true.
        guidance: what to do.
        table: title of the table; empty where the extract as a whole is meant, or the return has but one.
        failed: how many places break it.
        listed: how many of them are listed.
        places: where, in the order of the file.
        asked: queries about it, by scope.
    """

    rule: str
    severity: Severity
    title: str
    guidance: str
    table: str
    failed: int
    listed: int
    places: tuple[Place, ...]
    asked: tuple[AskedQuery, ...]

    @property
    def is_open(self) -> bool:
        """Whether any query about it waits for the council's answer."""
        return any(one.is_open for one in self.asked)


@dataclass(frozen=True, slots=True)
class NotRun:
    """Rules that could not be run.

    Attributes:
        reason: why, for the council.
        titles: of the rules.
    """

    reason: str
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything that goes back on one submission.

    Attributes:
        council: that sent it.
        contract: that it was judged by.
        period: that it is for.
        files: receipts of the files that it was read from.
        judged: what judging it came to.
        stand: how it stands.
        broken: rules that are broken: errors first, then queries, then what is merely noted.
        not_run: rules that could not be run, by reason.
    """

    council: Council
    contract: Contract
    period: Period
    files: tuple[Receipt, ...]
    judged: Judged
    stand: Stand
    broken: tuple[Broken, ...]
    not_run: tuple[NotRun, ...]

    @property
    def received_at(self) -> datetime:
        """When the last of its files came, in UTC."""
        return max(receipt.received_at for receipt in self.files)

    @property
    def due(self) -> date:
        """The day it was due."""
        return due_date(self.contract, self.period)

    @property
    def rows(self) -> int:
        """How many rows it has, over all tables."""
        return sum(self.judged.table_rows.values())

    @property
    def passed(self) -> int:
        """How many rules hold."""
        return sum(one.result is RuleResult.PASSED for one in self.judged.results)

    @property
    def repaired(self) -> tuple[tuple[str, str, int], ...]:
        """Title of the item, what was done, and in how many cells, in the contract's order."""
        items = {(table.name, item.urn): item.title for table in self.contract.tables for item in table.items}
        place = {key: number for number, key in enumerate(items)}
        told = [one for one in self.judged.repairs if (one.table, one.item) in items]
        return tuple(
            (items[one.table, one.item], one.kind.words, one.cells)
            for one in sorted(told, key=lambda one: place[one.table, one.item])
        )

    def failed(self, severity: Severity) -> int:
        """How many places break rules of a severity."""
        return sum(one.failed for one in self.broken if one.severity is severity)


def report_of(
    contract: Contract,
    council: Council,
    period: Period,
    files: Sequence[Receipt],
    *,
    judged: Judged,
    stand: Stand,
) -> Report:
    """Work a report out.

    Args:
        contract: that the submission was judged by.
        council: that sent it.
        period: that it is for.
        files: receipts of the files that it was read from.
        judged: what judging it came to.
        stand: how it stands.
    """
    rules = {rule.id: rule for rule in list_rules(contract)}
    tables = {table.name: table.title for table in contract.tables}
    by_rule = {str(key[0]): frame for key, frame in judged.findings.partition_by("rule", as_dict=True).items()}
    empty = judged.findings.clear()
    place = {rule: number for number, rule in enumerate(rules)}
    judged = replace(judged, results=tuple(sorted(judged.results, key=lambda one: place.get(one.rule, len(place)))))
    broken = [
        _broken(rules.get(one.rule), one, by_rule.get(one.rule, empty), tables, stand.asked)
        for one in judged.results
        if one.result is RuleResult.FAILED
    ]
    worst = list(Severity)
    return Report(
        council=council,
        contract=contract,
        period=period,
        files=tuple(files),
        judged=judged,
        stand=stand,
        broken=tuple(sorted(broken, key=lambda one: worst.index(one.severity))),
        not_run=_not_run(judged.results, rules),
    )


def _broken(
    rule: Rule | None,
    outcome: RuleOutcome,
    found: pl.DataFrame,
    tables: Mapping[str, str],
    asked: Sequence[AskedQuery],
) -> Broken:
    """A broken rule; one that the contract no longer has is told by its findings alone."""
    severity = rule.severity if rule else Severity(found["severity"][0]) if found.height else Severity.ERROR
    usual = f"Not met: {rule.title}. {rule.guidance}" if rule else ""
    return Broken(
        rule=outcome.rule,
        severity=severity,
        title=rule.title if rule else outcome.rule,
        guidance=rule.guidance if rule else "",
        table=tables.get(rule.table, "") if rule and len(tables) > 1 else "",
        failed=outcome.failed,
        listed=found.height,
        places=_places(found, usual, rule.guidance if rule else ""),
        asked=tuple(one for one in asked if one.query.rule == outcome.rule),
    )


def _places(found: pl.DataFrame, usual: str, guidance: str) -> tuple[Place, ...]:
    """Where, with the rows of one column and one note together."""
    grouped = found.group_by("sheet", "column", "message", maintain_order=True).agg("row")
    return tuple(
        Place(
            sheet=one["sheet"] or "",
            column=one["column"] or "",
            rows=rows_in_words(row for row in one["row"] if row is not None),
            note=one["message"].removeprefix(usual).removesuffix(guidance).strip(),
        )
        for one in grouped.iter_rows(named=True)
    )


def _not_run(results: Sequence[RuleOutcome], rules: Mapping[str, Rule]) -> tuple[NotRun, ...]:
    by_reason: dict[str, list[str]] = {}
    for one in results:
        if one.result is RuleResult.NOT_RUN:
            by_reason.setdefault(one.reason, []).append(rules[one.rule].title if one.rule in rules else one.rule)
    return tuple(NotRun(reason, tuple(titles)) for reason, titles in by_reason.items())
