"""What a report says in sentences: the verdict in plain words, and what happens next.

What belongs here: sentences for a council officer. What does not: how they are laid out (``page``, ``files``).
"""

from collections.abc import Iterator

from lgdp_pipelines.ledger.ledger_values import SubmissionState
from lgdp_pipelines.reporting.report_content import Report
from lgdp_pipelines.reporting.wording import VERDICT, counted, day
from lgdp_pipelines.vocabulary.verdicts import Severity, Verdict


def headline(report: Report) -> str:
    """The verdict in a few words."""
    if report.stand.state == SubmissionState.WITHDRAWN:
        return "Withdrawn"
    return VERDICT[report.judged.verdict]


def summary(report: Report) -> str:
    """The verdict in a sentence or two."""
    errors, queries = report.failed(Severity.ERROR), report.failed(Severity.QUERY)
    match report.judged.verdict:
        case Verdict.REJECTED:
            also = f" There is also {counted(queries, 'question', 'questions')} to look at." if queries == 1 else ""
            also = f" There are also {queries:,} questions to look at." if queries > 1 else also
            return f"{counted(errors, 'place', 'places')} must be corrected before these figures can be used.{also}"
        case Verdict.QUERIED:
            what = "looks unlikely" if queries == 1 else "look unlikely"
            return f"The figures can be used. {counted(queries, 'place', 'places')} {what}: please confirm or explain."
        case Verdict.ACCEPTED:
            noted = report.failed(Severity.KNOWN_ISSUE)
            also = (
                f" {counted(noted, 'place is', 'places are')} noted, and published with the figures." if noted else ""
            )
            return f"Every check that could be made was passed. There is nothing for you to do.{also}"


def next_steps(report: Report) -> tuple[str, ...]:
    """What happens next, and what the council should do."""
    return tuple(_steps(report))


def _steps(report: Report) -> Iterator[str]:
    stand = report.stand
    if stand.is_preliminary:
        yield (
            "This is what the checks say as the file came in. The platform takes it on within minutes and judges it "
            "again by the same rules; the final report is kept under the same address."
        )
    if stand.state == SubmissionState.WITHDRAWN:
        yield "You have taken this submission back. Its figures are no longer used."
        return
    if report.judged.verdict is Verdict.REJECTED:
        yield (
            "Correct what is marked “must be corrected” in the system that the file comes from, export it again, and "
            "send the whole file again the same way."
        )
        yield _until_then(report)
    elif stand.current not in (None, stand.reference) and not stand.is_preliminary:
        yield f"A later submission of yours, {stand.current}, has taken its place."
    else:
        yield "The figures go into the next release of the return. You may send a corrected file at any time."
    if report.failed(Severity.QUERY) and report.judged.verdict is Verdict.REJECTED:
        yield "Look at each question too: correct what is wrong, and be ready to explain what is right."
    elif report.failed(Severity.QUERY):
        yield (
            f"Look at each question. Where a figure is wrong, send a corrected file. Where it is right, tell "
            f"{report.contract.owner} why, and name the query; until then the question stays open."
        )
    yield _due(report)


def _until_then(report: Report) -> str:
    current = report.stand.current
    if current is None:
        return f"Until then there are no figures of yours for {report.period.id}."
    if current == report.stand.reference:
        return "It was accepted before, and its figures stay in place until a corrected file is accepted."
    return f"Until then your last accepted submission, {current}, stays in place."


def _due(report: Report) -> str:
    if report.stand.is_late:
        return f"It was due on {day(report.due)}, and came late."
    if report.judged.verdict is Verdict.REJECTED and report.judged.judged_at.date() <= report.due:
        return f"The corrected file is due by {day(report.due)}."
    return f"It was due by {day(report.due)}, and came in time."
