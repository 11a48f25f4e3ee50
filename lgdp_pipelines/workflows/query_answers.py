"""Answers to queries: people's words on figures, shown in SQL and reports at once.

Belongs here: the people who may answer, accept or send back an answer, and updating lake and outbox afterwards. Belongs
elsewhere: the states of a query and their storage (``ledger.queries``).
"""

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.query_records import Query
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.reporting.report_formats import render_report_files
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import gather_report, locate_report_folder, write_files

ANSWER_CODES = "query-answers"
"""The code list of answers to queries."""


def load_answer_codes(register: Register) -> CodeList:
    """Return the code list of answers to queries.

    Raises:
        WrongUse: the register has no such code list.
    """
    codes = register.code_lists.get(ANSWER_CODES)
    if codes is None:
        raise WrongUse(
            "The register has no code list of answers to queries.", remedy=f"Add codelists/{ANSWER_CODES}.yaml to it."
        )
    return codes


def answer_query(platform: Platform, query_id: str, *, code: str, words: str, by: str) -> Query:
    """Record an answer to an open query; update lake and report.

    Raises:
        WrongUse: the code is not in the list today.
        WrongUse: there is no such query.
        LedgerError: it is not open, or words or name cannot be kept.
    """
    _require_code(platform, code, f"“{code}” is not a code for an answer.")
    query = platform.ledger.queries.get(query_id)
    return _refresh_copies(platform, platform.ledger.queries.answer(query.id, code=code, words=words, by=by))


def repeat_answer(platform: Platform, query_id: str, *, by: str) -> Query:
    """Answer a query by the council's earlier answer; update lake and report.

    Raises:
        WrongUse: the council has not answered the same question before, or its code is no longer in the list.
        WrongUse: there is no such query.
        LedgerError: it is not open.
    """
    queries = platform.ledger.queries
    query = queries.get(query_id)
    earlier_answer = queries.find_earlier_answers([query]).get(query.id)
    if earlier_answer is None:
        raise WrongUse(
            f"{query.council_code} has not answered this before.",
            where=query.id,
            remedy="Answer with --code and --words.",
        )
    problem = f"The earlier answer has the code “{earlier_answer.code}”, which is no longer in the list."
    _require_code(platform, earlier_answer.code, problem, where=query.id)
    query_after = queries.answer(
        query.id, code=earlier_answer.code, words=earlier_answer.words, by=by, origin=earlier_answer.query_id
    )
    return _refresh_copies(platform, query_after)


def _require_code(platform: Platform, code: str, problem: str, *, where: str = "") -> None:
    """Refuse a code that the list of answers does not hold today."""
    codes = [code.code for code in load_answer_codes(platform.register).codes if code.is_valid_on(platform.today)]
    if code not in codes:
        raise WrongUse(problem, where=where, remedy=f"Choose one of: {', '.join(codes)}.")


def review_answer(platform: Platform, query_id: str, *, by: str, words: str, is_accepted: bool) -> Query:
    """Accept or send back an answer, as recipient; update lake and report.

    Raises:
        WrongUse: the person is not a recipient of the return.
        WrongUse: there is no such query.
        LedgerError: it has no answer, or words or name cannot be kept.
    """
    queries = platform.ledger.queries
    query = queries.get(query_id)
    review = queries.accept if is_accepted else queries.send_back
    return _refresh_copies(
        platform, review(query.id, by=_identify_recipient(platform.register, query, by), words=words)
    )


def _identify_recipient(register: Register, query: Query, by: str) -> str:
    """Return ``scottish-government, A. Analyst`` for a typed name; refuse other organisations."""
    recipients = register.returns[query.return_code].contract_for(parse_period(query.period)).recipients
    organisation, _, person = by.partition(",")
    name = "-".join(organisation.lower().split())
    if name not in recipients:
        raise WrongUse(
            f"“{organisation.strip()}” is not a recipient of {query.return_code}.",
            where=query.id,
            remedy=f'Write --by "{recipients[0]}, <your name>"; recipients are: {", ".join(recipients)}.',
        )
    return f"{name}, {person.strip()}" if person.strip() else name


def _refresh_copies(platform: Platform, query: Query) -> Query:
    """Update the lake's copy and any delivered report; return the query.

    The ledger has the change already: where the lake or the outbox does not take it now, the next run brings it there.
    """
    platform.ledger.mirror(platform.lake, query.return_code, ["query", "query_event"])
    folder = locate_report_folder(platform.settings.home, query.submission_id)
    report = gather_report(platform, query.submission_id) if folder.is_dir() else None
    if report is not None:
        write_files(folder, render_report_files(report))
    return query
