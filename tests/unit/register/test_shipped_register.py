"""The register that is shipped: what its publishers say, held against what was loaded."""

import re
from pathlib import Path

import pytest

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model import Register
from lgdp_pipelines.register.parts import Privacy, Role
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.standards.periods import parse_period, read_period
from lgdp_pipelines.standards.rules import RuleKind, Severity

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"


@pytest.fixture(scope="module")
def register() -> Register:
    return load_register(SCHEMAS)


def test_holds_the_four_returns(register: Register) -> None:
    kinds = {code: one.latest.period_kind.value for code, one in register.returns.items()}
    assert kinds == {
        "DHP": "month",
        "HL1": "financial-quarter",
        "PEOPLE-SUPPORTED": "financial-year",
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
        recoded = {one.code: one.former_gss_code for one in register.councils if one.former_gss_code}
        assert recoded == {"FIF": "S12000015", "GLG": "S12000046", "NLK": "S12000044", "PKN": "S12000024"}


class TestHomelessness:
    @pytest.mark.parametrize(("day", "ended"), [("2012-12-30", set()), ("2012-12-31", {"3", "6"})])
    def test_two_decisions_ended_with_2012(self, register: Register, day: str, ended: set[str]) -> None:
        assess = register.code_lists["hl1-assess"]
        assert set(assess.by_code) - set(assess.spellings_on(parse_period(day).end)) == ended

    def test_a_list_that_nobody_has_seen_rejects_nothing(self, register: Register) -> None:
        for ret in register.returns.values():
            for table in ret.latest.tables:
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


class TestRoutes:
    @pytest.mark.parametrize(
        ("return_code", "name", "period"),
        [
            ("HL1", "HL1_2024-25_Q1.csv", "FY2024-25-Q1"),
            ("HL1", "HL1_2024-25_Q4_v2.csv", "FY2024-25-Q4"),
            ("DHP", "DHP-202404.csv", "2024-04"),
            ("PEOPLE-SUPPORTED", "people-supported-2017-18.csv", "FY2017-18"),
            ("PEOPLE-SUPPORTED", "people_supported_2017-2018.csv", "FY2017-18"),
        ],
    )
    def test_a_file_name_names_its_period(self, register: Register, return_code: str, name: str, period: str) -> None:
        given = {one.return_code: one for one in register.sources["council-estate-sftp"].returns}[return_code]
        found = re.fullmatch(given.pattern, name)
        assert found is not None
        read = read_period(found["period"], register.returns[return_code].latest.period_kind)
        assert read is not None
        assert read.id == period


def test_every_rule_says_what_holds_and_what_to_do(register: Register) -> None:
    for ret in register.returns.values():
        for rule in rules_of(ret.latest):
            assert rule.title, rule.id
            assert rule.guidance, rule.id
            assert rule.id.startswith(f"{ret.slug}.")


def test_every_measure_has_a_unit_and_every_return_an_owner(register: Register) -> None:
    for ret in register.returns.values():
        assert "@" in ret.latest.owner
        assert all(item.unit for table in ret.latest.tables for item in table.having(Role.MEASURE))
