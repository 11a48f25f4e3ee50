"""What is answered: the receipt, what has become of it, the verdict and the findings.

What belongs here: the shape of answers, and whose submission is shown to whom. What does not: judging (``journey``),
and what a report says (``feedback``).
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.responses import Response

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.obligations import calculate_obligations
from lgdp_pipelines.ledger.submission_records import Receipt, ReceiptState
from lgdp_pipelines.portal.problem_documents import Refused
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

FORMS: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}
"""How a report can be had, and the type of each."""

_LONGEST_ID = 130


def _json(report: Report) -> str:
    return format_json(build_report_document(report))


_WRITERS: Mapping[str, Callable[[Report], str]] = {
    "html": render_report_page,
    "json": _json,
    "csv": format_findings_csv,
}


def not_there() -> Refused:
    """The answer to whoever asks for what is not there, or is another council's: the two look alike."""
    return Refused(
        HTTPStatus.NOT_FOUND,
        "There is no such submission of yours.",
        remedy="Use the id that was answered when the file was sent, or a submission's id from a report.",
    )


def receipt_named(platform: Platform, council_code: str, name: str) -> Receipt:
    """The council's own receipt that an id in an address means: a receipt's number, or a submission's id.

    Raises:
        Refused: there is none, or it is another council's.
    """
    try:
        if name.isascii() and name.isdecimal() and len(name) <= 15:
            found = platform.ledger.receipts.get(int(name))
        elif len(name) <= _LONGEST_ID:
            found = platform.ledger.submissions.list_receipts(name)[-1]
        else:
            raise not_there()
    except WrongUse:
        raise not_there() from None
    if found.council_code != council_code:
        raise not_there()
    return found


def answer_document(answer: ReceiptStatus, root: str) -> Mapping[str, object]:
    """An answer as JSON.

    Args:
        answer: to give.
        root: what addresses begin with.
    """
    receipt, report = answer.receipt, answer.report
    address = f"{root}/submissions/{receipt.id}"
    return {
        "id": str(receipt.id),
        "state": str(receipt.state),
        "receipt": build_file_document(receipt),
        "submission": receipt.submission_id or _submission(report),
        "submission_state": None if report is None or report.status.is_preliminary else report.status.state,
        "duplicate_of": None if receipt.duplicate_of is None else str(receipt.duplicate_of),
        **_judged(report),
        "message": _message(answer),
        "links": {
            "self": address,
            **({f"report_{form}": f"{address}/report.{form}" for form in FORMS} if report else {}),
        },
    }


def _submission(report: Report | None) -> str | None:
    return None if report is None or report.status.is_preliminary else report.status.reference


def _judged(report: Report | None) -> Mapping[str, object]:
    if report is None:
        return {"verdict": None, "preliminary": None, "rows": None, "findings": [], "rules": []}
    told = build_report_document(report)
    names = (
        "verdict", "preliminary", "verdict_in_words", "next", "due", "late", "current_submission", "rows", "tables",
        "findings", "rules",
    )  # fmt: skip
    return {name: told[name] for name in names}


def _message(answer: ReceiptStatus) -> str:
    """What has become of the file, in a sentence."""
    match answer.receipt.state:
        case ReceiptState.DUPLICATE:
            return "These very bytes came before. Nothing was counted twice; what is told here is told of the first."
        case ReceiptState.UNRECOGNISED:
            return f"The file is kept, and could not be placed: {answer.receipt.reason}"
        case _:
            return f"The file is kept. {_checked(answer)}"


def _checked(answer: ReceiptStatus) -> str:
    if answer.missing:
        return f"It waits for the files of the other tables: {', '.join(answer.missing)}."
    if answer.is_large:
        return "It is too large to be checked while you wait; ask for it again in a few minutes."
    if answer.report is None:
        return "The platform is busy; ask for the result again in a minute."
    if answer.report.status.is_preliminary:
        return "It was checked as it came; the platform takes it on and judges it again by the same rules."
    return "It was taken on and judged."


def calendar_document(platform: Platform, council_code: str) -> Mapping[str, object]:
    """What a council owes today, in order of due day."""
    register = platform.register
    today = day_in_scotland(platform.clock())
    owed = calculate_obligations(
        register.returns.values(), [council_code], platform.ledger.submissions.list_statuses(), today
    )
    return {
        "council": council_code,
        "today": today.isoformat(),
        "returns": [
            {
                "return": one.return_code,
                "title": register.returns[one.return_code].latest.title,
                "period": one.period.id,
                "due": one.due.isoformat(),
                "duty": str(one.state),
                "latest_answer": str(one.latest_outcome),
                "days_late": one.days_late,
                "submission": one.submission_id,
                "open_queries": one.open_queries,
            }
            for one in owed
        ],
    }


def report_response(report: Report, form: str) -> Response:
    """A report in one of its forms."""
    content = _WRITERS[form](report)
    headers = (
        {} if form == "html" else {"Content-Disposition": f'attachment; filename="{report.status.reference}.{form}"'}
    )
    return Response(content, media_type=FORMS[form], headers=headers)
