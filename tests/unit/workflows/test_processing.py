"""Nil returns, withdrawals and the balance, as a run has them: whatever dies, the next run comes out at the same."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in, hand_in_nil
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.submission_records import Submission, SubmissionState
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake_tables import define_validated_table
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
from lgdp_pipelines.workflows import lake_slices
from lgdp_pipelines.workflows.balance_check import (
    DAYS_PER_CYCLE,
    check_balance,
    find_imbalances,
    verify_bytes,
    verify_daily_share,
)
from lgdp_pipelines.workflows.lake_slices import find_inconsistent_slices
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, SubmissionOutcome, process
from tests.support.contracts import allotment_v1, library, write_register

PERIOD = parse_period("CY2023")
FIRST = "ALLOTMENT.FIF.CY2023.001"
Give = Callable[..., tuple[SubmissionOutcome, ...]]


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A platform that asks ALLOTMENT, with nil returns, and LIBRARY, without."""
    asked = allotment_v1()
    asked["customProperties"].append({"property": "lgdpNilReturn", "value": True})
    return Platform(Settings.from_folder(tmp_path / "home", write_register(tmp_path / "schemas", asked, library())))


def run(platform: Platform, told: list[Submission] | None = None) -> tuple[SubmissionOutcome, ...]:
    data_return = platform.register.returns["ALLOTMENT"]
    heard = told if told is not None else []
    return process(platform, ProcessRequest(data_return, PERIOD, ["FIF"]), "test", notify_withdrawn=heard.extend)


@pytest.fixture
def give(platform: Platform, tmp_path: Path) -> Give:
    """Hand Fife's allotments in, so many plots, and have them judged."""

    def given(plots: int) -> tuple[SubmissionOutcome, ...]:
        file = tmp_path / "allotments.csv"
        file.write_text(f"Council,Site,Grade,Plots\nFife,Beach,1,{plots}\n")
        put(platform, file)
        return run(platform)

    return given


def put(platform: Platform, *files: Path, code: str = "ALLOTMENT", is_nil: bool = False) -> None:
    data_return, fife = platform.register.returns[code], platform.register.councils.by_code["FIF"]
    take = hand_in_nil if is_nil else hand_in
    take(data_return, fife, PERIOD, files, inbox=Inbox(platform.ledger, platform.received_bytes))


def standing(platform: Platform) -> dict[str, str]:
    data_return = platform.register.returns["ALLOTMENT"]
    contract = data_return.latest
    assert find_inconsistent_slices(platform.lake, platform.ledger, data_return, PERIOD) == set()
    return platform.lake.read_slice_submissions(define_validated_table(contract, contract.tables[0]), PERIOD.id)


def test_a_nil_return_removes_the_rows_and_is_current(platform: Platform, give: Give) -> None:
    give(12)
    put(platform, is_nil=True)
    (nil,) = run(platform)

    assert (nil.is_nil, nil.rows, nil.is_standing, nil.judgement.verdict) == (True, 0, True, Verdict.ACCEPTED)
    assert {outcome.result for outcome in nil.judgement.results} == {RuleResult.PASSED, RuleResult.NOT_RUN}
    assert standing(platform) == {}
    assert platform.ledger.submissions.find_current("ALLOTMENT", "CY2023") == {"FIF": "ALLOTMENT.FIF.CY2023.002"}
    assert (
        platform.received_bytes.get(platform.ledger.receipts.get(2).sha256)
        == b"The Fife Council has nothing to report for ALLOTMENT CY2023.\n"
    )
    give(13)
    assert standing(platform) == {"FIF": "ALLOTMENT.FIF.CY2023.003"}


def test_a_nil_return_that_is_not_allowed_is_rejected_with_the_reason(platform: Platform) -> None:
    put(platform, code="LIBRARY", is_nil=True)
    data_return = platform.register.returns["LIBRARY"]
    (nil,) = process(platform, ProcessRequest(data_return, PERIOD, ["FIF"]), "test")

    assert (nil.is_nil, nil.judgement.verdict) == (True, Verdict.REJECTED)
    assert nil.judgement.findings.select("rule", "message").rows() == [
        (
            "library.readable",
            (
                "LIBRARY takes no nil return. Send the extract, or ask owner@example.org whether you need to report "
                "for this period."
            ),
        )
    ]


