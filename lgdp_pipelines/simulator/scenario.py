"""What the simulated councils send: which extract, made up or cut from a real file, under which name, with what wrong.

What belongs here: from the register and the ``story`` to files and what was planted in them, as values. What does not:
how rows are made (``made_hl1``, ``made_figures``, ``synthetic``), and writing files (``prepare``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path, PurePosixPath

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.sources import Source, SourceReturn, TransportKind
from lgdp_pipelines.register.submission_calendar import periods_of
from lgdp_pipelines.simulator import story
from lgdp_pipelines.simulator.export_styles import SYSTEMS, System
from lgdp_pipelines.simulator.planted_defects import FIRST_ROW, Defect, FileDefect, planted_in
from lgdp_pipelines.simulator.published_figures import CUTTERS, Cut
from lgdp_pipelines.simulator.synthetic_accounts import lfr_rows
from lgdp_pipelines.simulator.synthetic_extracts import MadeFile, Maker, Row, plain_rows, record_list, written
from lgdp_pipelines.simulator.synthetic_figures import dhp_rows, people_supported_rows, waste_rows
from lgdp_pipelines.simulator.synthetic_hl1 import hl1_rows
from lgdp_pipelines.simulator.synthetic_placements import hl3_rows
from lgdp_pipelines.simulator.synthetic_schools import school_list_rows, school_summary_rows
from lgdp_pipelines.simulator.synthetic_social_care import source_rows
from lgdp_pipelines.simulator.synthetic_values import period_spellings, shortest
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.vocabulary.verdicts import Severity

MAKERS: Mapping[str, Maker] = {
    "HL1": hl1_rows,
    "HL3": hl3_rows,
    "DHP": dhp_rows,
    "PEOPLE-SUPPORTED": people_supported_rows,
    "WASTE": waste_rows,
    "SCHOOL-LIST": school_list_rows,
    "SCHOOL-SUMMARY": school_summary_rows,
    "SOURCE": source_rows,
    "LFR": lfr_rows,
}
"""Makers that know the rules across items of a return, by its code. Others are made from their contract alone."""

_PERIODS_OF_OTHERS = 2
_DAYS_TO_EXPORT = 10


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as a council's system holds it.

    Attributes:
        path: below the simulator's folder.
        content: its bytes.
        modified: when it was last changed; always the same for the same file, so that nothing looks new that is not.
    """

    path: PurePosixPath
    content: bytes
    modified: datetime


@dataclass(frozen=True, slots=True)
class Planted:
    """One mistake or event that was planted, and what must come of it. Nothing reads it but tests and people.

    Attributes:
        return_code: such as ``HL1``.
        council_code: who makes it.
        period: id.
        file: name of the file; empty where there is none.
        row: as a spreadsheet shows it, header in row 1; None where no row is meant.
        column: header; None where no column is meant.
        rule: id of the one rule that it breaks; None where it breaks none.
        severity: of that rule; None where there is none.
        outcome: ``rejected``, ``queried``, ``accepted``, ``unrecognised``, ``duplicate``, ``left`` or ``missing``.
        note: what was done.
    """

    return_code: str
    council_code: str
    period: str
    file: str
    row: int | None
    column: str | None
    rule: str | None
    severity: Severity | None
    outcome: str
    note: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that the simulator holds.

    Attributes:
        seed: of the chance that made-up extracts come from.
        sent: files.
        planted: mistakes and events among them.
        made_up: by return code, whether its figures are made up.
        periods: by return code, the periods that there is something for.
    """

    seed: int
    sent: tuple[Sent, ...]
    planted: tuple[Planted, ...]
    made_up: Mapping[str, bool]
    periods: Mapping[str, tuple[str, ...]]


_SERVED = frozenset({TransportKind.SFTP, TransportKind.API})
"""What the simulator has servers for."""


@dataclass(frozen=True)
class _Making:
    """What making the files of one return in one source needs."""

    register: Register
    source: Source
    source_return: SourceReturn
    asked: Return
    real: Cut | None
    seed: int

    def system_of(self, council: Council) -> System | None:
        """The system that a council exports the return from; None: its files are as the contract says."""
        given = self.source.of(council.code).returns
        system = next(one.system for one in given if one.return_code == self.asked.code)
        return SYSTEMS.get((system, self.asked.code))


def scenario(register: Register, *, today: date, real_data: Path | None, seed: int) -> Scenario:
    """Everything that the councils send for what the register's sources declare.

    Args:
        register: what is asked, and from which sources.
        today: returns without a story of their own are sent for their first periods that have begun by then.
        real_data: folder of real public files; None, or without a return's file: figures are made up.
        seed: of chance.
    """
    sent: list[Sent] = []
    planted: list[Planted] = []
    made_up: dict[str, bool] = {}
    periods: dict[str, tuple[str, ...]] = {}
    for source in register.sources.values():
        if source.transport not in _SERVED:
            continue
        for source_return in source.returns:
            asked = register.returns[source_return.return_code]
            real = _real(asked, register, real_data)
            making = _Making(register, source, source_return, asked, real, seed)
            shown = _periods(asked, real, today)
            made_up[asked.code] = real is None
            periods[asked.code] = tuple(period.id for period in shown)
            for period in shown:
                for council_code in source.councils:
                    council = register.councils.by_code[council_code]
                    for what in _council_sends(making, council, period):
                        if isinstance(what, Sent):
                            sent.append(what)
                        else:
                            planted.append(what)
    return Scenario(seed, tuple(sent), tuple(planted), made_up, periods)


def _real(asked: Return, register: Register, real_data: Path | None) -> Cut | None:
    cutter = CUTTERS.get(asked.code)
    if cutter is None or real_data is None:
        return None
    return cutter(real_data, register.councils)


def _periods(asked: Return, real: Cut | None, today: date) -> tuple[Period, ...]:
    if real is not None:
        return tuple(sorted({parse_period(period) for _, period in real}, key=lambda period: period.start))
    if asked.code in story.PERIODS:
        return tuple(parse_period(period) for period in story.PERIODS[asked.code])
    return periods_of(asked, today)[:_PERIODS_OF_OTHERS]


def _council_sends(making: _Making, council: Council, period: Period) -> Iterator[Sent | Planted]:
    if making.real is not None:
        content = making.real.get((council.code, period.id))
        if content is not None:
            yield _sent(making, council, period, None, content)
        return
    contract = making.asked.contract_for(period)
    rows = MAKERS.get(contract.return_code, plain_rows)(making.register, contract, council, period, seed=making.seed)
    if making.source.transport is TransportKind.API:
        yield _sent(making, council, period, None, (record_list(contract, rows) + "\n").encode())
        return
    key = (making.asked.code, council.code, period.id)
    system = making.system_of(council)
    for file in _written(contract, rows, system):
        clean = _sent(making, council, period, file.table, file.content)
        clean = replace(clean, path=clean.path.with_suffix(system.ending)) if system else clean
        extract = _Extract(contract, council, period, file, clean, system)
        if key in story.MISTAKES:
            yield from _mistaken(extract, story.MISTAKES[key])
        elif key in story.EVENTS:
            yield from _eventful(extract, story.EVENTS[key])
        else:
            yield clean


def _written(contract: Contract, rows: Mapping[str, Sequence[Row]], system: System | None) -> list[MadeFile]:
    """Rows as the council's system writes them, or else as the contract says."""
    if system is None:
        return list(written(contract, rows))
    return [MadeFile(None, {table: own}, system.export(own)) for table, own in rows.items()]


