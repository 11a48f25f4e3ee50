"""The register that is shipped: what its publishers say, held against what was loaded."""

import re

import pytest

from lgdp_pipelines.register.contract_report import contract_text, version_in_files
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import Privacy, Role
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.versions.version_union import unite_tables
from lgdp_pipelines.vocabulary.periods import parse_period, read_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity
from tests.support.shipped_register import shipped_register


@pytest.fixture(scope="module")
def register() -> Register:
    return shipped_register()


def test_holds_the_returns_that_are_shipped(register: Register) -> None:
    kinds = {code: data_return.latest.period_kind.value for code, data_return in register.returns.items()}
    assert kinds == {
        "DHP": "month",
        "HL1": "financial-quarter",
        "HL3": "financial-quarter",
        "LFR": "financial-year",
        "PEOPLE-SUPPORTED": "financial-year",
        "SCHOOL-LIST": "day",
        "SCHOOL-SUMMARY": "academic-year",
        "SOURCE": "financial-quarter",
        "WASTE": "calendar-year",
    }


class TestCouncils:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Renfrewshire", "RFW"),
            ("East Renfrewshire", "ERW"),
            ("North Lanarkshire1", "NLK"),
            ("North Lanarkshire(3)", "NLK"),
            ("Clackmannanshire33", "CLK"),
            ("Argyll & Bute1", "AGB"),
            ("Highland (2)", "HLD"),
            ("aberdeen cuty", "ABE"),
            ("Edinburgh, City of ", "EDH"),
            ("Shetland  Islands", "ZET"),
            ("S12000015", "FIF"),
            ("S12000047", "FIF"),
            ("260", "GLG"),
            ("17", "GLG"),
            ("gb-las-pkn", "PKN"),
            ("ste", None),
            ("North", None),
            ("Lanarkshire", None),
            ("Scotland", None),
            ("Scotland (All Areas Submitted)", None),
            ("", None),
        ],
    )
    def test_a_spelling_means_one_council_or_none(self, register: Register, text: str, code: str | None) -> None:
        found = register.councils.find(text)
        assert (found.code if found else None) == code

    @pytest.mark.parametrize(
        "name",
        [
            "Na h-Eileanan Siar",
            "Eilean Siar",
            "Comhairle nan Eilean Siar",
            "Comhairle nan Eileanan Siar",
            "Na h-Eileanan an Iar",
            "Western Isles",
            "Eilean Siar2",
        ],
    )
    def test_seven_names_are_one_council(self, register: Register, name: str) -> None:
        found = register.councils.find(name)
        assert found is not None
        assert found.gss_code == "S12000013"

    def test_are_thirty_two_with_four_recoded(self, register: Register) -> None:
        assert len(register.councils.codes) == 32
        recoded = {council.code: council.former_gss_code for council in register.councils if council.former_gss_code}
        assert recoded == {"FIF": "S12000015", "GLG": "S12000046", "NLK": "S12000044", "PKN": "S12000024"}


class TestHomelessness:
    @pytest.mark.parametrize(("day", "ended"), [("2012-12-30", set()), ("2012-12-31", {"3", "6"})])
    def test_two_decisions_ended_with_2012(self, register: Register, day: str, ended: set[str]) -> None:
        assess = register.code_lists["hl1-assess"]
        assert set(assess.by_code) - set(assess.list_spellings(parse_period(day).end)) == ended

    def test_a_decision_is_a_code_of_the_day_of_assessment(self, register: Register) -> None:
        (table,) = register.returns["HL1"].latest.tables
        assert table.by_name["assessment_decision_code"].codes_on == "assessment_date"

    def test_a_list_that_nobody_has_seen_rejects_nothing(self, register: Register) -> None:
        for data_return in register.returns.values():
            for table in data_return.latest.tables:
                for item in table.items:
                    unseen = item.code_list and register.code_lists[item.code_list].verified == "memory, unverified"
                    if unseen:
                        assert item.severities[RuleKind.CODES] is Severity.QUERY, item.name

    def test_what_points_at_a_person_is_not_open(self, register: Register) -> None:
        items = {item.header: item.privacy for item in register.returns["HL1"].latest.tables[0].items}
        assert items["APPREF"] is Privacy.PSEUDONYMISE
        assert items["PREVAPP"] is Privacy.PSEUDONYMISE
        assert items["CLIENTID"] is Privacy.PSEUDONYMISE
        assert items["APPDATE"] is Privacy.MONTH
        assert items["DOB"] is Privacy.YEAR
        assert items["POSTCODE"] is Privacy.WITHHOLD
        assert items["16B-MENTHLTH"] is Privacy.WITHHOLD

    def test_item_codes_made_here_say_so(self, register: Register) -> None:
        items = register.returns["HL1"].latest.tables[0].items
        ours = {item.header for item in items if item.provenance.verified == "ours"}
        assert {"ASSESSDATE", "CLOSEDATE", "CLIENTID", "DOB", "POSTCODE", "MAINAPP"} <= ours
        assert not ours & {"LACODE", "APPREF", "APPDATE", "ASSESS", "CONTACT", "PROPERTY"}


