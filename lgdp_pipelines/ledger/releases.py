"""Releases: published versions of a return's period, numbered.

What belongs here: which release was made from what. What does not: making one (``publication``).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.schema import RELEASE, RELEASE_SUBMISSION, SUBMISSION
from lgdp_pipelines.ledger.submission_lookup import submissions_where
from lgdp_pipelines.ledger.submission_records import Release


def content_sha256(submissions: Mapping[str, str], model_sha256: str) -> str:
    """What tells one release from the next: the submission of each council, and the model."""
    content = {"model": model_sha256, "submissions": dict(sorted(submissions.items()))}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def record(
    connection: sa.Connection,
    return_code: str,
    period: str,
    *,
    submissions: Mapping[str, str],
    versions: Mapping[str, int],
    model_sha256: str,
    run_id: str,
    now: datetime,
) -> Release:
    """Write a release down. Where the latest was made from the very same, it is that one and nothing is written.

    Raises:
        LedgerError: a submission is not known, or answers something else.
    """
    sha256 = content_sha256(submissions, model_sha256)
    before = latest(connection, return_code, period)
    if before is not None and before.sha256 == sha256:
        return before
    known = submissions_where(connection, SUBMISSION.c.id.in_(list(submissions.values())))
    answered = {one.council_code: one.id for one in known if (one.return_code, one.period) == (return_code, period)}
    if answered != dict(submissions):
        raise LedgerError(
            "A release can only hold known submissions of its own return and period.", where=f"{return_code} {period}"
        )
    release_id: int = connection.execute(
        sa.insert(RELEASE)
        .values(
            return_code=return_code,
            period=period,
            number=before.number + 1 if before else 1,
            sha256=sha256,
            model_sha256=model_sha256,
            versions=dict(versions),
            run_id=run_id,
            released_at=now,
        )
        .returning(RELEASE.c.id)
    ).scalar_one()
    if submissions:
        connection.execute(
            sa.insert(RELEASE_SUBMISSION),
            [{"release_id": release_id, "submission_id": one} for one in submissions.values()],
        )
    made = latest(connection, return_code, period)
    if made is None:  # pragma: no cover - it was written above, in this transaction
        raise LedgerError("The release was not kept.", where=f"{return_code} {period}")
    return made


def latest(connection: sa.Connection, return_code: str, period: str) -> Release | None:
    """The latest release of a return's period; None where there is none."""
    row = connection.execute(
        sa.select(RELEASE)
        .where(RELEASE.c.return_code == return_code, RELEASE.c.period == period)
        .order_by(RELEASE.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    held = connection.execute(
        sa.select(SUBMISSION.c.council_code, SUBMISSION.c.id)
        .join(RELEASE_SUBMISSION, RELEASE_SUBMISSION.c.submission_id == SUBMISSION.c.id)
        .where(RELEASE_SUBMISSION.c.release_id == values.pop("id"))
        .order_by(SUBMISSION.c.council_code)
    )
    return Release(**values, submissions={one.council_code: one.id for one in held})
