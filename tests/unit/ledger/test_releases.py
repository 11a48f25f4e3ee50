from collections.abc import Callable

import pytest

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import NewRelease, Release

PERIOD = "FY2024-25"


def release(ledger: Ledger, submissions: dict[str, str], model: str = "m", version: int = 3) -> Release:
    return ledger.releases.record(
        NewRelease("HL1", PERIOD, submissions, {"published/hl1": version}, model_sha256=model * 64, run_id="r")
    )


def test_release_is_new_only_with_new_submissions_or_models(
    ledger: Ledger, submit: Callable[[str, str], str], judge: Callable[..., NewJudgement]
) -> None:
    assert ledger.releases.find_latest("HL1", PERIOD) is None
    first_id, other_id = submit("FIF", "a"), submit("GLG", "a")
    ledger.judgements.record("r", [judge(first_id), judge(other_id)])
    first_release = release(ledger, {"FIF": first_id, "GLG": other_id})
    repeated = release(ledger, {"GLG": other_id, "FIF": first_id}, version=4)
    assert repeated == first_release
    assert (first_release.number, first_release.submissions, first_release.versions) == (
        1,
        {"FIF": first_id, "GLG": other_id},
        {"published/hl1": 3},
    )
    assert release(ledger, {"FIF": first_id, "GLG": other_id}, model="n").number == 2
    assert release(ledger, {"FIF": first_id}, model="n").number == 3
    third = release(ledger, {"FIF": first_id, "GLG": other_id})
    assert (third.number, third.sha256) == (4, first_release.sha256)
    assert ledger.releases.find_latest("HL1", PERIOD) == third


def test_release_without_submissions_is_recorded(ledger: Ledger) -> None:
    assert release(ledger, {}).submissions == {}


@pytest.mark.parametrize("submission_by_council", [{"GLG": 0}, {"FIF": 0, "GLG": 0}, {"FIF": "HL1.FIF.FY2024-25.099"}])
def test_release_refuses_foreign_submissions(
    ledger: Ledger, submit: Callable[[str, str], str], submission_by_council: dict[str, object]
) -> None:
    submission_id = submit("FIF", "a")
    with pytest.raises(LedgerError):
        release(
            ledger,
            {
                council: value if isinstance(value, str) else submission_id
                for council, value in submission_by_council.items()
            },
        )
    with pytest.raises(LedgerError):
        ledger.releases.record(
            NewRelease("HL1", "FY2023-24", {"FIF": submission_id}, {}, model_sha256="m" * 64, run_id="r")
        )
    assert ledger.releases.find_latest("HL1", PERIOD) is None
