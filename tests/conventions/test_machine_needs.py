"""Tests that need more of the machine than Python packages say so, and are never skipped with ``CI=true``."""

import re
from pathlib import Path

import pytest

from tests.support.machine import MachineNeed, count_skip_reasons, find_sshd, require

THIS_FILE = Path(__file__).resolve()
TESTS = THIS_FILE.parents[1]
MISSING = MachineNeed("sshd is not installed", "delivery", "Install it.", lambda: False)
MET = MachineNeed("", "", "", lambda: True)


def test_sshd_is_looked_for_in_path_and_in_the_system_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sbin").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_sshd(str(tmp_path / "sbin")) is None

    for folder in ("sbin", "bin"):
        server = tmp_path / folder / "sshd"
        server.touch(mode=0o755)
        assert find_sshd(str(tmp_path / "sbin")) == str(server)


def test_a_missing_need_skips_and_says_how_to_meet_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"^delivery: sshd is not installed\. Install it\.$"):
        require(MET, MISSING)


def test_a_missing_need_fails_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    require(MET)

    with pytest.raises(pytest.fail.Exception, match="delivery: sshd is not installed"):
        require(MISSING)


def test_skips_are_counted_by_reason() -> None:
    def report(reason: str) -> pytest.TestReport:
        longrepr = ("tests/test_a.py", 3, f"Skipped: {reason}")
        return pytest.TestReport("a", ("", 0, ""), {}, "skipped", longrepr, "call")

    assert count_skip_reasons([report("no sshd"), report("no root"), report("no sshd")]) == {"no sshd": 2, "no root": 1}


def test_tests_are_skipped_only_for_a_reason_that_says_how_to_have_them_tested() -> None:
    allowed = {TESTS / "support" / "machine.py", TESTS / "support" / "real_data.py", TESTS / "conftest.py", THIS_FILE}
    skipping = [
        f"{path.relative_to(TESTS)}:{number}"
        for path in sorted(set(TESTS.rglob("*.py")) - allowed)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"pytest\.skip\b|mark\.skip|importorskip|unittest\.skip", line)
    ]

    assert skipping == []
