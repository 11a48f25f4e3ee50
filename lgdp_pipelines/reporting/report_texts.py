"""The sentences of a report: the verdict in plain words, the next steps, and how to answer a query.

Belongs here: sentences for a council officer. Belongs elsewhere: their layout (``report_formats``).
"""

from collections.abc import Iterator

from lgdp_pipelines.ledger.query_records import QueryState
from lgdp_pipelines.ledger.submission_records import SubmissionState
from lgdp_pipelines.reporting.report_content import Report, ReportedQuery
from lgdp_pipelines.reporting.wording import VERDICT_WORDS, format_count, format_day, format_moment
from lgdp_pipelines.vocabulary.verdicts import Severity, Verdict


def write_headline(report: Report) -> str:
    """Return the verdict in a few words, or ``Withdrawn``."""
    if report.status.state == SubmissionState.WITHDRAWN:
        return "Withdrawn"
    return VERDICT_WORDS[report.judgement.verdict]


def write_summary(report: Report) -> str:
    """Return the verdict and its counts in a sentence or two."""
    errors, queries = report.count_failures(Severity.ERROR), report.count_failures(Severity.QUERY)
    match report.judgement.verdict:
        case Verdict.REJECTED:
            verb = "is" if queries == 1 else "are"
            addition = f" There {verb} also {format_count(queries, 'question')} to look at." if queries else ""
            return f"{format_count(errors, 'place')} must be corrected before these figures can be used.{addition}"
        case Verdict.QUERIED:
            verb = "looks" if queries == 1 else "look"
            return (
                f"The figures can be used. {format_count(queries, 'place')} {verb} unlikely: please confirm or explain."
            )
        case Verdict.ACCEPTED:
            noted_count = report.count_failures(Severity.KNOWN_ISSUE)
            places = format_count(noted_count, "place is", "places are")
            addition = f" {places} noted, and published with the figures." if noted_count else ""
            return f"Every check that could be made was passed. There is nothing for you to do.{addition}"


def write_next_steps(report: Report) -> Iterator[str]:
    """Yield the next steps of council and platform, in order."""
    status = report.status
    if status.is_preliminary:
        yield (
            "This is what the checks say as the file came in. The platform takes it on within minutes and judges it "
            "again by the same rules; the final report is kept under the same address."
        )
    if status.state == SubmissionState.WITHDRAWN:
        yield "You have taken this submission back. Its figures are no longer used."
        return
    if report.judgement.verdict is Verdict.REJECTED:
        yield (
            "Correct what is marked “must be corrected” in the system that the file comes from, export it again, and "
            "send the whole file again the same way."
        )
        yield _describe_interim(report)
    elif status.current_id not in (None, status.reference) and not status.is_preliminary:
        yield f"A later submission of yours, {status.current_id}, has taken its place."
    else:
        yield "The figures go into the next release of the return. You may send a corrected file at any time."
    if report.count_failures(Severity.QUERY) and report.judgement.verdict is Verdict.REJECTED:
        yield "Look at each question too: correct what is wrong, and be ready to explain what is right."
    elif report.count_failures(Severity.QUERY):
        yield (
            f"Look at each question. Where a figure is wrong, send a corrected file. Where it is right, tell "
            f"{report.contract.owner} why, and name the query; until then the question stays open."
        )
    yield _describe_due_day(report)


def _describe_interim(report: Report) -> str:
    """Return a sentence on the figures used until a correction comes."""
    current_id = report.status.current_id
    if current_id is None:
        return f"Until then there are no figures of yours for {report.period.id}."
    if current_id == report.status.reference:
        return "It was accepted before, and its figures stay in place until a corrected file is accepted."
    return f"Until then your last accepted submission, {current_id}, stays in place."


def _describe_due_day(report: Report) -> str:
    """Return a sentence on the due day, and whether it was met."""
    if report.status.is_late:
        return f"It was due on {format_day(report.due)}, and came late."
    if report.judgement.verdict is Verdict.REJECTED and report.judgement.judged_at.date() <= report.due:
        return f"The corrected file is due by {format_day(report.due)}."
    return f"It was due by {format_day(report.due)}, and came in time."


def explain_query(reported_query: ReportedQuery) -> Iterator[str]:
    """Yield sentences on the state of a query and its answer.

    An open query has ready commands.
    """
    query, answer = reported_query.query, reported_query.query.answer
    for known_issue in reported_query.known_issues:
        yield f"Known issue {known_issue.number} is about the same: “{known_issue.issue.words}”"
    match query.state:
        case QueryState.OPEN:
            if reported_query.reopening is not None:
                reopening = reported_query.reopening
                yield f"Sent back by {reopening.by} on {format_moment(reopening.at)}: “{reopening.words}”"
            if reported_query.earlier_answer is not None:
                precedent = reported_query.earlier_answer
                yield (
                    f"For {precedent.query_id.split('.')[2]} the answer was {precedent.code}: “{precedent.words}”. "
                    f'The same again: lgdp query answer {query.id} --as-last-year --by "<name>"'
                )
            yield f'To answer: lgdp query answer {query.id} --code <code> --words "<why>" --by "<name>"'
        case QueryState.ANSWERED if answer is not None:
            yield f"Answered by {answer.by} on {format_moment(answer.at)}, {answer.code}: “{answer.words}”"
            yield "It is for a recipient now to accept the answer or to send it back."
        case QueryState.ACCEPTED if answer is not None:
            yield (
                f"The answer by {answer.by} on {format_moment(answer.at)}, {answer.code}, was accepted. "
                "Nothing more is asked."
            )
        case _:
            yield "Your figures no longer show it. Nothing more is asked."
