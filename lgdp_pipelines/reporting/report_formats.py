"""The formats of a report and of a note on an unplaced file: JSON, CSV, text, HTML, and the files of each.

Pure: values in, text or bytes out. Belongs here: the layout of a report in each format, and the list of its files.
Belongs elsewhere: sentences (``report_texts``, ``wording``), and delivering the files (``workflows.report_delivery``).

The HTML page has no script and fetches nothing, so that it can be read, printed and kept. Its templates are in
``templates/`` and escape everything; names from outside are put on one readable line first.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.reporting.report_content import BrokenRule, FindingPlace, Report, ReportedQuery, UnplacedFileNote
from lgdp_pipelines.reporting.report_texts import explain_query, write_headline, write_next_steps, write_summary
from lgdp_pipelines.reporting.spreadsheet_safety import CsvCell, format_csv
from lgdp_pipelines.reporting.wording import SEVERITY_WORDS, format_count, format_day, format_moment, sanitise_name

Json = Mapping[str, object]

PAGE, FINDINGS_CSV, FINDINGS_JSON, RECEIPT = "report.html", "findings.csv", "findings.json", "receipt.json"
"""Names of the files of a report."""

CSV_COLUMNS = (
    "submission", "severity", "what_it_means", "rule", "title", "table", "sheet", "row", "column", "item", "message",
    "what_to_do",
)  # fmt: skip
"""Columns of :func:`format_findings_csv`."""

TEXT_PLACES = 20
"""Places of one rule that the text for a terminal lists."""

PAGE_PLACES = 100
"""Places of one rule that the page lists; the CSV file beside it has more."""

_VOLATILE_KEYS = ("judged_at", "contract_version")
"""Keys of a report's document that a new judgement changes even where its outcome is the same."""


def render_report_files(report: Report) -> Mapping[str, bytes]:
    """Return a report's files by name."""
    return {
        RECEIPT: format_json(build_receipt_document(report.receipts, report.status.reference)).encode(),
        FINDINGS_CSV: format_findings_csv(report).encode(),
        FINDINGS_JSON: format_json(build_report_document(report)).encode(),
        PAGE: render_report_page(report).encode(),
    }


def render_note_files(note: UnplacedFileNote) -> Mapping[str, bytes]:
    """Return the files of a note on an unplaced file, by name."""
    return {RECEIPT: format_json(build_note_document(note)).encode(), PAGE: render_note_page(note).encode()}


def hash_report(report: Report) -> str:
    """Return a report's sha256, ignoring judgement time and contract version.

    A report of the same hash need not be sent again.
    """
    content = {name: value for name, value in build_report_document(report).items() if name not in _VOLATILE_KEYS}
    return hashlib.sha256(format_json(content).encode()).hexdigest()


def hash_note(note: UnplacedFileNote) -> str:
    """Return the sha256 of a note's content."""
    return hashlib.sha256(format_json(build_note_document(note)).encode()).hexdigest()


def build_receipt_document(receipts: Sequence[Receipt], reference: str) -> Json:
    """Return the receipt of some files as a document for programs."""
    return {"reference": reference, "files": [build_file_document(receipt) for receipt in receipts]}


def build_file_document(receipt: Receipt) -> Json:
    """Return one received file as a document for programs."""
    return {
        "receipt": receipt.id,
        "council": receipt.council_code,
        "return": receipt.return_code,
        "period": receipt.period,
        "table": receipt.table,
        "file": receipt.file_name,
        "size": receipt.size,
        "sha256": receipt.sha256,
        "received_at": receipt.received_at.isoformat(timespec="seconds"),
        "transport": str(receipt.transport),
        "system": receipt.system or None,
        "nil": receipt.nil,
    }


