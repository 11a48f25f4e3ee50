import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.collection.file_routing import Route, RoutingFailure, route
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import FolderReturn, SourceReturn
from lgdp_pipelines.vocabulary.periods import financial_quarter, month

HL1 = FolderReturn("HL1", folder="hl1", pattern=r"HL1_(?P<period>\d{4}-\d{2}_Q[1-4])(_v\d+)?\.csv")
STAFF = FolderReturn("STAFF", folder="staff", pattern=r"(?P<period>\d{6})_(?P<table>[a-z]+)\.csv")


def test_a_name_of_the_declared_form_says_return_and_period(register: Register, today: date) -> None:
    assert route("HL1_2024-25_Q2.csv", [HL1], register.returns, today=today) == Route("HL1", financial_quarter(2024, 2))


def test_a_new_version_in_the_name_is_the_same_return_and_period(register: Register, today: date) -> None:
    assert route("HL1_2024-25_Q1_v3.csv", [HL1], register.returns, today=today) == Route(
        "HL1", financial_quarter(2024, 1)
    )


def test_where_a_submission_has_a_file_a_table_the_name_says_which(register: Register, today: date) -> None:
    assert route("202410_posts.csv", [STAFF], register.returns, today=today) == Route("STAFF", month(2024, 10), "posts")


def test_without_a_table_in_the_pattern_the_contract_s_file_pattern_decides(register: Register, today: date) -> None:
    pattern = FolderReturn("STAFF", folder="staff", pattern=r"(?P<period>\d{6})_[a-z]+\.csv")
    assert route("202410_people.csv", [pattern], register.returns, today=today) == Route(
        "STAFF", month(2024, 10), "people"
    )


def reason(name: str, expected: list[SourceReturn], register: Register, today: date) -> str:
    outcome = route(name, expected, register.returns, today=today)
    assert isinstance(outcome, RoutingFailure)
    return outcome.reason


def test_a_table_that_the_contract_does_not_have_is_unrecognised(register: Register, today: date) -> None:
    assert "which table of STAFF" in reason("202410_pets.csv", [STAFF], register, today)


def test_the_whole_name_must_match_not_its_beginning(register: Register, today: date) -> None:
    assert "not of a form" in reason("HL1_2024-25_Q1.csv.bak", [HL1], register, today)
    assert "not of a form" in reason("my HL1_2024-25_Q1.csv", [HL1], register, today)
    assert "not of a form" in reason("HL1_2024-25_Q1.csv\n", [HL1], register, today)


def test_years_that_do_not_follow_each_other_are_no_period(register: Register, today: date) -> None:
    assert "financial-quarter" in reason("HL1_2024-29_Q1.csv", [HL1], register, today)


def test_a_period_before_the_first_contract_is_unrecognised(register: Register, today: date) -> None:
    assert "FY2023-24-Q4" in reason("HL1_2023-24_Q4.csv", [HL1], register, today)


def test_a_period_that_has_not_begun_is_unrecognised(register: Register, today: date) -> None:
    assert "FY2024-25-Q4 has not begun" in reason("HL1_2024-25_Q4.csv", [HL1], register, today)


def test_a_name_that_fits_two_returns_is_unrecognised(register: Register, today: date) -> None:
    both = [HL1, FolderReturn("STAFF", folder="hl1", pattern=r"HL1_(?P<period>.*)\.csv")]
    assert "HL1, STAFF" in reason("HL1_2024-25_Q1.csv", both, register, today)


def test_in_a_folder_where_nothing_is_expected_everything_is_unrecognised(register: Register, today: date) -> None:
    assert "not of a form" in reason("HL1_2024-25_Q1.csv", [], register, today)


@given(name=st.text(max_size=40) | st.from_regex(HL1.pattern) | st.from_regex(HL1.pattern, fullmatch=True))
def test_any_name_is_either_routed_by_its_whole_form_or_refused_with_a_reason(
    name: str, register: Register, today: date
) -> None:
    outcome = route(name, [HL1], register.returns, today=today)
    if isinstance(outcome, Route):
        assert re.fullmatch(HL1.pattern, name)
        assert outcome.return_code == "HL1"
        assert name[4:11] == outcome.period.id[2:9]
        assert outcome.period.start <= today
    else:
        assert outcome.reason.endswith(".")
        assert "\n" not in outcome.reason


@given(name=st.text(max_size=300))
def test_a_reason_never_repeats_what_only_the_name_says(name: str, register: Register, today: date) -> None:
    outcome = route(f"Jane Doe {name}", [HL1], register.returns, today=today)
    assert isinstance(outcome, RoutingFailure)
    assert "Jane Doe" not in outcome.reason


def test_a_group_nil_that_matches_makes_it_a_nil_return(register: Register, today: date) -> None:
    pattern = FolderReturn("HL1", folder="hl1", pattern=r"HL1_(?P<period>\d{4}-\d{2}_Q[1-4])(?P<nil>_NIL)?\.csv")
    quarter = financial_quarter(2024, 1)
    names = {"HL1_2024-25_Q1_NIL.csv": Route("HL1", quarter, is_nil=True), "HL1_2024-25_Q1.csv": Route("HL1", quarter)}
    assert {name: route(name, [pattern], register.returns, today=today) for name in names} == names
    assert "not of a form" in reason("HL1_2024-25_Q1_nil.csv", [pattern], register, today)


def test_a_nil_return_of_several_files_needs_no_table_in_its_name(register: Register, today: date) -> None:
    pattern = FolderReturn("STAFF", folder="staff", pattern=r"(?P<period>\d{6})_((?P<nil>nil)|(?P<table>[a-z]+))\.csv")
    names = {
        "202410_nil.csv": Route("STAFF", month(2024, 10), is_nil=True),
        "202410_posts.csv": Route("STAFF", month(2024, 10), "posts"),
    }
    assert {name: route(name, [pattern], register.returns, today=today) for name in names} == names
