"""Real public files, judged by the shipped contracts as councils' extracts, each finding led back to its source row.

A council's periods are judged in order, so that rules against earlier periods find the figures that were accepted
before. Run as a script it prints what is found, by rule, council and period:
``python -m tests.real.judged ../shared/realdata``.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lgdp_pipelines.estate.real import CUTTERS
from lgdp_pipelines.landing.extract import ExtractFile
from lgdp_pipelines.landing.read import read_extract
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model import Register
from lgdp_pipelines.register.parts import Table
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.standards.periods import Period, parse_period
from lgdp_pipelines.standards.rules import Verdict
from lgdp_pipelines.storage.pieces import Pieces, Spill
from lgdp_pipelines.validation.judge import judge

REAL = PROJECT.parent / "shared" / "realdata"


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One finding on a real file.

    Attributes:
        rule: its id.
        council: register code.
        period: id.
        item: URN of the first item concerned; empty where it is about a table.
        row: in the council's extract; 0 where it is about a table.
    """

    rule: str
    council: str
    period: str
    item: str
    row: int


@dataclass(frozen=True)
class Judged:
    """What judging the real extracts of a return came to.

    Attributes:
        extracts: how many there are.
        verdicts: how many of them came to which verdict.
        found: every finding.
        failed: how many places broke each rule, also those that no finding lists.
        not_run: how often each rule was not run.
    """

    extracts: int
    verdicts: Mapping[str, int]
    found: Sequence[Found]
    failed: Mapping[str, int]
    not_run: Mapping[str, int]


def judged(register: Register, return_code: str, folder: Path, scratch: Path) -> Judged:
    """Every real extract of a return, judged."""
    cut = CUTTERS[return_code](folder, register.councils)
    verdicts, failed, not_run = Counter[str](), Counter[str](), Counter[str]()
    found: list[Found] = []
    for council in sorted({council for council, _ in cut}):
        accepted: dict[str, Mapping[str, Pieces]] = {}
        periods = sorted((parse_period(period) for one, period in cut if one == council), key=lambda one: one.start)
        with Spill(scratch) as spill:
            for period in periods:
                judgement = _judgement(register, return_code, council, period, cut[council, period.id], accepted, spill)
                verdicts[judgement.verdict.value] += 1
                for outcome in judgement.results:
                    failed[outcome.rule] += outcome.failed
                    not_run[outcome.rule] += outcome.result.value == "not_run"
                found += [
                    Found(rule, council, period.id, item or "", row or 0)
                    for rule, item, row in judgement.findings.select("rule", "item", "row").iter_rows()
                ]
                if judgement.verdict is not Verdict.REJECTED:
                    accepted[period.id] = judgement.tables
    return Judged(len(cut), dict(verdicts), sorted(found), +failed, +not_run)


def _judgement(register, return_code, council, period, content, accepted, spill):  # type: ignore[no-untyped-def]
    contract = register.returns[return_code].contract_for(period)
    if contract.extract.records_at:  # what an API gives as a list of records stands under a key in one answer
        content = b'{"%s": %s}' % (contract.extract.records_at.encode(), content)

    def earlier(before: Period, table: Table) -> Pieces | None:
        return accepted.get(before.id, {}).get(table.name)

    reading = read_extract(contract, [ExtractFile(f"extract.{contract.extract.format}", content, None)])
    return judge(
        contract,
        register,
        reading.tables,
        reading.findings,
        reading.results,
        council=register.councils.by_code[council],
        period=period,
        received_on=period.end,
        earlier=earlier,
        spill=spill,
        unlisted=reading.unlisted,
        headers=reading.headers,
        sheets=reading.sheets,
    )


def _lines(folder: Path) -> Iterator[str]:
    register = load_register(PROJECT / "schemas")
    with TemporaryDirectory() as scratch:
        for code in CUTTERS:
            one = judged(register, code, folder, Path(scratch))
            yield f"## {code}: {one.extracts} extracts, {dict(one.verdicts)}, not run: {dict(one.not_run)}"
            for rule, count in sorted(one.failed.items()):
                yield f"{rule}: {count}"
                places = Counter((each.council, each.period) for each in one.found if each.rule == rule)
                yield "    " + ", ".join(f"{council} {period} {number}" for (council, period), number in places.items())


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _lines(Path(sys.argv[1]) if len(sys.argv) > 1 else REAL))
