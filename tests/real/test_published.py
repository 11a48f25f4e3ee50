"""Real figures published: comments on their quality held as known issues beside them, and the list of open schools."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator.published_extracts import PUBLISHED_RETURNS
from lgdp_pipelines.storage.catalogue_reader import run_select
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.workflows.known_issue_entries import add_known_issue_file, lift_known_issue
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from lgdp_pipelines.workflows.publishing import publish
from tests.real.plain_rules import LIST
from tests.real.quality_comments import ALL, NATION, PEOPLE, Comment, comments, write_known_issues
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.support.shipped_register import copy_shipped_returns

PERIOD = parse_period("FY2018-19")
CENSUS = parse_period("2024-10-31")
SHOWN = ("EDH", "ABD", "FIF")
TAKEN_OUT = "The publisher took the comment out again."
RATE = PEOPLE.replace("nclient", "rate")

pytestmark = needs_real_data


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A platform that asks for people supported and for schools, with a period of three councils' figures published."""
    folder = tmp_path_factory.mktemp("published")
    schemas = copy_shipped_returns(folder / "schemas", "people_supported", "school_list")
    found = Platform(Settings.from_folder(folder / "home", schemas))
    for code, period in (("PEOPLE-SUPPORTED", PERIOD), ("SCHOOL-LIST", CENSUS)):
        data_return = found.register.returns[code]
        cut = PUBLISHED_RETURNS[code](REAL_DATA, found.register.councils)
        for council in SHOWN:
            file = folder / f"{council}-{code}.{data_return.latest.extract.format}"
            file.write_bytes(cut[council, period.id])
            hand_in(
                data_return,
                found.register.councils.by_code[council],
                period,
                [file],
                inbox=Inbox(found.ledger, found.received_bytes),
            )
        process(found, ProcessRequest(data_return, period, SHOWN), "test")
        assert publish(found, data_return, [period.id], run_id="test").outcome.is_published
    return found


@pytest.fixture(scope="module")
def published_comments() -> list[Comment]:
    return list(comments(REAL_DATA))


@pytest.fixture(scope="module")
def known_issue_count(platform: Platform, published_comments: list[Comment]) -> int:
    """How many known issues were put."""
    file = platform.settings.home / "comments.csv"
    lines = write_known_issues(iter(published_comments), tuple(platform.register.councils.codes), file)
    stored_issues = add_known_issue_file(platform, file, by="A. Statistician", role="improvement-service")
    assert len(stored_issues) == lines
    assert (
        add_known_issue_file(platform, file, by="A. Statistician", role="improvement-service") == stored_issues
    )  # nothing is put twice
    first, *others = {issue.number for issue in stored_issues if "removed comments" in issue.issue.source}
    for number in others:
        platform.ledger.known_issues.lift(number, by="A. Statistician", reason=TAKEN_OUT)
    lift_known_issue(platform, first, by="A. Statistician", reason=TAKEN_OUT)
    return len({issue.number for issue in stored_issues})


def places(platform: Platform, comment: Comment) -> Iterator[tuple[str, str, str]]:
    """Council, period and item of a comment, by the exact spelling of the council and nothing like it."""
    register = platform.register.councils
    codes = (
        list(register.codes)
        if comment.council in (ALL, NATION)
        else [register.code_by_spelling[fold_spelling(comment.council)]]
    )
    for code in codes:
        for year in comment.years:
            yield code, f"FY{year.replace('/', '-')}", comment.item


def test_164_comments_are_about_a_year_and_six_about_all_years(published_comments: list[Comment]) -> None:
    assert Counter(comment.year == ALL for comment in published_comments) == {False: 164, True: 6}
    assert Counter(comment.council for comment in published_comments)[NATION] == 8
    assert sum(bool(comment.item) for comment in published_comments) == 19


