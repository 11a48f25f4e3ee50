"""Releases: the numbered published versions of a return's period, and the submissions each was made from.

Belongs here: statements about releases. Belongs elsewhere: making a release (``publication``).
"""

import hashlib
import json
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.schema import RELEASE, RELEASE_SUBMISSION, SUBMISSION
from lgdp_pipelines.ledger.submission_records import NewRelease, Release
from lgdp_pipelines.ledger.submissions import select_submissions


class ReleaseRepository(Repository):
    """The releases of the ledger."""

    def record(self, release: NewRelease) -> Release:
        """Record a release, or return the latest if its content is identical.

        Raises:
            LedgerError: a submission is unknown, or is of another return or period.
        """
        return self._database.write(lambda connection: _record(connection, release, self._clock()))

    def find_latest(self, return_code: str, period: str) -> Release | None:
        """Return the latest release of a return's period; None without one."""
        return self._read(_find_latest, return_code, period)


def _record(connection: sa.Connection, release: NewRelease, now: datetime) -> Release:
    """Insert a release of known submissions, unless the latest is identical."""
    key = (release.return_code, release.period)
    latest = _find_latest(connection, *key)
    sha256 = _hash_content(release)
    if latest is not None and latest.sha256 == sha256:
        return latest
    submissions = {
        submission.council_code: submission.id
        for submission in select_submissions(connection, SUBMISSION.c.id.in_(list(release.submissions.values())))
        if (submission.return_code, submission.period) == key
    }
    if submissions != dict(release.submissions):
        raise LedgerError(
            "A release can only hold known submissions of its own return and period.", where=" ".join(key)
        )
    recorded_release = Release(
        *key,
        submissions=dict(sorted(submissions.items())),
        versions=dict(release.versions),
        model_sha256=release.model_sha256,
        run_id=release.run_id,
        number=latest.number + 1 if latest else 1,
        sha256=sha256,
        released_at=now,
    )
    columns = {column.name: getattr(recorded_release, column.name) for column in RELEASE.c if column.name != "id"}
    release_id: int = connection.execute(sa.insert(RELEASE).values(columns).returning(RELEASE.c.id)).scalar_one()
    if submissions:
        connection.execute(
            sa.insert(RELEASE_SUBMISSION),
            [{"release_id": release_id, "submission_id": submission_id} for submission_id in submissions.values()],
        )
    return recorded_release


def _hash_content(release: NewRelease) -> str:
    """Return the sha256 of a release's submissions and models."""
    content = {"model": release.model_sha256, "submissions": dict(sorted(release.submissions.items()))}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _find_latest(connection: sa.Connection, return_code: str, period: str) -> Release | None:
    """Return the latest release with its submissions, or None."""
    rows = connection.execute(
        sa.select(RELEASE)
        .where(RELEASE.c.return_code == return_code, RELEASE.c.period == period)
        .order_by(RELEASE.c.number.desc())
        .limit(1)
    )
    row = rows.mappings().one_or_none()
    if row is None:
        return None
    values = dict(row)
    submissions = connection.execute(
        sa.select(SUBMISSION.c.council_code, SUBMISSION.c.id)
        .join(RELEASE_SUBMISSION, RELEASE_SUBMISSION.c.submission_id == SUBMISSION.c.id)
        .where(RELEASE_SUBMISSION.c.release_id == values.pop("id"))
        .order_by(SUBMISSION.c.council_code)
    )
    return Release(**values, submissions={submission.council_code: submission.id for submission in submissions})
