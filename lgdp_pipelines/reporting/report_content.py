"""The content of a report, and of a note on an unplaced file: values that every format writes alike.

Belongs here: the records, and deriving them from ledger, lake and contract. Belongs elsewhere: sentences
(``report_texts``), formats (``report_formats``), and gathering (``workflows.report_delivery``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

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
    """A query with the facts that help to answer it.

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
        """Whether the query waits for the council."""
        return self.query.state is QueryState.OPEN


@dataclass(frozen=True, slots=True)
class ReportedJudgement:
    """A judgement as a report shows it.

    That of a preliminary report is not in the ledger.

    Attributes:
        verdict: accepted, queried or rejected.
        outcomes: of each rule.
        findings: frame with the columns of ``FINDING_SCHEMA``, in the order of the file.
        table_rows: number of rows by table name.
        judged_at: in UTC.
        repairs: counts of cells that were brought into the contract's own spelling.
    """

    verdict: Verdict
    outcomes: tuple[RuleOutcome, ...]
    findings: pl.DataFrame
    table_rows: Mapping[str, int]
    judged_at: datetime
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedStatus:
    """The status of a submission as a report shows it.

    Attributes:
        reference: the submission's id, or ``receipt-<n>`` before one is opened.
        state: of the submission, or of the receipt.
        is_preliminary: whether the sender waited for this judgement and the platform has yet to process the submission.
        is_late: whether neither this nor any earlier accepted submission came by the due day.
        current_id: of the council's current submission; None where there is none.
        queries: about the submission, expired ones left out.
        known_issues: that are published with its figures.
    """

    reference: str
    state: str
    is_preliminary: bool
    is_late: bool
    current_id: str | None
    queries: tuple[ReportedQuery, ...] = ()
    known_issues: tuple[RecordedIssue, ...] = ()

    @property
    def open_rules(self) -> tuple[str, ...]:
        """Ids of the rules that wait for the council's answer, each once."""
        return tuple(dict.fromkeys(entry.query.rule for entry in self.queries if entry.is_open))


@dataclass(frozen=True, slots=True)
class FindingPlace:
    """The rows of one column that break a rule.

    Attributes:
        sheet: of a workbook; empty for other files.
        column: header as in the file; empty where no single column is meant.
        rows: in words; empty where no row is meant.
        note: text that the rule's guidance lacks; empty without one.
    """

    sheet: str
    column: str
    rows: str
    note: str


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A broken rule and the places that break it.

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
        """Whether any query about the rule waits for the council's answer."""
        return any(entry.is_open for entry in self.queries)


@dataclass(frozen=True)
class Report:
    """Everything that goes back on one submission.

    Attributes:
        contract: that the submission was judged by.
        council: that sent it.
        period: that it is for.
        receipts: of the files that it was read from.
        judgement: of the submission.
        status: of the submission.
    """

    contract: Contract
    council: Council
    period: Period
    receipts: Sequence[Receipt]
    judgement: ReportedJudgement
    status: ReportedStatus

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """Rules of the contract, by id."""
        return {rule.id: rule for rule in list_rules(self.contract)}

    @cached_property
    def outcomes(self) -> tuple[RuleOutcome, ...]:
        """Outcome of each rule, in the contract's order."""
        order = {rule: number for number, rule in enumerate(self.rules)}
        return tuple(sorted(self.judgement.outcomes, key=lambda outcome: order.get(outcome.rule, len(order))))

    @cached_property
    def broken_rules(self) -> tuple[BrokenRule, ...]:
        """Broken rules: errors first, then queries, then known issues."""
        descriptions = [
            self._describe_broken_rule(outcome) for outcome in self.outcomes if outcome.result is RuleResult.FAILED
        ]
        severities = list(Severity)
        return tuple(sorted(descriptions, key=lambda rule: severities.index(rule.severity)))

    def _describe_broken_rule(self, outcome: RuleOutcome) -> BrokenRule:
        """Return a broken rule with its places and queries.

        A rule that the contract no longer has is described by its findings alone.
        """
        findings = self.judgement.findings.filter(rule=outcome.rule)
        queries = tuple(entry for entry in self.status.queries if entry.query.rule == outcome.rule)
        rule = self.rules.get(outcome.rule)
        if rule is None:
            severity = Severity(findings["severity"][0]) if findings.height else Severity.ERROR
            places = _list_places(findings, "", "")
            return BrokenRule(
                outcome.rule, severity, outcome.rule, "", "", outcome.failed, findings.height, places, queries
            )
        has_own_table = rule.table in self.contract.by_name and len(self.contract.tables) > 1
        return BrokenRule(
            rule=rule.id,
            severity=rule.severity,
            title=rule.title,
            guidance=rule.guidance,
            table=self.contract.by_name[rule.table].title if has_own_table else "",
            failed=outcome.failed,
            listed=findings.height,
            places=_list_places(findings, f"Not met: {rule.title}. {rule.guidance}", rule.guidance),
            queries=queries,
        )

    @cached_property
    def unchecked_rules(self) -> Mapping[str, Sequence[str]]:
        """Titles of the rules that could not be run, by reason."""
        titles: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            if outcome.result is RuleResult.NOT_RUN:
                titles.setdefault(outcome.reason, []).append(self.find_rule_title(outcome.rule))
        return titles

    def find_rule_title(self, rule: str) -> str:
        """Return a rule's title, or its id where the contract lacks it."""
        return self.rules[rule].title if rule in self.rules else rule

    @property
    def due(self) -> date:
        """Day on which the submission was due."""
        return due_date(self.contract, self.period)

    @property
    def row_count(self) -> int:
        """Number of rows over all tables."""
        return sum(self.judgement.table_rows.values())

    @property
    def passed_count(self) -> int:
        """Number of rules that hold."""
        return sum(outcome.result is RuleResult.PASSED for outcome in self.judgement.outcomes)

    @property
    def repairs(self) -> tuple[tuple[str, str, int], ...]:
        """Item title, repair in words, and number of cells.

        They are in the contract's order.
        """
        return tuple(
            (item.title, repair.kind.description, repair.cells)
            for table in self.contract.tables
            for item in table.items
            for repair in self.judgement.repairs
            if (repair.table, repair.item) == (table.name, item.urn)
        )

    def count_failures(self, severity: Severity) -> int:
        """Return the number of places that break rules of a severity."""
        return sum(rule.failed for rule in self.broken_rules if rule.severity is severity)


@dataclass(frozen=True, slots=True)
class ExpectedFileName:
    """The name that files of a return should have.

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


def _list_places(findings: pl.DataFrame, usual_message: str, guidance: str) -> tuple[FindingPlace, ...]:
    """Return findings' places, with rows of one column and note together."""
    groups = findings.group_by("sheet", "column", "message", maintain_order=True).agg("row")
    return tuple(
        FindingPlace(
            sheet=group["sheet"] or "",
            column=group["column"] or "",
            rows=format_rows(row for row in group["row"] if row is not None),
            note=group["message"].removeprefix(usual_message).removesuffix(guidance).strip(),
        )
        for group in groups.iter_rows(named=True)
    )
