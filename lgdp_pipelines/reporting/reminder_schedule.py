"""The schedule and the text of reminders: each obligation of a council, once at each stage.

``schemas/notices.yaml`` sets the days before and after the due date on which a council is reminded; the first of
``days_before`` gives the date of the first reminder.

Pure: calendar, obligations and day in, sentences out. The sentences hold words of the register alone and nothing from
outside. Belongs here: the stage of each obligation, and its text. Belongs elsewhere: the record of reminders sent
(``ledger.reminders``), and sending (``notifications``).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.ledger.obligations import LatestOutcome, Obligation, ObligationState
from lgdp_pipelines.ledger.submission_records import ReminderRecord
from lgdp_pipelines.register.files.notification_file import Notices
from lgdp_pipelines.reporting.notifications import Notice
from lgdp_pipelines.reporting.spreadsheet_safety import format_csv
from lgdp_pipelines.reporting.wording import format_count, format_day
from lgdp_pipelines.vocabulary.councils import Council

CSV_COLUMNS = ("return", "title", "period", "due", "stage", "submission", "message")

_LAST_ANSWER = {
    LatestOutcome.REJECTED: " What you last sent was rejected; its report says why.",
    LatestOutcome.WITHDRAWN: " What you last sent was withdrawn.",
    LatestOutcome.WAITING: " What you last sent is being looked at.",
}


@dataclass(frozen=True, slots=True)
class Reminder:
    """An obligation that a council is reminded about.

    Attributes:
        record: the ledger's key of the reminder.
        title: of the return.
        due: the day it is, or was, due.
        text: one or two sentences.
    """

    record: ReminderRecord
    title: str
    due: date
    text: str

    @property
    def csv_row(self) -> tuple[str, ...]:
        """Values of the columns :data:`CSV_COLUMNS`."""
        return (
            self.record.return_code,
            self.title,
            self.record.period,
            self.due.isoformat(),
            self.record.stage,
            self.record.submission_id,
            self.text,
        )


def plan_reminders(
    obligations: Iterable[Obligation], titles: Mapping[str, str], notices: Notices, today: date
) -> tuple[Reminder, ...]:
    """Return the reminders due today, including those sent before.

    Args:
        obligations: of councils, as of today.
        titles: of returns, by code.
        notices: number of days before and after the due date on which councils are reminded.
        today: the day in Scotland.
    """
    return tuple(
        Reminder(
            ReminderRecord(obligation.return_code, obligation.council_code, obligation.period.id, stage, submission_id),
            titles[obligation.return_code],
            obligation.due,
            text,
        )
        for obligation in obligations
        for stage, submission_id, text in _list_stages(obligation, titles[obligation.return_code], notices, today)
    )


def build_reminder_notice(council: Council, reminders: Sequence[Reminder], today: date) -> Notice:
    """Return one council's reminders of a day as one notice."""
    lines = "\n".join(f"- {reminder.text}" for reminder in reminders)
    return Notice(
        subject=f"Local Government Data Platform: {format_count(len(reminders), 'reminder')} for {council.name}",
        text=f"{council.official_name}, {format_day(today)}\n\n{lines}\n\nThis message was written by a program. Each "
        "is sent once; what has been answered since needs nothing more.\n",
        facts={
            "council": council.code,
            "date": today.isoformat(),
            "reminders": [dict(zip(CSV_COLUMNS, reminder.csv_row, strict=True)) for reminder in reminders],
        },
    )


def build_reminder_files(council: Council, reminders: Sequence[Reminder], today: date) -> Mapping[str, bytes]:
    """Return the reminders as files for the council's outbox.

    There is a text, and a CSV file for a spreadsheet. The same reminders of a day give the same names, so that putting
    them there twice leaves one file of each.
    """
    rows = [reminder.csv_row for reminder in reminders]
    name = f"{today.isoformat()}-{hashlib.sha256(repr(rows).encode()).hexdigest()[:8]}"
    return {
        f"{name}.txt": build_reminder_notice(council, reminders, today).text.encode(),
        f"{name}.csv": format_csv(CSV_COLUMNS, rows).encode(),
    }


def _list_stages(obligation: Obligation, title: str, notices: Notices, today: date) -> Iterator[tuple[str, str, str]]:
    """Yield stage, submission id and text of each reminder due."""
    subject = f"{obligation.return_code} ({title}) for {obligation.period.id}"
    last_answer = _LAST_ANSWER.get(obligation.latest_outcome, "")
    days_left = (obligation.due - today).days
    stages_before = [days for days in notices.reminders.days_before if days >= days_left]
    stages_late = [days for days in notices.reminders.days_late if days <= obligation.days_late]
    if obligation.state is ObligationState.OPEN and stages_before:
        due_words = f"due on {format_day(obligation.due)}, in {format_count(days_left, 'day')}"
        yield f"due_in_{min(stages_before)}", "", f"{subject} is {due_words}.{last_answer}"
    if obligation.state is ObligationState.DUE_TODAY:
        yield "due_today", "", f"{subject} is due today.{last_answer}"
    if obligation.state is ObligationState.LATE and stages_late:
        due_words = f"due on {format_day(obligation.due)} and is {format_count(obligation.days_late, 'day')} late"
        yield f"late_{max(stages_late)}", "", f"{subject} was {due_words}.{last_answer}"
    if obligation.submission_id is None or obligation.received_on is None or obligation.received_on >= today:
        return
    if obligation.latest_outcome is LatestOutcome.REJECTED:
        accepted_note = " What was accepted before still stands." if obligation.is_done else ""
        text = f"{obligation.submission_id} was rejected and nothing has come since.{accepted_note}"
        yield "rejected", obligation.submission_id, f"{text} Its report says what to correct."
    if obligation.open_query_count:
        questions = format_count(obligation.open_query_count, "question is", "questions are")
        text = f"{subject}: {questions} open. Its report says which; confirm or correct."
        yield "queries", obligation.current_id or "", text
