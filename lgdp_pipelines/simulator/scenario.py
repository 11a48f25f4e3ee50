"""The scenario: which extract each simulated council sends, under which name, and with which planted defect.

Belongs here: from the register and the ``story`` to files and expected outcomes, as values. Belongs elsewhere: rows
(``synthetic_rows`` and others), published files (``published_extracts``) and writing to disk (``system_files``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path, PurePosixPath

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.sources import ApiSource, FolderReturn, SftpSource, Source, SourceReturn
from lgdp_pipelines.register.submission_calendar import list_begun_periods
from lgdp_pipelines.simulator import story
from lgdp_pipelines.simulator.back_office_systems import SYSTEMS, BackOfficeSystem
from lgdp_pipelines.simulator.extract_writers import SyntheticFile, format_records, write_extract
from lgdp_pipelines.simulator.planted_defects import FIRST_ROW, Defect, FileDefect, plant_defect
from lgdp_pipelines.simulator.published_extracts import PUBLISHED_RETURNS, Extracts
from lgdp_pipelines.simulator.synthetic_cases import generate_hl1_rows, generate_hl3_rows, generate_source_rows
from lgdp_pipelines.simulator.synthetic_figures import (
    generate_dhp_rows,
    generate_lfr_rows,
    generate_people_supported_rows,
    generate_school_list_rows,
    generate_school_summary_rows,
    generate_waste_rows,
)
from lgdp_pipelines.simulator.synthetic_rows import Row, RowGenerator, RowRequest, generate_contract_rows
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.pattern_text import find_shortest_text
from lgdp_pipelines.vocabulary.periods import Period, list_period_spellings, parse_period
from lgdp_pipelines.vocabulary.verdicts import Severity

ROW_GENERATORS: Mapping[str, RowGenerator] = {
    "HL1": generate_hl1_rows,
    "HL3": generate_hl3_rows,
    "DHP": generate_dhp_rows,
    "PEOPLE-SUPPORTED": generate_people_supported_rows,
    "WASTE": generate_waste_rows,
    "SCHOOL-LIST": generate_school_list_rows,
    "SCHOOL-SUMMARY": generate_school_summary_rows,
    "SOURCE": generate_source_rows,
    "LFR": generate_lfr_rows,
}
"""Generators that know the rules across items of a return, by its code; the others follow the contract alone."""

DEFAULT_SEED = 2024
FIRST_LOOK_PERIODS = 2
"""Periods of each return in a scenario for a first look: enough for rules that read the period before."""

_PERIODS_WITHOUT_STORY = 2
_DAYS_TO_EXPORT = 10


@dataclass(frozen=True, slots=True)
class ScenarioOptions:
    """Choices about a scenario.

    Attributes:
        today: returns without a story send their first periods that have begun by then.
        real_data: folder of published files; without it, or without a return's file, extracts are synthetic.
        periods_per_return: number of the latest periods of each return; None for all.
        seed: of the random generator; the same seed gives the same files.
    """

    today: date
    real_data: Path | None = None
    periods_per_return: int | None = None
    seed: int = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class SystemFile:
    """A file as a council's system holds it.

    Attributes:
        path: below the simulator's folder.
        content: its bytes.
        modified: time of last change, constant for the same file, so that it is never taken for a new one.
    """

    path: PurePosixPath
    content: bytes
    modified: datetime


@dataclass(frozen=True, slots=True)
class ExpectedOutcome:
    """A planted defect or event, and the outcome that it must have.

    Only tests and people read it.

    Attributes:
        return_code: such as ``HL1``.
        council_code: of the council.
        period: id.
        file: name of the file; empty where no file is sent.
        row: as a spreadsheet shows it, header in row 1; None where no row is meant.
        column: header; None where no column is meant.
        rule: id of the only rule that it breaks; None where it breaks none.
        severity: of that rule; None without a rule.
        outcome: the result that it must have.
        note: describes the defect or event.
    """

    return_code: str
    council_code: str
    period: str
    file: str
    row: int | None
    column: str | None
    rule: str | None
    severity: Severity | None
    outcome: story.ExpectedResult
    note: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """The files of all simulated systems.

    Attributes:
        seed: of the random generator.
        files: all files.
        expected: defects and events among them.
        is_synthetic: by return code; False where extracts are cut from published files.
        periods: by return code, the ids of the periods that have files.
    """

    seed: int
    files: tuple[SystemFile, ...]
    expected: tuple[ExpectedOutcome, ...]
    is_synthetic: Mapping[str, bool]
    periods: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _SimulatedReturn:
    """One return of one source, and the sources of its files."""

    register: Register
    source: Source
    source_return: SourceReturn
    data_return: Return
    published: Extracts | None
    seed: int

    def find_system(self, council: Council) -> BackOfficeSystem | None:
        """Return the council's exporting system; None where files follow the contract."""
        code = self.data_return.code
        returns = self.source.for_council(council.code).returns
        return SYSTEMS.get((next(entry.system for entry in returns if entry.return_code == code), code))

    def list_periods(self, options: ScenarioOptions) -> tuple[Period, ...]:
        """Return the periods that councils send files for, in order."""
        code = self.data_return.code
        if self.published is not None:
            periods = tuple(
                sorted({parse_period(period) for _, period in self.published}, key=lambda period: period.start)
            )
        elif code in story.PERIODS:
            periods = tuple(map(parse_period, story.PERIODS[code]))
        else:
            periods = list_begun_periods(self.data_return, options.today)[:_PERIODS_WITHOUT_STORY]
        return periods if options.periods_per_return is None else periods[-options.periods_per_return :]