def test_a_withdrawal_removes_the_rows_and_is_notified_once(platform: Platform, give: Give) -> None:
    give(12)
    platform.ledger.withdrawals.record(FIRST, by="A", reason="Wrong")
    told: list[Submission] = []
    run(platform, told)
    run(platform, told)

    assert standing(platform) == {}
    assert [submission.id for submission in told] == [FIRST]
    assert platform.ledger.submissions.list_pending_work() == ()


@pytest.mark.parametrize("step", ["recover", "tell", "finish"])
def test_a_run_that_dies_during_a_withdrawal_is_repeated(
    platform: Platform, give: Give, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before the rows go, when they have gone, and before the last word."""
    give(12)
    platform.ledger.withdrawals.record(FIRST, by="A", reason="Wrong")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "recover":
            patch.setattr(lake_slices, "recover_slices", dies)
        elif step == "finish":
            patch.setattr(platform.ledger.withdrawals, "finish", dies)
        data_return = platform.register.returns["ALLOTMENT"]
        with pytest.raises(KeyboardInterrupt):
            process(
                platform,
                ProcessRequest(data_return, PERIOD, ["FIF"]),
                "dead",
                notify_withdrawn=dies if step == "tell" else lambda _: None,
            )
    assert len(platform.ledger.submissions.list_pending_work()) == 1, "it calls for a run"
    told: list[Submission] = []
    run(platform, told)

    assert standing(platform) == {}
    assert [submission.id for submission in told] == [FIRST], "whoever died before telling is heard now"
    assert platform.ledger.submissions.list_pending_work() == ()


def test_a_withdrawal_during_judging_leaves_the_last_accepted_slice(
    platform: Platform, give: Give, tmp_path: Path
) -> None:
    give(12)
    file = tmp_path / "more.csv"
    file.write_text("Council,Site,Grade,Plots\nFife,Beach,1,13\n")
    put(platform, file)
    second, data_return = "ALLOTMENT.FIF.CY2023.002", platform.register.returns["ALLOTMENT"]
    process(
        platform,
        ProcessRequest(data_return, PERIOD, ["FIF"]),
        "test",
        notify=lambda _: platform.ledger.withdrawals.record(second, by="A", reason="Wrong") and None,
    )

    assert platform.ledger.submissions.get(second).state is SubmissionState.WITHDRAWN
    assert standing(platform) == {"FIF": FIRST}
    assert platform.ledger.submissions.list_pending_work() == ()


def test_a_withdrawal_of_another_council_waits_for_its_own_run(platform: Platform, give: Give) -> None:
    give(12)
    platform.ledger.withdrawals.record(FIRST, by="A", reason="Wrong")
    data_return = platform.register.returns["ALLOTMENT"]
    process(platform, ProcessRequest(data_return, PERIOD, ["GLG"]), "test")
    assert len(platform.ledger.submissions.list_pending_work()) == 1


def test_a_run_fails_when_received_bytes_are_missing(platform: Platform, give: Give) -> None:
    give(12)
    platform.received_bytes.path(platform.ledger.receipts.get(1).sha256).unlink()
    with pytest.raises(LedgerError, match="are not among the received bytes"):
        run(platform)
    check_balance(platform.ledger, platform.received_bytes, "LIBRARY", "CY2023")
    assert standing(platform) == {"FIF": FIRST}, "what stood is untouched"


def test_damaged_bytes_are_found_by_size_at_once_and_by_content_within_four_weeks(
    platform: Platform, give: Give
) -> None:
    give(12)
    sha256 = platform.ledger.receipts.get(1).sha256
    path = platform.received_bytes.path(sha256)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"12", b"13"))
    days = [date(2026, 11, 1) + timedelta(days=number) for number in range(DAYS_PER_CYCLE)]
    found = [verify_daily_share(platform.ledger, platform.received_bytes, day) for day in days]

    assert find_imbalances(platform.ledger, platform.received_bytes) == []
    assert [verification.damaged for verification in found if verification.files] == [(sha256,)], (
        "on verification day of them"
    )
    path.write_bytes(content + b"\n")
    assert (
        f"The bytes {sha256[:12]}… are {len(content) + 1} in the received bytes"
        in find_imbalances(platform.ledger, platform.received_bytes)[0]
    )
    path.write_bytes(content)
    assert verify_bytes(platform.received_bytes, [sha256]).damaged == ()
