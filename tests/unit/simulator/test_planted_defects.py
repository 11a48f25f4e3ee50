"""Each planted defect is found once, in its place, by landing and validation, which know nothing of it."""

from collections.abc import Callable
from typing import Any

import pytest

from lgdp_pipelines.collection.file_routing import Route, RoutingFailure, route
from lgdp_pipelines.collection.transports.folder_files import is_unfinished
from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.simulator import story
from lgdp_pipelines.simulator.sample_files import build_samples
from lgdp_pipelines.simulator.scenario import ExpectedOutcome, Scenario, SystemFile
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from tests.support.judging import judge_files, make_context

DEFECTS = [("HL1", *key[1:]) for key in story.DEFECTS if key[0] == "HL1"] + [
    key for key in story.DEFECTS if key[0] != "HL1"
]
EVENTS_WITH_DEFECTS = [
    key for key, event in story.EVENTS.items() if any(delivery.defect for delivery in event.deliveries)
]

Judged = Callable[..., ValidationResult]


@pytest.fixture(scope="session")
def judged(register: Register, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    def judge_content(code: str, council: str, period: Period, content: bytes, earlier: Any = None) -> ValidationResult:
        contract = register.returns[code].contract_for(period)
        mapping = register.mapping_for(find_system(register, code, council), council, contract)
        with ChunkSpool(tmp_path_factory.getbasetemp()) as spool:
            sources = {"mapping": mapping, **({"prior_rows": earlier} if earlier else {})}
            context = make_context(contract, register, council, period, spool, **sources)
            return judge_files([ExtractFile("extract", content, None)], context)

    return judge_content


def find_system(register: Register, code: str, council: str) -> str:
    simulated = [source for source in register.sources.values() if source.id.startswith("simulated-")]
    systems = [
        entry.system
        for source in simulated
        for entry in source.for_council(council).returns
        if entry.return_code == code
    ]
    return systems[0] if systems else ""


def find_system_file(synthetic: Scenario, code: str, council: str, file: str) -> SystemFile:
    folders = {"HL1": "hl1", "DHP": "dhp"}
    (match,) = [
        entry
        for entry in synthetic.files
        if entry.path.name == file and entry.path.parts[1] == council and entry.path.parts[-2] == folders[code]
    ]
    return match


def find_expected_outcome(synthetic: Scenario, key: story.Key) -> ExpectedOutcome:
    (match,) = [
        outcome
        for outcome in synthetic.expected
        if (outcome.return_code, outcome.council_code, outcome.period) == key and outcome.rule is not None
    ]
    return match


@pytest.mark.parametrize("key", [*DEFECTS, *EVENTS_WITH_DEFECTS], ids="-".join)
def test_each_mistake_breaks_its_rule_in_its_cell_alone(key: story.Key, synthetic: Scenario, judged: Judged) -> None:
    code, council, period = key[0], key[1], parse_period(key[2])
    expected = find_expected_outcome(synthetic, key)

    def find_prior_rows(prior_period: Period, table: Table) -> Any:
        before = find_system_file(synthetic, code, council, f"DHP-{prior_period.start:%Y%m}.csv")
        return judged(code, council, prior_period, before.content).tables[table.name]

    content = find_system_file(synthetic, code, council, expected.file).content
    judgement = judged(code, council, period, content, find_prior_rows if code == "DHP" else None)
    findings = judgement.findings.select("rule", "severity", "row", "column").rows()
    assert findings == [(expected.rule, str(expected.severity), expected.row, expected.column)]
    assert judgement.verdict == expected.outcome


def test_mistakes_of_every_kind_are_planted(synthetic: Scenario) -> None:
    rules = {outcome.rule for outcome in synthetic.expected}
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
    outcomes = {outcome.outcome for outcome in synthetic.expected}
    assert outcomes == {"rejected", "queried", "accepted", "unrecognised", "duplicate", "left", "missing"}


def route_file(register: Register, file: SystemFile) -> Route | RoutingFailure:
    source = register.sources["simulated-sftp"]
    candidates = [entry for entry in source.returns if entry.folder == "/".join(file.path.parts[2:-1])]
    return route(file.path.name, candidates, register.returns, today=parse_period("CY2024").end)


@pytest.mark.parametrize("council", ["FIF", "GLG", "ELS"])
def test_an_extract_without_a_mistake_breaks_no_rule(
    council: str, synthetic: Scenario, register: Register, judged: Judged
) -> None:
    tried = 0
    for file in synthetic.files:
        if file.path.parts[:2] != ("councils", council):
            continue
        routing = route_file(register, file)
        if isinstance(routing, Route):
            judgement = judged(routing.return_code, council, routing.period, file.content)
            assert judgement.findings.select("rule", "row").rows() == [], file.path
            tried += 1
    assert tried >= 9


@pytest.mark.parametrize("code", ["DHP", "HL1", "PEOPLE-SUPPORTED", "SCHOOL-LIST", "SCHOOL-SUMMARY", "WASTE"])
def test_the_sample_of_each_return_breaks_no_rule(code: str, register: Register, judged: Judged) -> None:
    slug = register.returns[code].slug
    ((name, content),) = [sample for sample in build_samples(register).items() if sample[0].startswith(f"{slug}_FIF")]
    period = parse_period(name.removeprefix(f"{slug}_FIF_").rpartition(".")[0])
    judgement = judged(code, "FIF", period, content)
    assert judgement.findings.height == 0
    assert judgement.verdict == "accepted"


def test_the_api_s_extracts_break_no_rule(synthetic: Scenario, judged: Judged) -> None:
    for period in ("CY2016", "CY2017"):
        (file,) = [entry for entry in synthetic.files if entry.path.parts == ("api", "WASTE", "STG", f"{period}.json")]
        content = b'{"records": ' + file.content + b"}"
        assert judged("WASTE", "STG", parse_period(period), content).findings.height == 0


def test_every_file_name_routes_except_the_planted_ones(synthetic: Scenario, register: Register) -> None:
    unroutable = {
        (outcome.council_code, outcome.file)
        for outcome in synthetic.expected
        if outcome.outcome in {"unrecognised", "left"}
    }
    for file in synthetic.files:
        if file.path.parts[0] != "councils":
            continue
        routing = route_file(register, file)
        if (file.path.parts[1], file.path.name) in unroutable:
            assert isinstance(routing, RoutingFailure)
        else:
            assert isinstance(routing, Route), file.path


def test_a_file_still_being_written_has_a_name_that_is_never_collected(synthetic: Scenario) -> None:
    unfinished_names = [outcome.file for outcome in synthetic.expected if outcome.outcome == "left"]
    assert unfinished_names
    assert all(is_unfinished(name) for name in unfinished_names)


def test_a_late_council_has_no_file_and_a_duplicate_is_the_same_bytes(synthetic: Scenario) -> None:
    names = {(file.path.parts[1], file.path.name) for file in synthetic.files}
    assert ("ZET", "HL1_2024-25_Q1.csv") in names
    assert ("ZET", "HL1_2024-25_Q2.csv") not in names
    first = find_system_file(synthetic, "HL1", "FIF", "HL1_2024-25_Q2.csv")
    second = find_system_file(synthetic, "HL1", "FIF", "HL1_2024-25_Q2_v2.csv")
    assert first.content == second.content
    assert first.modified < second.modified


def test_a_resubmission_differs_from_the_first_in_one_row(synthetic: Scenario) -> None:
    for council, quarter in (("WDU", "Q1"), ("EDH", "Q2")):
        first, second = (
            find_system_file(synthetic, "HL1", council, f"HL1_2024-25_{quarter}{version}.csv").content.splitlines()
            for version in ("", "_v2")
        )
        assert len(first) == len(second)
        assert sum(line != second_line for line, second_line in zip(first, second, strict=True)) == 1
