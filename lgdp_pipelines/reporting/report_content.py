"""The content of a report, and of a note on an unplaced file: values that every format writes alike.

Belongs here: the records, and deriving them from ledger, lake and contract. Belongs elsewhere: sentences
(``report_texts``), formats (``report_formats``), and gathering (``workflows.report_gathering``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from lgdp_pipelines.handover.judgement_values import Repair, RuleOutcome
from lgdp_pipelines.ledger.query_records import Query, QueryEvent, QueryState, RecordedIssue
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import due_date
from lgdp_pipelines.reporting.wording import format_rows
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict


@dataclass(frozen=True, slots=True)
class ReportedQuery:
    """A query, with what helps to answer it.

    Attributes:
        query: as the ledger has it.
        earlier_answer: to the same question for an earlier period; None where there is no such answer.
        reopening: the recipient's words when the open query was last sent back; None otherwise.
        known_issues: on the very items of the query.
    """

    query: Query
    earlier_answer: QueryEvent | None
    reopening: QueryEvent | None
    known_issues: tuple[RecordedIssue, ...]

    @property
    def is_open(self) -> bool:
        """Return whether it waits for the council."""
        return self.query.state is QueryState.OPEN


@dataclass(frozen=True, slots=True)
class ReportedJudgement:
    """A judgement as a report shows it, whether the ledger has it or not.

    Attributes:
        verdict: accepted, queried or rejected.
        results: of each rule; in a report in the contract's order.
        findings: frame with the columns of ``FINDING_SCHEMA``, in the order of the file.
        table_rows: number of rows by table name.
        judged_at: in UTC.
        repairs: counts of cells that were brought into the contract's own spelling.
    """

    verdict: Verdict
    results: tuple[RuleOutcome, ...]
    findings: pl.DataFrame
    table_rows: Mapping[str, int]
    judged_at: datetime
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedStatus:
    """The submission's status as a report shows it.

    Attributes:
        reference: the submission's id, or ``receipt-<n>`` before one is opened.
        state: of the submission, or of the receipt.
        is_preliminary: whether the sender waited for this judgement and the platform has yet to process the submission.
        is_late: whether neither this nor any earlier accepted submission came by the due day.
        current: id of the council's current submission; None where there is none.
        queries: about the submission, expired ones left out.
        known_issues: that are published with its figures.
    """

    reference: str
    state: str
    is_preliminary: bool
    is_late: bool
    current: str | None
    queries: tuple[ReportedQuery, ...] = ()
    known_issues: tuple[RecordedIssue, ...] = ()

    @property
    def open_rules(self) -> tuple[str, ...]:
        """Ids of the rules that wait for the council's answer, each once."""
        return tuple(dict.fromkeys(reported.query.rule for reported in self.queries if reported.is_open))


@dataclass(frozen=True, slots=True)
class FindingPlace:
    """A place that breaks a rule.

    Attributes:
        sheet: of a workbook; empty for other files.
        column: header as in the file; empty where no single column is meant.
        rows: in words; empty where no row is meant.
        note: text that the rule's guidance lacks; empty for none.
    """

    sheet: str
    column: str
    rows: str
    note: str


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A broken rule, with every listed place.

    Attributes:
        rule: its id.
        severity: error, query or known issue.
        title: the statement that should be true.
        guidance: the action for the council.
        table: title of the table; empty where the whole extract is meant, or the return has a single table.
        failed: number of places that break it.
        listed: number of those that are listed.
        places: in the order of the file.
        queries: about it, by scope.
    """

    rule: str
    severity: Severity
    title: str
    guidance: str
    table: str
    failed: int
    listed: int
    places: tuple[FindingPlace, ...]
    queries: tuple[ReportedQuery, ...]

    @property
    def is_open(self) -> bool:
        """Return whether any query about it waits for the council's answer."""
        return any(reported.is_open for reported in self.queries)


@dataclass(frozen=True, slots=True)
class UncheckedRules:
    """Rules that could not be run, for one reason.

    Attributes:
        reason: for the council.
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
        receipts: of its files.
        judgement: of the submission.
        status: of the submission.
        broken_rules: errors first, then queries, then known issues.
        unchecked_rules: by reason.
    """

    council: Council
    contract: Contract
    period: Period
    receipts: tuple[Receipt, ...]
    judgement: ReportedJudgement
    status: ReportedStatus
    broken_rules: tuple[BrokenRule, ...]
    unchecked_rules: tuple[UncheckedRules, ...]

    @property
    def due(self) -> date:
        """The day it was due."""
        return due_date(self.contract, self.period)

    @property
    def row_count(self) -> int:
        """Number of rows over all tables."""
        return sum(self.judgement.table_rows.values())

    @property
    def passed_count(self) -> int:
        """Number of rules that hold."""
        return sum(outcome.result is RuleResult.PASSED for outcome in self.judgement.results)

    @property
    def repairs(self) -> tuple[tuple[str, str, int], ...]:
        """Title of the item, kind of repair in words, and number of cells, in the contract's order."""
        titles = {(table.name, item.urn): item.title for table in self.contract.tables for item in table.items}
        order = {key: number for number, key in enumerate(titles)}
        known = [repair for repair in self.judgement.repairs if (repair.table, repair.item) in titles]
        known.sort(key=lambda repair: order[repair.table, repair.item])
        return tuple((titles[repair.table, repair.item], repair.kind.description, repair.cells) for repair in known)

    def count_failures(self, severity: Severity) -> int:
        """Return the number of places that break rules of a severity."""
        return sum(broken.failed for broken in self.broken_rules if broken.severity is severity)