class TestSchools:
    def test_two_headers_are_two_versions_of_one_return(self, register: Register) -> None:
        first, second = register.returns["SCHOOL-SUMMARY"].contracts
        assert [(str(contract.version), contract.valid_from) for contract in (first, second)] == [
            ("1.0.0", "AY2019-20"),
            ("2.0.0", "AY2023-24"),
        ]
        assert first.extract.header_rows == 2
        assert second.extract.preamble == 1

    def test_their_figures_stand_in_one_conformed_model(self, register: Register) -> None:
        (school,) = unite_tables(register.returns["SCHOOL-SUMMARY"])
        columns = {item.urn.rpartition(":")[2]: dict(item.columns) for item in school.items}
        assert columns["pupil_roll"] == {1: "pupil_roll", 2: "pupil_roll"}
        assert columns["teachers_fte"] == {1: "fte_teachers", 2: "teachers_fte"}
        assert columns["fsm_p4_up_count"] == {1: "fsm_p4_up_count"}
        assert columns["white_british_count"] == {2: "white_british_count"}
        assert len(school.measures) == 36 + 10
        assert [item.name for item in school.dimensions] == ["seed_code", "school_type"]

    def test_a_mark_means_the_same_in_both_sets(self, register: Register) -> None:
        first, second = (
            contract.tables[0].by_name["p1_count"].marks for contract in register.returns["SCHOOL-SUMMARY"].contracts
        )
        assert (first["*"], first["#"], first[".."]) == ("Q", "M", "O")
        assert (second["c"], second["z"], second["x"]) == ("Q", "M", "L")

    def test_every_change_has_a_reason(self, register: Register) -> None:
        version = version_in_files(register, register.returns["SCHOOL-SUMMARY"].latest)
        assert version.base == "1.0.0"
        assert len(version.changes) > 50
        assert all(change.reason for change in version.changes)


class TestRoutes:
    @pytest.mark.parametrize(
        ("return_code", "name", "period"),
        [
            ("HL1", "HL1_2024-25_Q1.csv", "FY2024-25-Q1"),
            ("HL1", "HL1_2024-25_Q4_v2.csv", "FY2024-25-Q4"),
            ("DHP", "DHP-202404.csv", "2024-04"),
            ("PEOPLE-SUPPORTED", "people-supported-2017-18.csv", "FY2017-18"),
            ("PEOPLE-SUPPORTED", "people_supported_2017-2018.csv", "FY2017-18"),
            ("SCHOOL-SUMMARY", "school-summary-2019-20.xlsx", "AY2019-20"),
        ],
    )
    def test_a_file_name_names_its_period(self, register: Register, return_code: str, name: str, period: str) -> None:
        source_return = {
            source_return.return_code: source_return for source_return in register.sources["simulated-sftp"].returns
        }[return_code]
        found = re.fullmatch(source_return.pattern, name)
        assert found is not None
        period_read = read_period(found["period"], register.returns[return_code].latest.period_kind)
        assert period_read is not None
        assert period_read.id == period


def test_every_contract_is_shown_in_full_without_aliases(register: Register) -> None:
    for data_return in register.returns.values():
        for contract in data_return.contracts:
            shown = contract_text(register, data_return, contract)
            yaml_lines = [line for line in shown.splitlines() if not line.startswith("#")]
            assert not [line for line in yaml_lines if re.search(r"(^|[-:] )[&*]\w", line)]


def test_every_rule_says_what_holds_and_what_to_do(register: Register) -> None:
    for data_return in register.returns.values():
        for rule in list_rules(data_return.latest):
            assert rule.title, rule.id
            assert rule.guidance, rule.id
            assert rule.id.startswith(f"{data_return.slug}.")


def test_every_measure_has_a_unit_and_every_return_an_owner(register: Register) -> None:
    for data_return in register.returns.values():
        assert "@" in data_return.latest.owner
        assert all(item.unit for table in data_return.latest.tables for item in table.list_items_of_role(Role.MEASURE))