def _sent(making: _Making, council: Council, period: Period, table: str | None, content: bytes) -> Sent:
    exported = datetime.combine(period.end + timedelta(days=_DAYS_TO_EXPORT), time(9), UTC)
    return Sent(path_of(making.source, making.source_return, council.code, period, table), content, exported)


def path_of(
    source: Source, source_return: SourceReturn, council_code: str, period: Period, table: str | None
) -> PurePosixPath:
    """Where a council's extract lies below the simulator's folder.

    Raises:
        WrongUse: the source's pattern has no name for the period.
    """
    if source.transport is TransportKind.API:
        return PurePosixPath("api", source_return.return_code, council_code, f"{period.id}.json")
    for spelling in period_spellings(period):
        name = shortest(source_return.pattern, {"period": spelling} | ({"table": table} if table else {}))
        if name is not None and "/" not in spelling:
            return PurePosixPath("councils", council_code, source_return.folder.strip("/"), name)
    raise WrongUse(
        f"No file name for {period.id} fits the pattern of {source_return.return_code}.",
        where=f"source {source.id}",
        remedy=f"Let a period be spelt in it as in {' or '.join(period_spellings(period))}.",
    )


@dataclass(frozen=True)
class _Extract:
    """One made-up extract before anything goes wrong with it."""

    contract: Contract
    council: Council
    period: Period
    file: MadeFile
    sent: Sent
    system: System | None

    def told(self, file: str, outcome: str, note: str) -> Planted:
        """An event about it, without a place or rule."""
        code = self.contract.return_code
        return Planted(code, self.council.code, self.period.id, file, None, None, None, None, outcome, note)


def _mistaken(extract: _Extract, mistake: Defect | FileDefect) -> Iterator[Sent | Planted]:
    if isinstance(mistake, FileDefect):
        content, row, column = mistake.damaged(extract.sent.content), mistake.row, mistake.header
    else:
        content, row, column = _with_defect(extract, mistake)
    yield replace(extract.sent, content=content)
    told = extract.told(extract.sent.path.name, story.OUTCOMES[mistake.severity], mistake.note)
    yield replace(told, row=row, column=column, rule=mistake.rule, severity=mistake.severity)


def _with_defect(extract: _Extract, defect: Defect) -> tuple[bytes, int, str]:
    ((table, rows),) = extract.file.rows.items()
    changed, place = planted_in(rows, defect, extract.period)
    (file,) = _written(extract.contract, {table: changed}, extract.system)
    if extract.system:
        return file.content, place + extract.system.first_row, extract.system.headers[defect.item]
    return file.content, place + FIRST_ROW, extract.contract.by_name[table].by_name[defect.item].header


def _eventful(extract: _Extract, event: story.Event) -> Iterator[Sent | Planted]:
    clean = extract.sent
    again = replace(
        clean, path=clean.path.with_name(event.name(clean.path.name)), modified=clean.modified + timedelta(days=1)
    )
    told = extract.told(again.path.name, event.outcome, event.note)
    match event.kind:
        case story.EventKind.NOTHING_SENT:
            yield replace(told, file="")
        case story.EventKind.ONLY_UNDER_ANOTHER_NAME:
            yield again
            yield told
        case story.EventKind.SENT_TWICE:
            yield clean
            yield again
            yield told
        case story.EventKind.SPOILED_AFTERWARDS:
            yield clean
            yield from _mistaken(replace(extract, sent=again), story.mistake_of(event))
        case story.EventKind.MENDED_AFTERWARDS:
            yield from _mistaken(extract, story.mistake_of(event))
            yield again
            yield told