def build_report_document(report: Report) -> Json:
    """Return the report as a document for programs.

    Keys ``verdict``, ``rows`` and ``repairs`` are shaped as `lgdp validate` writes them. Each of ``findings`` also has
    its table, and each of ``rules`` its title and the reason why it was not run.
    """
    status = report.status
    return {
        "submission": status.reference,
        "council": report.council.code,
        "council_name": report.council.name,
        "return": report.contract.return_code,
        "return_title": report.contract.title,
        "period": report.period.id,
        "contract_version": str(report.contract.version),
        "state": status.state,
        "preliminary": status.is_preliminary,
        "judged_at": report.judgement.judged_at.isoformat(timespec="seconds"),
        "verdict": str(report.judgement.verdict),
        "verdict_in_words": f"{write_headline(report)}. {write_summary(report)}",
        "next": list(write_next_steps(report)),
        "due": report.due.isoformat(),
        "late": status.is_late,
        "current_submission": status.current_id,
        "open_queries": list(status.open_rules),
        "queries": [_build_query_document(reported_query) for reported_query in status.queries],
        "known_issues": [
            {"number": known_issue.number, "item": known_issue.issue.item_urn, "words": known_issue.issue.words}
            for known_issue in status.known_issues
        ],
        "files": [build_file_document(receipt) for receipt in report.receipts],
        "rows": report.row_count,
        "tables": [{"table": name, "rows": rows} for name, rows in report.judgement.table_rows.items()],
        "findings": report.judgement.findings.select(
            "rule", "severity", "table", "item", "sheet", "row", "column", "message"
        ).to_dicts(),
        "rules": [
            {
                "rule": outcome.rule,
                "title": report.find_rule_title(outcome.rule),
                "result": str(outcome.result),
                "failed": outcome.failed,
                "reason": outcome.reason,
            }
            for outcome in report.outcomes
        ],
        "repairs": [
            {"table": repair.table, "item": repair.item, "kind": str(repair.kind), "cells": repair.cells}
            for repair in report.judgement.repairs
        ],
    }


def _build_query_document(reported_query: ReportedQuery) -> Json:
    """Return one query as a document for programs."""
    query, precedent, reopening = reported_query.query, reported_query.earlier_answer, reported_query.reopening
    return {
        "query": query.id,
        "rule": query.rule,
        "scope": query.scope,
        "state": str(query.state),
        "failed": query.failed,
        "answer": {"code": query.answer.code, "words": query.answer.words} if query.answer else None,
        "sent_back": reopening.words if reopening else None,
        "answered_before": (
            {"query": precedent.query_id, "code": precedent.code, "words": precedent.words} if precedent else None
        ),
        "known_issues": [known_issue.number for known_issue in reported_query.known_issues],
        "how_to_answer": list(explain_query(reported_query)),
    }


def build_note_document(note: UnplacedFileNote) -> Json:
    """Return the note as a document for programs."""
    return {
        "receipt": note.receipt.id,
        "council": note.council.code,
        "council_name": note.council.name,
        "state": str(note.receipt.state),
        "reason": note.receipt.reason,
        "files": [build_file_document(note.receipt)],
        "names_understood": [
            {"return": name.return_code, "title": name.title, "folder": name.folder, "example": name.example}
            for name in note.names
        ],
    }


def format_json(content: Json) -> str:
    """Return JSON with one line for each key and list element."""
    return "{\n" + ",\n".join(f" {_dump(name)}: {_format_value(value)}" for name, value in content.items()) + "\n}\n"


def _format_value(value: object) -> str:
    """Return a value as JSON, a list with one line per element."""
    if not isinstance(value, list) or not value:
        return _dump(value)
    return "[\n" + ",\n".join(f"  {_dump(element)}" for element in value) + "\n ]"


def _dump(value: object) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def format_findings_csv(report: Report) -> str:
    """Return the listed findings as CSV that is safe in spreadsheets."""
    titles = {table.name: table.title for table in report.contract.tables}
    broken_rules = {rule.rule: rule for rule in report.broken_rules}
    return format_csv(
        CSV_COLUMNS,
        (
            _build_csv_row(report.status.reference, finding, broken_rules[finding["rule"]], titles)
            for finding in report.judgement.findings.iter_rows(named=True)
            if finding["rule"] in broken_rules
        ),
    )


def _build_csv_row(
    reference: str, finding: Mapping[str, str | int | None], broken_rule: BrokenRule, titles: Mapping[str, str]
) -> list[CsvCell]:
    """Return the cells of one finding, as :data:`CSV_COLUMNS` orders them."""
    table = str(finding["table"] or "")
    return [
        reference,
        str(broken_rule.severity),
        SEVERITY_WORDS[broken_rule.severity],
        broken_rule.rule,
        broken_rule.title,
        titles.get(table, table),
        sanitise_name(str(finding["sheet"] or "")),
        finding["row"],
        sanitise_name(str(finding["column"] or "")),
        finding["item"],
        finding["message"],
        broken_rule.guidance,
    ]


def format_report_text(report: Report) -> str:
    """Return the report as text for a terminal, long lists shortened."""
    return "\n".join(_iterate_lines(report)) + "\n"