def build_scenario(register: Register, options: ScenarioOptions) -> Scenario:
    """Return the simulated councils' files, and expected outcomes of defects and events."""
    simulated = list(_list_simulated_returns(register, options))
    periods = {entry.data_return.code: entry.list_periods(options) for entry in simulated}
    entries = [
        entry
        for simulated_return in simulated
        for period in periods[simulated_return.data_return.code]
        for code in simulated_return.source.councils
        for entry in _list_council_files(simulated_return, register.councils.by_code[code], period)
    ]
    return Scenario(
        seed=options.seed,
        files=tuple(entry for entry in entries if isinstance(entry, SystemFile)),
        expected=tuple(entry for entry in entries if isinstance(entry, ExpectedOutcome)),
        is_synthetic={entry.data_return.code: entry.published is None for entry in simulated},
        periods={code: tuple(period.id for period in return_periods) for code, return_periods in periods.items()},
    )


def _list_simulated_returns(register: Register, options: ScenarioOptions) -> Iterator[_SimulatedReturn]:
    """Yield each return of each source that the simulator serves."""
    for source in register.sources.values():
        for source_return in source.returns if isinstance(source, SftpSource | ApiSource) else ():
            data_return = register.returns[source_return.return_code]
            cut_extracts = PUBLISHED_RETURNS.get(data_return.code)
            published = (
                cut_extracts(options.real_data, register.councils) if cut_extracts and options.real_data else None
            )
            yield _SimulatedReturn(register, source, source_return, data_return, published, options.seed)


def _list_council_files(
    simulated: _SimulatedReturn, council: Council, period: Period
) -> Iterator[SystemFile | ExpectedOutcome]:
    """Yield a council's files, and expected outcomes of defects and events."""
    if simulated.published is not None:
        content = simulated.published.get((council.code, period.id))
        if content is not None:
            yield _build_system_file(simulated, council, period, None, content)
        return
    contract = simulated.data_return.contract_for(period)
    generate_rows = ROW_GENERATORS.get(contract.return_code, generate_contract_rows)
    rows = generate_rows(RowRequest(simulated.register, contract, council, period, simulated.seed))
    if isinstance(simulated.source, ApiSource):
        yield _build_system_file(simulated, council, period, None, (format_records(contract, rows) + "\n").encode())
        return
    key = (simulated.data_return.code, council.code, period.id)
    system = simulated.find_system(council)
    for file in _export(contract, rows, system):
        good_file = _build_system_file(simulated, council, period, file.table, file.content)
        if system:
            good_file = replace(good_file, path=good_file.path.with_suffix(system.file_suffix))
        extract = _Extract(contract, council, period, file, good_file, system)
        if key in story.DEFECTS:
            yield from _add_defect(extract, story.DEFECTS[key])
        elif key in story.EVENTS:
            yield from _add_event(extract, story.EVENTS[key])
        else:
            yield good_file


