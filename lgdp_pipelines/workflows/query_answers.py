"""Answering, accepting and sending back queries, so that SQL and the council's report say so at once.

What belongs here: who may say what, by the register; what follows in lake and outbox. What does not: the life of a
query (``ledger.queries``).
"""

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.query_values import Query
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.reporting.report_formats import render_report_files
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import put_in_place, report_folder
from lgdp_pipelines.workflows.report_gathering import report_on

ANSWERS = "query-answers"
"""The code list of answers."""


def answers(register: Register) -> CodeList:
    """What a council can answer.

    Raises:
        WrongUse: the register has no such code list.
    """
    codes = register.code_lists.get(ANSWERS)
    if codes is None:
        raise WrongUse(
            "The register has no list of what councils may answer.", remedy=f"Add codelists/{ANSWERS}.yaml to it."
        )
    return codes


def answer(platform: Platform, query_id: str, *, code: str, words: str, by: str) -> Query:
    """Answer an open query for its council.

    Raises:
        WrongUse: the code is not in the list today.
        LedgerError: there is no such query, it is not open, or words or name cannot be kept.
    """
    known = [one.code for one in answers(platform.register).codes if one.is_valid_on(platform.today)]
    if code not in known:
        raise WrongUse(f"“{code}” is no code of an answer.", remedy=f"Choose one of: {', '.join(known)}.")
    query = platform.ledger.queries.named(query_id)
    return _told(platform, platform.ledger.queries.answer(query.id, code=code, words=words, by=by))


def answer_as_before(platform: Platform, query_id: str, *, by: str) -> Query:
    """Answer an open query as its council answered the same question for an earlier period.

    Raises:
        WrongUse: the council has not answered it before, or in words whose code is no longer in the list.
        LedgerError: there is no such query, or it is not open.
    """
    query = platform.ledger.queries.named(query_id)
    before = platform.ledger.queries.answers_before([query]).get(query.id)
    if before is None:
        raise WrongUse(
            f"{query.council_code} has not answered this before.",
            where=query.id,
            remedy="Answer with --code and --words.",
        )
    known = [one.code for one in answers(platform.register).codes if one.is_valid_on(platform.today)]
    if before.code not in known:
        raise WrongUse(
            f"The answer was “{before.code}” then, which is no code of an answer any more.",
            where=query.id,
            remedy=f"Choose one of: {', '.join(known)}.",
        )
    return _told(
        platform,
        platform.ledger.queries.answer(query.id, code=before.code, words=before.words, by=by, origin=before.query_id),
    )


def accept(platform: Platform, query_id: str, *, by: str, words: str = "") -> Query:
    """Accept the answer to a query, as a recipient of the return.

    Raises:
        WrongUse: who accepts is no recipient of the return.
        LedgerError: there is no such query, it has no answer to look at, or words or name cannot be kept.
    """
    query = platform.ledger.queries.named(query_id)
    name = _recipient(platform.register, query, by)
    return _told(platform, platform.ledger.queries.accept(query.id, by=name, words=words))


def send_back(platform: Platform, query_id: str, *, by: str, words: str) -> Query:
    """Ask again, as a recipient of the return.

    Raises:
        WrongUse: who sends it back is no recipient of the return.
        LedgerError: there is no such query, it has no answer to look at, or words or name cannot be kept.
    """
    query = platform.ledger.queries.named(query_id)
    name = _recipient(platform.register, query, by)
    return _told(platform, platform.ledger.queries.send_back(query.id, by=name, words=words))


def _recipient(register: Register, query: Query, by: str) -> str:
    """Who speaks, after the name of the recipient: ``scottish-government, A. Analyst``."""
    recipients = register.returns[query.return_code].contract_for(parse_period(query.period)).recipients
    body, _, person = by.partition(",")
    name = "-".join(body.lower().split())
    if name not in recipients:
        raise WrongUse(
            f"“{body.strip()}” is no recipient of {query.return_code}.",
            where=query.id,
            remedy=f'Write --by "{recipients[0]}, <your name>"; recipients are: {", ".join(recipients)}.',
        )
    return f"{name}, {person.strip()}" if person.strip() else name


def _told(platform: Platform, query: Query) -> Query:
    """Bring SQL, and the report in the council's outbox, in line with what has just been said.

    What was said stands: where the lake or the outbox does not take it now, the next run brings it there.
    """
    platform.ledger.queries.mirror(platform.lake, query.return_code)
    folder = report_folder(platform, query.submission_id)
    found = report_on(platform, query.submission_id) if folder.is_dir() else None
    if found is not None:
        put_in_place(folder, render_report_files(found))
    return query
