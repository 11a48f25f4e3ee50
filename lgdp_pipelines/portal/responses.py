"""The content of responses: the status of a receipt with verdict and findings, reports, and the calendar.

Belongs here: also, hiding submissions of other councils. Belongs elsewhere: judging (``workflows``), and the content of
reports (``reporting``).
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.responses import Response

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.obligations import calculate_obligations
from lgdp_pipelines.ledger.submission_records import Receipt, ReceiptState
from lgdp_pipelines.portal.problem_documents import RequestRefused
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.reporting.report_content import Report
from lgdp_pipelines.reporting.report_formats import (
    build_file_document,
    build_report_document,
    format_findings_csv,
    format_json,
    render_report_page,
)
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.receipt_preview import ReceiptStatus

REPORT_FORMS: Mapping[str, tuple[str, Callable[[Report], str]]] = {
    "html": ("text/html; charset=utf-8", render_report_page),
    "json": ("application/json", lambda report: format_json(build_report_document(report))),
    "csv": ("text/csv; charset=utf-8", format_findings_csv),
}
"""Media type and renderer of each form of a report."""

_LONGEST_ID = 130


def build_unknown_refusal() -> RequestRefused:
    """Return the same refusal for an unknown and for another council's submission."""
    return RequestRefused(
        HTTPStatus.NOT_FOUND,
        "Your council has no such submission.",
        remedy="Use the id from the response to your file, or a submission's id from a report.",
    )


def find_receipt(platform: Platform, council_code: str, name: str) -> Receipt:
    """Return a council's receipt by number, or a submission's last receipt.

    Raises:
        RequestRefused: the receipt is unknown, or belongs to another council.
    """
    try:
        if name.isascii() and name.isdecimal() and len(name) <= 15:
            receipt = platform.ledger.receipts.get(int(name))
        elif len(name) <= _LONGEST_ID:
            receipt = platform.ledger.submissions.list_receipts(name)[-1]
        else:
            raise build_unknown_refusal()
    except WrongUse:
        raise build_unknown_refusal() from None
    if receipt.council_code != council_code:
        raise build_unknown_refusal()
    return receipt


def build_status_document(status: ReceiptStatus, root: str) -> Mapping[str, object]:
    """Return a receipt's status, verdict and findings as a JSON document.

    Args:
        status: of the receipt.
        root: path at the beginning of all URLs.
    """
    receipt, report = status.receipt, status.report
    url = f"{root}/submissions/{receipt.id}"
    return {
        "id": str(receipt.id),
        "state": str(receipt.state),
        "receipt": build_file_document(receipt),
        "submission": receipt.submission_id or _find_submission(report),
        "submission_state": None if report is None or report.status.is_preliminary else report.status.state,
        "duplicate_of": None if receipt.duplicate_of is None else str(receipt.duplicate_of),
        **_build_verdict(report),
        "message": _build_message(status),
        "links": {
            "self": url,
            **({f"report_{form}": f"{url}/report.{form}" for form in REPORT_FORMS} if report else {}),
        },
    }


def _find_submission(report: Report | None) -> str | None:
    """Return a report's submission id; None without report or while preliminary."""
    return None if report is None or report.status.is_preliminary else report.status.reference


def _build_verdict(report: Report | None) -> Mapping[str, object]:
    """Return the verdict, findings and rules of a report; empty without one."""
    if report is None:
        return {"verdict": None, "preliminary": None, "rows": None, "findings": [], "rules": []}
    document = build_report_document(report)
    names = (
        "verdict", "preliminary", "verdict_in_words", "next", "due", "late", "current_submission", "rows", "tables",
        "findings", "rules",
    )  # fmt: skip
    return {name: document[name] for name in names}


def _build_message(status: ReceiptStatus) -> str:
    """Return one or two sentences on the status of a file."""
    match status.receipt.state:
        case ReceiptState.DUPLICATE:
            return "The same bytes came before. Nothing was counted twice; this is the status of the first file."
        case ReceiptState.UNRECOGNISED:
            return f"The file is kept, but its return or period is not recognised: {status.receipt.reason}"
        case _:
            return f"The file is kept. {_build_check_message(status)}"


def _build_check_message(status: ReceiptStatus) -> str:
    """Return a sentence on whether and when a file is checked."""
    if status.missing_files:
        return f"It waits for the files of the other tables: {', '.join(status.missing_files)}."
    if status.is_large:
        return "It is too large to be checked while you wait; ask for the result again in a few minutes."
    if status.report is None:
        return "The platform is busy; ask for the result again in a minute."
    if status.report.status.is_preliminary:
        return "It was checked as it came; the platform will process it and judge it again by the same rules."
    return "It was processed and judged."


def build_calendar_document(platform: Platform, council_code: str) -> Mapping[str, object]:
    """Return a council's obligations as of today, in order of due day."""
    register = platform.register
    today = day_in_scotland(platform.clock())
    obligations = calculate_obligations(
        register.returns.values(), [council_code], platform.ledger.submissions.list_statuses(), today
    )
    return {
        "council": council_code,
        "today": today.isoformat(),
        "returns": [
            {
                "return": obligation.return_code,
                "title": register.returns[obligation.return_code].latest.title,
                "period": obligation.period.id,
                "due": obligation.due.isoformat(),
                "duty": str(obligation.state),
                "latest_answer": str(obligation.latest_outcome),
                "days_late": obligation.days_late,
                "submission": obligation.submission_id,
                "open_queries": obligation.open_query_count,
            }
            for obligation in obligations
        ],
    }


def build_report_response(report: Report, form: str) -> Response:
    """Return a report as HTML, JSON or CSV."""
    media_type, render = REPORT_FORMS[form]
    headers = (
        {} if form == "html" else {"Content-Disposition": f'attachment; filename="{report.status.reference}.{form}"'}
    )
    return Response(render(report), media_type=media_type, headers=headers)
