"""A report for programs and spreadsheets: JSON, CSV, plain text, and the receipt.

What belongs here: laying a report out as data. What does not: the page for people (``page``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from lgdp_pipelines.ledger.ledger_values import Receipt
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.reporting.query_texts import AskedQuery, how_to_answer
from lgdp_pipelines.reporting.report_content import Broken, Report
from lgdp_pipelines.reporting.report_texts import headline, next_steps, summary
from lgdp_pipelines.reporting.spreadsheet_safety import Cell, csv_text
from lgdp_pipelines.reporting.wording import SEVERITY, counted, moment, readable

Json = Mapping[str, object]

CSV_COLUMNS = (
    "submission", "severity", "what_it_means", "rule", "title", "table", "sheet", "row", "column", "item", "message",
    "what_to_do",
)  # fmt: skip
"""Columns of :func:`findings_csv`."""

SHOWN = 20


def receipt_document(receipts: Sequence[Receipt], reference: str) -> Json:
    """That files have come, with what proves which ones."""
    return {"reference": reference, "files": [file_document(receipt) for receipt in receipts]}


def file_document(receipt: Receipt) -> Json:
    """One file that has come."""
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


def document(report: Report) -> Json:
    """The whole report. ``verdict``, ``rows``, ``findings`` and ``rules`` are shaped as `lgdp validate` writes them."""
    rules = {rule.id: rule for rule in list_rules(report.contract)}
    stand = report.stand
    return {
        "submission": stand.reference,
        "council": report.council.code,
        "council_name": report.council.name,
        "return": report.contract.return_code,
        "return_title": report.contract.title,
        "period": report.period.id,
        "contract_version": str(report.contract.version),
        "state": stand.state,
        "preliminary": stand.is_preliminary,
        "judged_at": report.judged.judged_at.isoformat(timespec="seconds"),
        "verdict": str(report.judged.verdict),
        "verdict_in_words": f"{headline(report)}. {summary(report)}",
        "next": list(next_steps(report)),
        "due": report.due.isoformat(),
        "late": stand.is_late,
        "current_submission": stand.current,
        "open_queries": list(stand.open_queries),
        "queries": [_query(one) for one in stand.asked],
        "known_issues": [
            {"number": one.number, "item": one.issue.item_urn, "words": one.issue.words} for one in stand.issues
        ],
        "files": [file_document(receipt) for receipt in report.files],
        "rows": report.rows,
        "tables": [{"table": name, "rows": rows} for name, rows in report.judged.table_rows.items()],
        "findings": report.judged.findings.select(
            "rule", "severity", "table", "item", "sheet", "row", "column", "message"
        ).to_dicts(),
        "rules": [
            {
                "rule": one.rule,
                "title": rules[one.rule].title if one.rule in rules else one.rule,
                "result": str(one.result),
                "failed": one.failed,
                "reason": one.reason,
            }
            for one in report.judged.results
        ],
        "repairs": [
            {"table": one.table, "item": one.item, "kind": str(one.kind), "cells": one.cells}
            for one in report.judged.repairs
        ],
    }


def _query(asked: AskedQuery) -> Json:
    query, before, back = asked.query, asked.before, asked.sent_back
    return {
        "query": query.id,
        "rule": query.rule,
        "scope": query.scope,
        "state": str(query.state),
        "failed": query.failed,
        "answer": {"code": query.answer.code, "words": query.answer.words} if query.answer else None,
        "sent_back": back.words if back else None,
        "answered_before": {"query": before.query_id, "code": before.code, "words": before.words} if before else None,
        "known_issues": [one.number for one in asked.notes],
        "how_to_answer": list(how_to_answer(asked)),
    }


def as_json(content: Json) -> str:
    """JSON for people and programs, in UTF-8: a line for each fact, and one for each thing in a list."""
    return "{\n" + ",\n".join(f" {_plain(name)}: {_value(value)}" for name, value in content.items()) + "\n}\n"


def _value(value: object) -> str:
    if not isinstance(value, list) or not value:
        return _plain(value)
    return "[\n" + ",\n".join(f"  {_plain(one)}" for one in value) + "\n ]"


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def findings_csv(report: Report) -> str:
    """One line a finding, safe to open in a spreadsheet; only the first of each rule are listed, as in the report."""
    titles = {table.name: table.title for table in report.contract.tables}
    broken = {one.rule: one for one in report.broken}
    return csv_text(
        CSV_COLUMNS,
        (
            _csv_row(report.stand.reference, row, broken[row["rule"]], titles)
            for row in report.judged.findings.iter_rows(named=True)
            if row["rule"] in broken
        ),
    )


def _csv_row(
    reference: str, row: Mapping[str, str | int | None], rule: Broken, titles: Mapping[str, str]
) -> list[Cell]:
    table = str(row["table"] or "")
    return [
        reference,
        str(rule.severity),
        SEVERITY[rule.severity],
        rule.rule,
        rule.title,
        titles.get(table, table),
        readable(str(row["sheet"] or "")),
        row["row"],
        readable(str(row["column"] or "")),
        row["item"],
        row["message"],
        rule.guidance,
    ]


def as_text(report: Report) -> str:
    """The report for a terminal."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.contract.return_code} · {report.council.name} · {report.period.id} · {report.stand.reference}"
    yield f"{headline(report)}. {summary(report)}"
    yield ""
    for receipt in report.files:
        yield f"  {readable(receipt.file_name)}, {counted(receipt.size, 'byte')}, {moment(receipt.received_at)}"
        yield f"    receipt {receipt.id}, sha256 {receipt.sha256}"
    yield f"  {counted(report.rows, 'row')}; {counted(report.passed, 'check')} passed"
    for one in report.broken:
        yield ""
        yield f"{one.title} [{one.rule}]"
        yield f"  {SEVERITY[one.severity]}, {counted(one.failed, 'time')}. {one.guidance}".rstrip()
        for place in one.places[:SHOWN]:
            note = f": {place.note}" if place.note else ""
            yield f"  - {where_in_words(place.sheet, place.column, place.rows)}{note}"
        if len(one.places) > SHOWN or one.failed > one.listed:
            yield "  - and more: --format csv lists the first of each check"
        yield from _asked_lines(one.asked)
    if report.repaired:
        yield ""
        yield "Read in the contract's spelling; you need do nothing:"
        for title, what, cells in report.repaired:
            yield f"  - {title}: {counted(cells, 'cell')} {what}"
    for issue in report.stand.issues:
        yield ""
        yield f"Known issue {issue.number}, on {issue.issue.item_urn or 'the return as a whole'}: {issue.issue.words}"
    for left in report.not_run:
        yield ""
        yield f"Not checked ({counted(len(left.titles), 'check')}): {left.reason}"
    yield ""
    for step in next_steps(report):
        yield f"→ {step}"


def _asked_lines(asked: Sequence[AskedQuery]) -> Iterator[str]:
    for one in asked:
        scope = f" ({readable(one.query.scope)})" if one.query.scope else ""
        yield f"  query {one.query.id}{scope}: {one.query.state}"
        yield from (f"    {line}" for line in how_to_answer(one))


def where_in_words(sheet: str, column: str, rows: str) -> str:
    """``sheet “Q1”, column “Age”, rows 4 and 9``."""
    parts = (f"sheet “{readable(sheet)}”" if sheet else "", f"column “{readable(column)}”" if column else "", rows)
    return ", ".join(part for part in parts if part) or "the file as a whole"
