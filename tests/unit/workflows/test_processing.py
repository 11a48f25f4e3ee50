"""Nil returns, withdrawals and the balance in a run; after a crash the next run has the same result."""

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
from lgdp_pipelines.workflows import withdrawal_and_recovery
from lgdp_pipelines.workflows.balance_check import (
    DAYS_PER_CYCLE,
    check_balance,
    find_imbalances,
    verify_bytes,
    verify_daily_share,
)
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, SubmissionOutcome, process
from lgdp_pipelines.workflows.withdrawal_and_recovery import find_inconsistent_slices
from tests.support.contracts import allotment_v1, library, write_register

PERIOD = parse_period("CY2023")
FIRST = "ALLOTMENT.FIF.CY2023.001"
SubmitPlots = Callable[..., tuple[SubmissionOutcome, ...]]


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A platform that asks ALLOTMENT, with nil returns, and LIBRARY, without."""
    contract = allotment_v1()
    contract["customProperties"].append({"property": "lgdpNilReturn", "value": True})
    return Platform(Settings.from_folder(tmp_path / "home", write_register(tmp_path / "schemas", contract, library())))


def run(platform: Platform, withdrawn: list[Submission] | None = None) -> tuple[SubmissionOutcome, ...]:
    data_return = platform.register.returns["ALLOTMENT"]
    withdrawn = withdrawn if withdrawn is not None else []
    return process(platform, ProcessRequest(data_return, PERIOD, ["FIF"]), "test", notify_withdrawn=withdrawn.extend)


@pytest.fixture
def submit_plots(platform: Platform, tmp_path: Path) -> SubmitPlots:
    """Return a function that submits a number of Fife's plots and has them judged."""

    def submit(plots: int) -> tuple[SubmissionOutcome, ...]:
        file = tmp_path / "allotments.csv"
        file.write_text(f"Council,Site,Grade,Plots\nFife,Beach,1,{plots}\n")
        put_files(platform, file)
        return run(platform)

    return submit


def put_files(platform: Platform, *files: Path, code: str = "ALLOTMENT", is_nil: bool = False) -> None:
    data_return, fife = platform.register.returns[code], platform.register.councils.by_code["FIF"]
    hand = hand_in_nil if is_nil else hand_in
    hand(data_return, fife, PERIOD, files, inbox=Inbox(platform.ledger, platform.received_bytes))


def read_standing_submissions(platform: Platform) -> dict[str, str]:
    data_return = platform.register.returns["ALLOTMENT"]
    contract = data_return.latest
    assert find_inconsistent_slices(platform.lake, platform.ledger, data_return, PERIOD) == set()
    return platform.lake.read_slice_submissions(define_validated_table(contract, contract.tables[0]), PERIOD.id)


def test_a_nil_return_removes_the_rows_and_is_current(platform: Platform, submit_plots: SubmitPlots) -> None:
    submit_plots(12)
    put_files(platform, is_nil=True)
    (outcome,) = run(platform)

    assert (outcome.is_nil, outcome.rows, outcome.is_current) == (True, 0, True)
    assert outcome.judgement.verdict is Verdict.ACCEPTED
    assert {rule_outcome.result for rule_outcome in outcome.judgement.outcomes} == {
        RuleResult.PASSED,
        RuleResult.NOT_RUN,
    }
    assert read_standing_submissions(platform) == {}
    assert platform.ledger.submissions.find_current_ids("ALLOTMENT", "CY2023") == {"FIF": "ALLOTMENT.FIF.CY2023.002"}
    assert (
        platform.received_bytes.get(platform.ledger.receipts.get(2).sha256)
        == b"The Fife Council has nothing to report for ALLOTMENT CY2023.\n"
    )
    submit_plots(13)
    assert read_standing_submissions(platform) == {"FIF": "ALLOTMENT.FIF.CY2023.003"}


def test_a_nil_return_that_is_not_allowed_is_rejected_with_the_reason(platform: Platform) -> None:
    put_files(platform, code="LIBRARY", is_nil=True)
    data_return = platform.register.returns["LIBRARY"]
    (outcome,) = process(platform, ProcessRequest(data_return, PERIOD, ["FIF"]), "test")

    assert (outcome.is_nil, outcome.judgement.verdict) == (True, Verdict.REJECTED)
    assert outcome.judgement.findings.select("rule", "message").rows() == [
        (
            "library.readable",
            (
                "LIBRARY takes no nil return. Send the extract, or ask owner@example.org whether you need to report "
                "for this period."
            ),
        )
    ]


