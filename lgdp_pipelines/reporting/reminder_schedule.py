"""Reminders: what a council owes, told once at each stage.

Pure: the calendar, how the council stands, and the day go in; sentences come out. They hold words of the register
alone, nothing that came from outside. What belongs here: when a reminder is called for, and what it says. What does
not: whether it was told before (``ledger``), and sending it (``notices``).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.ledger.ledger_values import Reminded
from lgdp_pipelines.ledger.obligations import Answer, Duty, Obligation
from lgdp_pipelines.register.files.notification_file import Notices
from lgdp_pipelines.reporting.notifications import Notice
from lgdp_pipelines.reporting.spreadsheet_safety import csv_text
from lgdp_pipelines.reporting.wording import counted, day
from lgdp_pipelines.vocabulary.councils import Council

CSV_COLUMNS = ("return", "title", "period", "due", "stage", "submission", "message")


@dataclass(frozen=True, slots=True)
class Reminder:
    """One thing that a council is reminded of.

    Attributes:
        reminded: what the ledger remembers it by.
        title: of the return.
        due: when it is, or was, due.
        text: one sentence, or two.
    """

    reminded: Reminded
    title: str
    due: date
    text: str


def reminders(
    owed: Iterable[Obligation], titles: Mapping[str, str], notices: Notices, today: date
) -> tuple[Reminder, ...]:
    """What today calls for, told before or not: the stage that each obligation is at, and what waits for an answer.

    Args:
        owed: by councils, today.
        titles: of returns, by code.
        notices: how many days before and after something is due councils are reminded.
        today: the day in Scotland.
    """
    return tuple(
        Reminder(
            Reminded(one.council_code, one.return_code, one.period.id, stage, submission),
            titles[one.return_code],
            one.due,
            text,
        )
        for one in owed
        for stage, submission, text in _stages(one, titles[one.return_code], notices, today)
    )


def notice_to(council: Council, told: Sequence[Reminder], today: date) -> Notice:
    """All reminders of a day to one council, in one notice."""
    lines = "\n".join(f"- {one.text}" for one in told)
    return Notice(
        subject=f"Local Government Data Platform: {counted(len(told), 'reminder')} for {council.name}",
        text=f"{council.official_name}, {day(today)}\n\n{lines}\n\nThis message was written by a program. Each is sent "
        "once; what has been answered since needs nothing more.\n",
        facts={
            "council": council.code,
            "date": today.isoformat(),
            "reminders": [dict(zip(CSV_COLUMNS, _row(one), strict=True)) for one in told],
        },
    )


def files_of(council: Council, told: Sequence[Reminder], today: date) -> Mapping[str, bytes]:
    """The same as files for the council's outbox: text for people, CSV for a spreadsheet.

    The same reminders of a day have the same names, so that putting them there twice leaves one.
    """
    rows = [_row(one) for one in told]
    name = f"{today.isoformat()}-{hashlib.sha256(repr(rows).encode()).hexdigest()[:8]}"
    return {
        f"{name}.txt": notice_to(council, told, today).text.encode(),
        f"{name}.csv": csv_text(CSV_COLUMNS, rows).encode(),
    }


def _row(one: Reminder) -> tuple[str, ...]:
    about = one.reminded
    due = one.due.isoformat()
    return (about.return_code, one.title, about.period, due, about.stage, about.submission_id, one.text)


def _stages(one: Obligation, title: str, notices: Notices, today: date) -> Iterator[tuple[str, str, str]]:
    """Stage, submission concerned, and what to say."""
    what = f"{one.return_code} ({title}) for {one.period.id}"
    left = (one.due - today).days
    near = [days for days in notices.days_before if days >= left]
    past = [days for days in notices.days_late if days <= one.days_late]
    if one.duty is Duty.OPEN and near:
        yield f"due_in_{min(near)}", "", f"{what} is due on {day(one.due)}, in {counted(left, 'day')}.{_word(one)}"
    if one.duty is Duty.DUE_TODAY:
        yield "due_today", "", f"{what} is due today.{_word(one)}"
    if one.duty is Duty.LATE and past:
        late = f"{what} was due on {day(one.due)} and is {counted(one.days_late, 'day')} late."
        yield f"late_{max(past)}", "", f"{late}{_word(one)}"
    if one.submission_id is None or one.answered_on is None or one.answered_on >= today:
        return
    if one.answer is Answer.REJECTED:
        stands = " What was accepted before still stands." if one.is_done else ""
        yield (
            "rejected",
            one.submission_id,
            f"{one.submission_id} was rejected and nothing has come since.{stands} Its report says what to correct.",
        )
    if one.open_queries:
        asked = counted(one.open_queries, "question is", "questions are")
        yield "queries", one.standing_id or "", f"{what}: {asked} open. Its report says which; confirm or correct."


def _word(one: Obligation) -> str:
    match one.answer:
        case Answer.REJECTED:
            return " What you last sent was rejected; its report says why."
        case Answer.WITHDRAWN:
            return " What you last sent was withdrawn."
        case Answer.WAITING:
            return " What you last sent is being looked at."
        case _:
            return ""