def _export(
    contract: Contract, rows: Mapping[str, Sequence[Row]], system: BackOfficeSystem | None
) -> list[SyntheticFile]:
    """Return rows as the council's system or else the contract writes them."""
    if system is None:
        return list(write_extract(contract, rows))
    return [SyntheticFile(None, {table: table_rows}, system.export(table_rows)) for table, table_rows in rows.items()]


def _build_system_file(
    simulated: _SimulatedReturn, council: Council, period: Period, table: str | None, content: bytes
) -> SystemFile:
    """Return an extract with its path and the time of its export."""
    exported = datetime.combine(period.end + timedelta(days=_DAYS_TO_EXPORT), time(9), UTC)
    path = build_path(simulated.source, simulated.source_return, council.code, period, table)
    return SystemFile(path, content, exported)


def build_path(
    source: Source, source_return: SourceReturn, council_code: str, period: Period, table: str | None
) -> PurePosixPath:
    """Return the path of a council's extract below the simulator's folder.

    Raises:
        WrongUse: the source's pattern has no name for the period.
    """
    if not isinstance(source_return, FolderReturn):
        return PurePosixPath("api", source_return.return_code, council_code, f"{period.id}.json")
    for spelling in list_period_spellings(period):
        name = find_shortest_text(source_return.pattern, {"period": spelling} | ({"table": table} if table else {}))
        if name is not None and "/" not in spelling:
            return PurePosixPath("councils", council_code, source_return.folder.strip("/"), name)
    raise WrongUse(
        f"No file name for {period.id} fits the pattern of {source_return.return_code}.",
        where=f"source {source.id}",
        remedy=f"Let the pattern accept a period such as {' or '.join(list_period_spellings(period))}.",
    )


@dataclass(frozen=True)
class _Extract:
    """A synthetic extract before anything goes wrong with it."""

    contract: Contract
    council: Council
    period: Period
    synthetic: SyntheticFile
    file: SystemFile
    system: BackOfficeSystem | None

    def expect(self, file_name: str, outcome: story.ExpectedResult, note: str) -> ExpectedOutcome:
        """Return an expected outcome without a location or a rule."""
        key = (self.contract.return_code, self.council.code, self.period.id)
        return ExpectedOutcome(*key, file_name, None, None, None, None, outcome, note)


def _add_defect(extract: _Extract, defect: Defect | FileDefect) -> Iterator[SystemFile | ExpectedOutcome]:
    """Yield the file with a defect in it, and its expected outcome."""
    if isinstance(defect, FileDefect):
        content, row, column = defect.damage(extract.file.content), defect.row, defect.header
    else:
        content, row, column = _add_row_defect(extract, defect)
    yield replace(extract.file, content=content)
    expected = extract.expect(extract.file.path.name, story.RESULTS[defect.severity], defect.note)
    yield replace(expected, row=row, column=column, rule=defect.rule, severity=defect.severity)


def _add_row_defect(extract: _Extract, defect: Defect) -> tuple[bytes, int, str]:
    """Return the file with a defect in one cell, and its location."""
    ((table, rows),) = extract.synthetic.rows.items()
    changed_rows, index = plant_defect(rows, defect, extract.period)
    (file,) = _export(extract.contract, {table: changed_rows}, extract.system)
    if extract.system:
        return file.content, index + extract.system.first_row, extract.system.headers[defect.item]
    return file.content, index + FIRST_ROW, extract.contract.by_name[table].by_name[defect.item].header


def _add_event(extract: _Extract, event: story.Event) -> Iterator[SystemFile | ExpectedOutcome]:
    """Yield the files of an event and their expected outcomes."""
    file_name = ""
    for delivery in event.deliveries:
        file_name = delivery.file_name(extract.file.path.name)
        modified = extract.file.modified + timedelta(days=delivery.days_late)
        file = replace(extract.file, path=extract.file.path.with_name(file_name), modified=modified)
        if delivery.defect is None:
            yield file
        else:
            yield from _add_defect(replace(extract, file=file), delivery.defect)
    if event.outcome:
        yield extract.expect(file_name, event.outcome, event.note)
