"""What is planted is found, once and in its place, by the reading and judging that know nothing of it."""

from collections.abc import Callable
from typing import Any

import pytest

from lgdp_pipelines.collection.file_routing import Route, RoutingFailure, route
from lgdp_pipelines.collection.transports.folder_files import is_unfinished
from lgdp_pipelines.handover.chunked_frame import Spill
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.simulator import story
from lgdp_pipelines.simulator.sample_files import samples
from lgdp_pipelines.simulator.scenario import Planted, Scenario, Sent
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from tests.support.judging import judge_files, make_context

DEFECTS = [("HL1", *key[1:]) for key in story.MISTAKES if key[0] == "HL1"] + [
    key for key in story.MISTAKES if key[0] != "HL1"
]
RESENT = [key for key, event in story.EVENTS.items() if event.mistake is not None]

Judged = Callable[..., ValidationResult]


@pytest.fixture(scope="session")
def judged(register: Register, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    def judging(code: str, council: str, period: Period, content: bytes, earlier: Any = None) -> ValidationResult:
        contract = register.returns[code].contract_for(period)
        mapping = register.mapping_for(system_of(register, code, council), code, council, contract)
        with Spill(tmp_path_factory.getbasetemp()) as spill:
            sources = {"mapping": mapping, **({"prior_rows": earlier} if earlier else {})}
            context = make_context(contract, register, council, period, spill, **sources)
            return judge_files([ExtractFile("extract", content, None)], context)

    return judging


def system_of(register: Register, code: str, council: str) -> str:
    simulated = [source for source in register.sources.values() if source.id.startswith("simulated-")]
    found = [answer for source in simulated for answer in source.of(council).returns if answer.return_code == code]
    return found[0].system if found else ""


def sent_by(made_up: Scenario, code: str, council: str, file: str) -> Sent:
    folders = {"HL1": "hl1", "DHP": "dhp"}
    (found,) = [
        one
        for one in made_up.sent
        if one.path.name == file and one.path.parts[1] == council and one.path.parts[-2] == folders[code]
    ]
    return found


def planted_for(made_up: Scenario, key: story.Key) -> Planted:
    (found,) = [
        one
        for one in made_up.planted
        if (one.return_code, one.council_code, one.period) == key and one.rule is not None
    ]
    return found


@pytest.mark.parametrize("key", [*DEFECTS, *RESENT], ids="-".join)
def test_each_mistake_breaks_its_one_rule_at_its_one_place(key: story.Key, made_up: Scenario, judged: Judged) -> None:
    code, council, period = key[0], key[1], parse_period(key[2])
    planted = planted_for(made_up, key)

    def month_before(asked: Period, table: Table) -> Any:
        before = sent_by(made_up, code, council, f"DHP-{asked.start:%Y%m}.csv")
        return judged(code, council, asked, before.content).tables[table.name]

    content = sent_by(made_up, code, council, planted.file).content
    judgement = judged(code, council, period, content, month_before if code == "DHP" else None)
    found = judgement.findings.select("rule", "severity", "row", "column").rows()
    assert found == [(planted.rule, str(planted.severity), planted.row, planted.column)]
    assert judgement.verdict == planted.outcome


def test_mistakes_of_every_asked_for_kind_are_planted(made_up: Scenario) -> None:
    rules = {one.rule for one in made_up.planted}
    assert {
        "hl1.appdate.type",
        "hl1.application_not_after_period",
        "hl1.property.codes",
        "hl1.assess.codes",
        "hl1.appref.required",
        "hl1.application.key",
        "hl1.decision_not_before_application",
        "hl1.contact_answered_when_closed",
        "hl1.contact_only_after_such_decision",
        "hl1.lacode.council",
        "hl1.application.columns",
        "hl1.readable",
        "hl1.night_before_means_three_months",
        "dhp.applications_do_not_fall",
    } <= rules
    outcomes = {one.outcome for one in made_up.planted}
    assert outcomes == {"rejected", "queried", "accepted", "unrecognised", "duplicate", "left", "missing"}


def routed(register: Register, one: Sent) -> Route | RoutingFailure:
    source = register.sources["simulated-sftp"]
    expected = [given for given in source.returns if given.folder == "/".join(one.path.parts[2:-1])]
    return route(one.path.name, expected, register.returns, today=parse_period("CY2024").end)


@pytest.mark.parametrize("council", ["FIF", "GLG", "ELS"])
def test_an_extract_without_a_mistake_breaks_no_rule(
    council: str, made_up: Scenario, register: Register, judged: Judged
) -> None:
    tried = 0
    for one in made_up.sent:
        if one.path.parts[:2] != ("councils", council):
            continue
        routing = routed(register, one)
        if isinstance(routing, Route):
            judgement = judged(routing.return_code, council, routing.period, one.content)
            assert judgement.findings.select("rule", "row").rows() == [], one.path
            tried += 1
    assert tried >= 9


@pytest.mark.parametrize("code", ["DHP", "HL1", "PEOPLE-SUPPORTED", "SCHOOL-LIST", "SCHOOL-SUMMARY", "WASTE"])
def test_the_sample_of_each_return_breaks_no_rule(code: str, register: Register, judged: Judged) -> None:
    slug = register.returns[code].slug
    ((name, content),) = [one for one in samples(register).items() if one[0].startswith(f"{slug}_FIF")]
    period = parse_period(name.removeprefix(f"{slug}_FIF_").rpartition(".")[0])
    judgement = judged(code, "FIF", period, content)
    assert judgement.findings.height == 0
    assert judgement.verdict == "accepted"


def test_the_api_s_extracts_break_no_rule(made_up: Scenario, judged: Judged) -> None:
    for period in ("CY2016", "CY2017"):
        (one,) = [one for one in made_up.sent if one.path.parts == ("api", "WASTE", "STG", f"{period}.json")]
        content = b'{"records": ' + one.content + b"}"
        assert judged("WASTE", "STG", parse_period(period), content).findings.height == 0


def test_every_file_name_routes_but_those_meant_not_to(made_up: Scenario, register: Register) -> None:
    odd = {(one.council_code, one.file) for one in made_up.planted if one.outcome in {"unrecognised", "left"}}
    for one in made_up.sent:
        if one.path.parts[0] != "councils":
            continue
        routing = routed(register, one)
        if (one.path.parts[1], one.path.name) in odd:
            assert isinstance(routing, RoutingFailure)
        else:
            assert isinstance(routing, Route), one.path


def test_what_is_still_being_written_has_a_name_that_is_never_taken(made_up: Scenario) -> None:
    left = [one.file for one in made_up.planted if one.outcome == "left"]
    assert left
    assert all(is_unfinished(name) for name in left)


def test_a_late_council_has_no_file_and_a_duplicate_is_the_same_bytes(made_up: Scenario) -> None:
    names = {(one.path.parts[1], one.path.name) for one in made_up.sent}
    assert ("ZET", "HL1_2024-25_Q1.csv") in names
    assert ("ZET", "HL1_2024-25_Q2.csv") not in names
    first = sent_by(made_up, "HL1", "FIF", "HL1_2024-25_Q2.csv")
    second = sent_by(made_up, "HL1", "FIF", "HL1_2024-25_Q2_v2.csv")
    assert first.content == second.content
    assert first.modified < second.modified


def test_a_resubmission_differs_from_the_first_in_one_row(made_up: Scenario) -> None:
    for council, quarter in (("WDU", "Q1"), ("EDH", "Q2")):
        one, two = (
            sent_by(made_up, "HL1", council, f"HL1_2024-25_{quarter}{version}.csv").content.splitlines()
            for version in ("", "_v2")
        )
        assert len(one) == len(two)
        assert sum(mine != theirs for mine, theirs in zip(one, two, strict=True)) == 1
