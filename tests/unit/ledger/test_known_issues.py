"""Known issues are added once, shown until they are lifted, and kept for ever."""

from dataclasses import replace

import pytest

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.query_records import KnownIssue

LATE = KnownIssue("HL1", "FIF", "FY2024-25", "", "Two offices reported late.", "A. Analyst", "owner", "minutes, p. 2")
ITEM = replace(LATE, item_urn="urn:lgdp:item:hl1:assess", words="Codes were guessed.")


def test_known_issue_is_active_until_lifted(ledger: Ledger) -> None:
    recorded_issue = ledger.known_issues.add([LATE])[0]
    assert (recorded_issue.number, recorded_issue.issue, recorded_issue.lifted_at) == (1, LATE, None)
    assert ledger.known_issues.find_active("HL1", council_code="FIF", period="FY2024-25") == (recorded_issue,)
    assert ledger.known_issues.find_active("HL1", council_code="GLG", period="FY2024-25") == ()

    lifted_issue = ledger.known_issues.lift(1, by="B. Analyst", reason="Sent again.")
    assert (lifted_issue.lifted_by, lifted_issue.lift_reason, lifted_issue.issue) == ("B. Analyst", "Sent again.", LATE)
    assert lifted_issue.lifted_at is not None
    assert lifted_issue.lifted_at > lifted_issue.put_at
    assert ledger.known_issues.find_active("HL1", council_code="FIF", period="FY2024-25") == ()
    assert ledger.known_issues.find() == (lifted_issue,)


def test_same_words_at_the_same_place_are_one_known_issue(ledger: Ledger) -> None:
    recorded_issues = ledger.known_issues.add([LATE, ITEM, LATE])
    assert [issue.number for issue in recorded_issues] == [1, 2, 1]
    assert ledger.known_issues.add([replace(LATE, by="Somebody else")])[0].number == 1
    ledger.known_issues.lift(1, by="b", reason="r")
    assert ledger.known_issues.add([LATE])[0].number == 3, "a lifted issue is added again"


@pytest.mark.parametrize(
    "changes",
    [{"words": " "}, {"words": "a\x1bb"}, {"by": ""}, {"role": "\n"}, {"source": "x" * 501}, {"words": "x" * 2001}],
)
def test_several_known_issues_are_added_together_or_not_at_all(ledger: Ledger, changes: dict[str, str]) -> None:
    with pytest.raises(LedgerError):
        ledger.known_issues.add([LATE, replace(ITEM, **changes)])
    assert ledger.known_issues.find() == ()


def test_lifted_or_unknown_issue_cannot_be_lifted(ledger: Ledger) -> None:
    ledger.known_issues.add([LATE])[0]
    ledger.known_issues.lift(1, by="b", reason="r")
    with pytest.raises(LedgerError, match="lifted before"):
        ledger.known_issues.lift(1, by="b", reason="r")
    with pytest.raises(WrongUse, match="no such known issue"):
        ledger.known_issues.lift(2, by="b", reason="r")
    with pytest.raises(LedgerError, match="reason"):
        ledger.known_issues.lift(1, by="b", reason="")
