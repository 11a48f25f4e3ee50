"""Releases: the numbered published versions of a return's period, and the submissions each was made from.

Making a release belongs in ``publication``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.schema import RELEASE, RELEASE_SUBMISSION, SUBMISSION
from lgdp_pipelines.ledger.submission_records import Release
from lgdp_pipelines.ledger.submissions import select_submissions


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release to record.

    Attributes:
        return_code: of the return.
        period: id.
        submissions: the submission of each council in it, by register code.
        versions: Delta version of each published table, by name.
        model_sha256: of the models that made it.
        run_id: the run that made it.
    """

    return_code: str
    period: str
    submissions: Mapping[str, str]
    versions: Mapping[str, int]
    model_sha256: str
    run_id: str

    @property
    def sha256(self) -> str:
        """The digest that distinguishes releases: the submission of each council, and the models."""
        content = {"model": self.model_sha256, "submissions": dict(sorted(self.submissions.items()))}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class ReleaseRepository(Repository):
    """The releases of the ledger."""

    def record(self, release: NewRelease) -> Release:
        """Record a release, or return the latest if its content is the same.

        Raises:
            LedgerError: a submission is unknown, or is of another return or period.
        """
        return self._database.write(lambda connection: _record(connection, release, self._clock()))

    def find_latest(self, return_code: str, period: str) -> Release | None:
        """Return the latest release of a return's period, or None."""
        with self._database.read() as connection:
            return _find_latest(connection, return_code, period)


def _record(connection: sa.Connection, release: NewRelease, now: datetime) -> Release:
    place = (release.return_code, release.period)
    latest = _find_latest(connection, *place)
    if latest is not None and latest.sha256 == release.sha256:
        return latest
    known = select_submissions(connection, SUBMISSION.c.id.in_(list(release.submissions.values())))
    own = {
        submission.council_code: submission.id
        for submission in known
        if (submission.return_code, submission.period) == place
    }
    if own != dict(release.submissions):
        raise LedgerError(
            "A release can only hold known submissions of its own return and period.", where=" ".join(place)
        )
    recorded = Release(
        return_code=release.return_code,
        period=release.period,
        number=latest.number + 1 if latest else 1,
        sha256=release.sha256,
        model_sha256=release.model_sha256,
        versions=dict(release.versions),
        submissions=dict(sorted(own.items())),
        run_id=release.run_id,
        released_at=now,
    )
    columns = {column.name: getattr(recorded, column.name) for column in RELEASE.c if column.name != "id"}
    release_id: int = connection.execute(sa.insert(RELEASE).values(columns).returning(RELEASE.c.id)).scalar_one()
    if own:
        connection.execute(
            sa.insert(RELEASE_SUBMISSION),
            [{"release_id": release_id, "submission_id": submission_id} for submission_id in own.values()],
        )
    return recorded


def _find_latest(connection: sa.Connection, return_code: str, period: str) -> Release | None:
    row = connection.execute(
        sa.select(RELEASE)
        .where(RELEASE.c.return_code == return_code, RELEASE.c.period == period)
        .order_by(RELEASE.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    submissions = connection.execute(
        sa.select(SUBMISSION.c.council_code, SUBMISSION.c.id)
        .join(RELEASE_SUBMISSION, RELEASE_SUBMISSION.c.submission_id == SUBMISSION.c.id)
        .where(RELEASE_SUBMISSION.c.release_id == values.pop("id"))
        .order_by(SUBMISSION.c.council_code)
    )
    return Release(**values, submissions={submission.council_code: submission.id for submission in submissions})