def _iterate_lines(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a terminal."""
    yield f"{report.contract.return_code} · {report.council.name} · {report.period.id} · {report.status.reference}"
    yield f"{write_headline(report)}. {write_summary(report)}"
    yield ""
    for receipt in report.receipts:
        name, size = sanitise_name(receipt.file_name), format_count(receipt.size, "byte")
        yield f"  {name}, {size}, {format_moment(receipt.received_at)}"
        yield f"    receipt {receipt.id}, sha256 {receipt.sha256}"
    yield f"  {format_count(report.row_count, 'row')}; {format_count(report.passed_count, 'check')} passed"
    for broken_rule in report.broken_rules:
        yield ""
        yield from _iterate_rule_lines(broken_rule)
    if report.repairs:
        yield ""
        yield "Read in the contract's spelling; you need do nothing:"
        for title, repair, cells in report.repairs:
            yield f"  - {title}: {format_count(cells, 'cell')} {repair}"
    for known_issue in report.status.known_issues:
        issue = known_issue.issue
        yield ""
        yield f"Known issue {known_issue.number}, on {issue.item_urn or 'the return as a whole'}: {issue.words}"
    for reason, titles in report.unchecked_rules.items():
        yield ""
        yield f"Not checked ({format_count(len(titles), 'check')}): {reason}"
    yield ""
    for step in write_next_steps(report):
        yield f"→ {step}"


def _iterate_rule_lines(broken_rule: BrokenRule) -> Iterator[str]:
    """Yield a broken rule's lines for a terminal, with its first places."""
    yield f"{broken_rule.title} [{broken_rule.rule}]"
    meaning, times = SEVERITY_WORDS[broken_rule.severity], format_count(broken_rule.failed, "time")
    yield f"  {meaning}, {times}. {broken_rule.guidance}".rstrip()
    for place in broken_rule.places[:TEXT_PLACES]:
        note = f": {place.note}" if place.note else ""
        yield f"  - {_format_place(place)}{note}"
    if len(broken_rule.places) > TEXT_PLACES or broken_rule.failed > broken_rule.listed:
        yield "  - and more: --format csv lists the first of each check"
    for reported_query in broken_rule.queries:
        scope = f" ({sanitise_name(reported_query.query.scope)})" if reported_query.query.scope else ""
        yield f"  query {reported_query.query.id}{scope}: {reported_query.query.state}"
        yield from (f"    {sentence}" for sentence in explain_query(reported_query))


def _format_place(place: FindingPlace) -> str:
    """Return a place in words: ``sheet “Q1”, column “Age”, row 4``."""
    sheet = f"sheet “{sanitise_name(place.sheet)}”" if place.sheet else ""
    column = f"column “{sanitise_name(place.column)}”" if place.column else ""
    return ", ".join(part for part in (sheet, column, place.rows) if part) or "the file as a whole"


def format_notes_text(notes: Sequence[UnplacedFileNote]) -> str:
    """Return notes as text for a terminal; without notes, a sentence."""
    lines = []
    for note in notes:
        receipt = note.receipt
        lines += [
            f"receipt {receipt.id} · {note.council.name} · {sanitise_name(receipt.file_name)}",
            f"  {format_count(receipt.size, 'byte')}, {format_moment(receipt.received_at)}, sha256 {receipt.sha256}",
            f"  {receipt.reason}",
            *(
                f"  → {name.return_code}: {f'{name.folder}/' if name.folder else ''}{name.example}"
                for name in note.names
                if name.example
            ),
        ]
    return "\n".join(lines) + "\n" if lines else "Every file that came could be placed.\n"


def render_report_page(report: Report) -> str:
    """Return the report as an HTML page, with each rule's first places."""
    return _load_template("report.html").render(
        report=report,
        headline=write_headline(report),
        summary=write_summary(report),
        steps=write_next_steps(report),
        place_limit=PAGE_PLACES,
    )


def render_note_page(note: UnplacedFileNote) -> str:
    """Return the note as an HTML page."""
    return _load_template("note.html").render(note=note)


@lru_cache(maxsize=8)
def _load_template(name: str) -> Template:
    """Return a template of a page."""
    environment = Environment(
        loader=PackageLoader("lgdp_pipelines.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "name": sanitise_name,
        "day": format_day,
        "moment": format_moment,
        "count": format_count,
        "explain_query": explain_query,
    }
    environment.globals |= {"severity_words": SEVERITY_WORDS}
    return environment.get_template(name)
