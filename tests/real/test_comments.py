"""The real comments on the quality of figures, held as known issues and shown beside the real figures in SQL."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from lgdp_pipelines.collection.hand import hand_in
from lgdp_pipelines.estate.real import people_supported
from lgdp_pipelines.journey.known_issues import lift, put_file
from lgdp_pipelines.journey.platform import Platform
from lgdp_pipelines.journey.process import Scope, process
from lgdp_pipelines.journey.publish import publish
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.standards.councils import fold
from lgdp_pipelines.standards.periods import parse_period
from lgdp_pipelines.storage.catalogue import ask
from tests.real.comments import ALL, NATION, PEOPLE, Comment, comments, write_known_issues

REAL = PROJECT.parent / "shared" / "realdata"
PERIOD = parse_period("FY2018-19")
SHOWN = ("EDH", "ABD", "FIF")
TAKEN_OUT = "The publisher took the comment out again."
RATE = PEOPLE.replace("nclient", "rate")

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="The real public files are not beside the project.")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A platform that asks for people supported alone, with three councils' figures of a year published."""
    folder = tmp_path_factory.mktemp("comments")
    for part in ("councils", "codelists", "returns/people_supported"):
        shutil.copytree(PROJECT / "schemas" / part, folder / "schemas" / part)
    found = Platform(Settings.at(folder / "home", folder / "schemas"))
    ret = found.register.returns["PEOPLE-SUPPORTED"]
    cut = people_supported(REAL, found.register.councils)
    for code in SHOWN:
        file = folder / f"{code}.csv"
        file.write_bytes(cut[code, PERIOD.id])
        hand_in(ret, found.register.councils.by_code[code], PERIOD, [file], ledger=found.ledger, raw=found.raw)
    process(found, ret, PERIOD, SHOWN, scope=Scope.NEWS, run_id="test")
    publish(found, ret, [PERIOD.id], run_id="test")
    return found


@pytest.fixture(scope="module")
def given() -> list[Comment]:
    return list(comments(REAL))


@pytest.fixture(scope="module")
def held(platform: Platform, given: list[Comment]) -> int:
    """How many known issues were put."""
    file = platform.settings.home / "comments.csv"
    lines = write_known_issues(iter(given), tuple(platform.register.councils.codes), file)
    kept = put_file(platform, file, by="A. Statistician", role="improvement-service")
    assert len(kept) == lines
    assert put_file(platform, file, by="A. Statistician", role="improvement-service") == kept  # nothing is put twice
    first, *others = {one.number for one in kept if "removed comments" in one.issue.source}
    for number in others:
        platform.ledger.known_issues.lift(number, by="A. Statistician", reason=TAKEN_OUT)
    lift(platform, first, by="A. Statistician", reason=TAKEN_OUT)
    return len({one.number for one in kept})


def places(platform: Platform, one: Comment) -> Iterator[tuple[str, str, str]]:
    """Council, period and item of a comment, by the exact spelling of the council and nothing like it."""
    register = platform.register.councils
    codes = list(register.codes) if one.council in (ALL, NATION) else [register.code_by_spelling[fold(one.council)]]
    for code in codes:
        for year in one.years:
            yield code, f"FY{year.replace('/', '-')}", one.item


def test_there_are_164_comments_on_a_year_and_six_on_all(given: list[Comment]) -> None:
    assert Counter(one.year == ALL for one in given) == {False: 164, True: 6}
    assert Counter(one.council for one in given)[NATION] == 8
    assert sum(bool(one.item) for one in given) == 19


def test_every_comment_is_held_on_its_council_year_and_item(
    platform: Platform, given: list[Comment], held: int
) -> None:
    kept = {
        (one.issue.council_code, one.issue.period, one.issue.item_urn, one.issue.source)
        for one in platform.ledger.known_issues.listed("PEOPLE-SUPPORTED")
    }
    expected = {
        (*place, f"data_quality_table_people_supported.xlsx, {one.sheet}, row {one.row}")
        for one in given
        for place in places(platform, one)
    }
    assert kept <= expected
    # Words that two comments share at one place are one known issue.
    assert len(kept) == held
    said = defaultdict(set)
    for one in given:
        for place in places(platform, one):
            said[place].add(one.words)
    assert held == sum(map(len, said.values()))


def test_what_is_noted_stands_beside_each_figure_that_it_is_about(
    platform: Platform, given: list[Comment], held: int
) -> None:
    assert held
    standing = [one for one in given if one.sheet == "Sheet1"]
    rows = ask(
        platform.settings.catalogue,
        "SELECT council_code, period, item, known_issue, count(*) AS n FROM published.people_supported GROUP BY ALL",
    ).to_pylist()
    assert {(row["council_code"], row["item"]) for row in rows} == {(c, i) for c in SHOWN for i in (PEOPLE, RATE)}
    for row in rows:
        said = [
            one.words
            for one in standing
            for council, period, item in places(platform, one)
            if (council, period) == (row["council_code"], row["period"]) and item in ("", row["item"])
        ]
        shown = row["known_issue"] or ""
        assert all(words.strip() in shown for words in said)
        assert (shown == "") == (said == [])
    assert {row["council_code"] for row in rows if row["known_issue"]} == {"EDH", "ABD"}
    about_people = {row["item"]: row["known_issue"] for row in rows if row["council_code"] == "ABD"}
    assert len(about_people[PEOPLE]) > len(about_people[RATE])


def test_a_comment_that_was_taken_out_again_is_on_record_and_shows_nowhere(
    platform: Platform, given: list[Comment], held: int
) -> None:
    assert held
    gone = {one.words.strip() for one in given if one.sheet == "removed comments"}
    gone -= {one.words.strip() for one in given if one.sheet == "Sheet1"}
    showing = {
        one.issue.words
        for code in platform.register.councils.codes
        for one in platform.ledger.known_issues.showing("PEOPLE-SUPPORTED", code, PERIOD.id)
    }
    assert gone
    assert not gone & showing
    assert gone <= {one.issue.words for one in platform.ledger.known_issues.listed() if one.lifted_at}