def test_a_withdrawal_removes_the_rows_and_is_notified_once(platform: Platform, submit_plots: SubmitPlots) -> None:
    submit_plots(12)
    platform.ledger.withdrawals.record(FIRST, by="A", reason="Wrong")
    withdrawn: list[Submission] = []
    run(platform, withdrawn)
    run(platform, withdrawn)

    assert read_standing_submissions(platform) == {}
    assert [submission.id for submission in withdrawn] == [FIRST]
    assert platform.ledger.submissions.list_pending_work() == ()


@pytest.mark.parametrize("step", ["recover", "tell", "finish"])
def test_a_run_that_dies_during_a_withdrawal_is_repeated(
    platform: Platform, submit_plots: SubmitPlots, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It dies before the removal, after it, or before the ledger's last record."""
    submit_plots(12)
    platform.ledger.withdrawals.record(FIRST, by="A", reason="Wrong")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "recover":
            patch.setattr(withdrawal_and_recovery, "recover_slices", die)
        elif step == "finish":
            patch.setattr(platform.ledger.withdrawals, "finish", die)
        data_return = platform.register.returns["ALLOTMENT"]
        with pytest.raises(KeyboardInterrupt):
            process(
                platform,
                ProcessRequest(data_return, PERIOD, ["FIF"]),
                "dead",
                notify_withdrawn=die if step == "tell" else lambda _: None,
            )
    assert len(platform.ledger.submissions.list_pending_work()) == 1, "it calls for a run"
    withdrawn: list[Submission] = []
    run(platform, withdrawn)

    assert read_standing_submissions(platform) == {}
    assert [submission.id for submission in withdrawn] == [FIRST], "a notification lost in a crash is repeated"
    assert platform.ledger.submissions.list_pending_work() == ()


def test_a_withdrawal_during_judging_leaves_the_last_accepted_slice(
    platform: Platform, submit_plots: SubmitPlots, tmp_path: Path
) -> None:
    submit_plots(12)
    file = tmp_path / "more.csv"
    file.write_text("Council,Site,Grade,Plots\nFife,Beach,1,13\n")
    put_files(platform, file)
    second_id, data_return = "ALLOTMENT.FIF.CY2023.002", platform.register.returns["ALLOTMENT"]
    process(
        platform,
        ProcessRequest(data_return, PERIOD, ["FIF"]),
        "test",
        notify=lambda _: platform.ledger.withdrawals.record(second_id, by="A", reason="Wrong") and None,
    )

    assert platform.ledger.submissions.get(second_id).state is SubmissionState.WITHDRAWN
    assert read_standing_submissions(platform) == {"FIF": FIRST}
    assert platform.ledger.submissions.list_pending_work() == ()


def test_a_withdrawal_of_another_council_waits_for_its_own_run(platform: Platform, submit_plots: SubmitPlots) -> None:
    submit_plots(12)
    platform.ledger.withdrawals.record(FIRST, by="A", reason="Wrong")
    data_return = platform.register.returns["ALLOTMENT"]
    process(platform, ProcessRequest(data_return, PERIOD, ["GLG"]), "test")
    assert len(platform.ledger.submissions.list_pending_work()) == 1


def test_a_run_fails_when_received_bytes_are_missing(platform: Platform, submit_plots: SubmitPlots) -> None:
    submit_plots(12)
    platform.received_bytes.path(platform.ledger.receipts.get(1).sha256).unlink()
    with pytest.raises(LedgerError, match="are not among the received bytes"):
        run(platform)
    check_balance(platform.ledger, platform.received_bytes, "LIBRARY", "CY2023")
    assert read_standing_submissions(platform) == {"FIF": FIRST}, "the current slice is untouched"


def test_damaged_bytes_are_found_by_size_at_once_and_by_content_within_four_weeks(
    platform: Platform, submit_plots: SubmitPlots
) -> None:
    submit_plots(12)
    sha256 = platform.ledger.receipts.get(1).sha256
    path = platform.received_bytes.path(sha256)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"12", b"13"))
    days = [date(2026, 11, 1) + timedelta(days=number) for number in range(DAYS_PER_CYCLE)]
    verifications = [verify_daily_share(platform.ledger, platform.received_bytes, day) for day in days]

    assert find_imbalances(platform.ledger, platform.received_bytes) == []
    assert [verification.damaged for verification in verifications if verification.files] == [(sha256,)], (
        "on verification day of them"
    )
    path.write_bytes(content + b"\n")
    assert (
        f"The bytes {sha256[:12]}… are {len(content) + 1} in the received bytes"
        in find_imbalances(platform.ledger, platform.received_bytes)[0]
    )
    path.write_bytes(content)
    assert verify_bytes(platform.received_bytes, [sha256]).damaged == ()