@dataclass(frozen=True, slots=True)
class ExpectedFileName:
    """The file name that a return expects.

    Attributes:
        return_code: such as ``HL1``.
        title: of the return.
        folder: to put it in; empty for the top folder.
        example: a name that would be recognised; empty where there is no example.
    """

    return_code: str
    title: str
    folder: str
    example: str


@dataclass(frozen=True)
class UnplacedFileNote:
    """Everything that goes back on a file that matches no return.

    Attributes:
        council: whose account it came by.
        receipt: of the file.
        names: that files from this account should have.
    """

    council: Council
    receipt: Receipt
    names: tuple[ExpectedFileName, ...]


def build_report(
    contract: Contract,
    council: Council,
    period: Period,
    receipts: Sequence[Receipt],
    *,
    judgement: ReportedJudgement,
    status: ReportedStatus,
) -> Report:
    """Return the report on one submission.

    Args:
        contract: that the submission was judged by.
        council: that sent it.
        period: that it is for.
        receipts: of the files that it was read from.
        judgement: of the submission.
        status: of the submission.
    """
    rules = {rule.id: rule for rule in list_rules(contract)}
    by_rule = {str(key[0]): frame for key, frame in judgement.findings.partition_by("rule", as_dict=True).items()}
    order = {rule: number for number, rule in enumerate(rules)}
    results = tuple(sorted(judgement.results, key=lambda outcome: order.get(outcome.rule, len(order))))
    broken = [
        _build_broken_rule(
            contract,
            rules.get(outcome.rule),
            outcome,
            by_rule.get(outcome.rule, judgement.findings.clear()),
            status.queries,
        )
        for outcome in results
        if outcome.result is RuleResult.FAILED
    ]
    severities = list(Severity)
    return Report(
        council=council,
        contract=contract,
        period=period,
        receipts=tuple(receipts),
        judgement=replace(judgement, results=results),
        status=status,
        broken_rules=tuple(sorted(broken, key=lambda rule: severities.index(rule.severity))),
        unchecked_rules=_list_unchecked_rules(results, rules),
    )


def _build_broken_rule(
    contract: Contract,
    rule: Rule | None,
    outcome: RuleOutcome,
    findings: pl.DataFrame,
    queries: Sequence[ReportedQuery],
) -> BrokenRule:
    """Return a broken rule.

    One that the contract no longer has is described by its findings alone.
    """
    about_rule = tuple(reported for reported in queries if reported.query.rule == outcome.rule)
    if rule is None:
        severity = Severity(findings["severity"][0]) if findings.height else Severity.ERROR
        places = _list_places(findings, "", "")
        return BrokenRule(
            outcome.rule, severity, outcome.rule, "", "", outcome.failed, findings.height, places, about_rule
        )
    return BrokenRule(
        rule=rule.id,
        severity=rule.severity,
        title=rule.title,
        guidance=rule.guidance,
        table=contract.by_name[rule.table].title if rule.table in contract.by_name and len(contract.tables) > 1 else "",
        failed=outcome.failed,
        listed=findings.height,
        places=_list_places(findings, f"Not met: {rule.title}. {rule.guidance}", rule.guidance),
        queries=about_rule,
    )


def _list_places(findings: pl.DataFrame, usual_message: str, guidance: str) -> tuple[FindingPlace, ...]:
    """Return the places, with the rows of one column and one note together."""
    grouped = findings.group_by("sheet", "column", "message", maintain_order=True).agg("row")
    return tuple(
        FindingPlace(
            sheet=group["sheet"] or "",
            column=group["column"] or "",
            rows=format_rows(row for row in group["row"] if row is not None),
            note=group["message"].removeprefix(usual_message).removesuffix(guidance).strip(),
        )
        for group in grouped.iter_rows(named=True)
    )


def _list_unchecked_rules(results: Sequence[RuleOutcome], rules: Mapping[str, Rule]) -> tuple[UncheckedRules, ...]:
    by_reason: dict[str, list[str]] = {}
    for outcome in results:
        if outcome.result is RuleResult.NOT_RUN:
            title = rules[outcome.rule].title if outcome.rule in rules else outcome.rule
            by_reason.setdefault(outcome.reason, []).append(title)
    return tuple(UncheckedRules(reason, tuple(titles)) for reason, titles in by_reason.items())