def test_every_comment_is_kept_for_its_council_year_and_item(
    platform: Platform, published_comments: list[Comment], known_issue_count: int
) -> None:
    stored_issues = {
        (issue.issue.council_code, issue.issue.period, issue.issue.item_urn, issue.issue.source)
        for issue in platform.ledger.known_issues.find("PEOPLE-SUPPORTED")
    }
    expected = {
        (*place, f"data_quality_table_people_supported.xlsx, {comment.sheet}, row {comment.row}")
        for comment in published_comments
        for place in places(platform, comment)
    }
    assert stored_issues <= expected
    # Words that two comments share at one place are one known issue.
    assert len(stored_issues) == known_issue_count
    notes = defaultdict(set)
    for comment in published_comments:
        for place in places(platform, comment):
            notes[place].add(comment.words)
    assert known_issue_count == sum(map(len, notes.values()))


def test_every_figure_of_a_comment_shows_its_note(
    platform: Platform, published_comments: list[Comment], known_issue_count: int
) -> None:
    assert known_issue_count
    standing = [comment for comment in published_comments if comment.sheet == "Sheet1"]
    rows = run_select(
        platform.settings.catalogue,
        "SELECT council_code, period, item, known_issues, count(*) AS n FROM published.people_supported GROUP BY ALL",
    ).to_pylist()
    assert {(row["council_code"], row["item"]) for row in rows} == {(c, i) for c in SHOWN for i in (PEOPLE, RATE)}
    for row in rows:
        notes = [
            comment.words
            for comment in standing
            for council, period, item in places(platform, comment)
            if (council, period) == (row["council_code"], row["period"]) and item in ("", row["item"])
        ]
        shown = row["known_issues"] or ""
        assert all(words.strip() in shown for words in notes)
        assert (shown == "") == (notes == [])
    assert {row["council_code"] for row in rows if row["known_issues"]} == {"EDH", "ABD"}
    about_people = {row["item"]: row["known_issues"] for row in rows if row["council_code"] == "ABD"}
    assert len(about_people[PEOPLE]) > len(about_people[RATE])


def test_a_lifted_comment_is_on_record_and_shows_nowhere(
    platform: Platform, published_comments: list[Comment], known_issue_count: int
) -> None:
    assert known_issue_count
    gone = {comment.words.strip() for comment in published_comments if comment.sheet == "removed comments"}
    gone -= {comment.words.strip() for comment in published_comments if comment.sheet == "Sheet1"}
    showing = {
        issue.issue.words
        for code in platform.register.councils.codes
        for issue in platform.ledger.known_issues.find_active("PEOPLE-SUPPORTED", council_code=code, period=PERIOD.id)
    }
    assert gone
    assert not gone & showing
    assert gone <= {issue.issue.words for issue in platform.ledger.known_issues.find() if issue.lifted_at}


def test_every_open_school_is_published_as_listed(platform: Platform) -> None:
    councils = {platform.register.councils.by_code[code].name: code for code in SHOWN} | {"Edinburgh City": "EDH"}
    listed = {
        (councils[row[1]], f"{row[0]:.0f}", row[3], row[7], f"{row[8]:.0f}", row[21], row[19] or None)
        for _, row in LIST.schools(REAL_DATA)
        if row[1] in councils
    }
    published = run_select(
        platform.settings.catalogue,
        """SELECT council_code, seed_code, school_name, postcode, uprn, denomination, value, period
           FROM published.school_list""",
    ).to_pylist()
    assert len(published) == len(listed) == 124 + 165 + 159
    assert {tuple(row.values())[:-1] for row in published} == listed
    assert {row["period"] for row in published} == {CENSUS.id}


def test_contact_details_of_schools_are_not_published(platform: Platform) -> None:
    shown = run_select(
        platform.settings.catalogue, "SELECT column_name FROM (DESCRIBE published.school_list)"
    ).to_pylist()
    names = {row["column_name"] for row in shown}
    assert {"school_name", "website", "medium"} <= names
    assert not {"email", "phone_number"} & names
