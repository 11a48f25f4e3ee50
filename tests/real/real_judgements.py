"""Real public files, judged by the shipped contracts as councils' extracts, with the source row of each finding.

A council's periods are judged in order, so that rules against earlier periods find the figures that were accepted
before. Run as a script it writes every finding on every file, as ``docs/real-data-findings.csv`` keeps them::

    python -m tests.real.real_judgements ../shared/realdata > docs/real-data-findings.csv
"""

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.simulator.published_extracts import PUBLISHED_RETURNS
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.councils import Councils
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.vocabulary.verdicts import Verdict
from tests.real.plain_rules import LIST, SUMMARIES, Book
from tests.support.judging import judge_files, make_context

COLUMNS = ("rule", "council", "period", "item", "row")
Found = tuple[str, str, str, str, int]
"""Rule, council, period, item (its URN without ``urn:lgdp:item:``; empty where it is about a table), and the row in the
publisher's file: line of the CSV, record of the JSON, row of the sheet; 0 where it is about a table."""


@dataclass(frozen=True)
class JudgedReturn:
    """Results of judging the real extracts of a return.

    Attributes:
        verdicts: how many extracts came to which verdict.
        found: every finding, in order.
        failed: how many places broke each rule, also those that no finding lists.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)


def judge_return(
    register: Register, return_code: str, folder: Path, scratch: Path, councils: Iterable[str]
) -> JudgedReturn:
    """Judge the real extracts of a return from some councils."""
    cut = PUBLISHED_RETURNS[return_code](folder, register.councils)
    sources = SOURCE_ROWS[return_code](folder, register.councils)
    all_of_it = JudgedReturn()
    for council in councils:
        accepted: dict[str, Mapping[str, ChunkedFrame]] = {}
        periods = sorted(
            (parse_period(period) for code, period in cut if code == council), key=lambda period: period.start
        )
        with ChunkSpool(scratch) as spool:
            for period in periods:
                content = cut[council, period.id]
                judgement = _judgement(register, return_code, council, period, content, accepted, spool)
                all_of_it.verdicts[judgement.verdict.value] += 1
                all_of_it.failed.update(
                    {outcome.rule: outcome.failed for outcome in judgement.outcomes if outcome.failed}
                )
                rows = sources[council, period.id]
                all_of_it.found.extend(_led_back(judgement, council, period.id, rows))
                if judgement.verdict is not Verdict.REJECTED:
                    accepted[period.id] = judgement.tables
    all_of_it.found.sort()
    return all_of_it


def _judgement(
    register: Register,
    return_code: str,
    council: str,
    period: Period,
    content: bytes,
    accepted: Mapping[str, Mapping[str, ChunkedFrame]],
    spool: ChunkSpool,
) -> ValidationResult:
    contract = register.returns[return_code].contract_for(period)
    if contract.extract.records_at:  # what an API gives as a list stands under a key in one answer
        content = b'{"%s": %s}' % (contract.extract.records_at.encode(), content)

    def earlier(before: Period, table: Table) -> ChunkedFrame | None:
        return accepted.get(before.id, {}).get(table.name)

    context = make_context(contract, register, council, period, spool, prior_rows=earlier)
    return judge_files([ExtractFile(f"extract.{contract.extract.format}", content, None)], context)


def _led_back(judgement: ValidationResult, council: str, period: str, rows: Mapping[int, int]) -> Iterator[Found]:
    for rule, item, row in judgement.findings.select("rule", "item", "row").iter_rows():
        yield rule, council, period, (item or "").removeprefix("urn:lgdp:item:"), rows[row] if row else 0


# Which row of the publisher's file each row of an extract was.

Rows = Mapping[tuple[str, str], Mapping[int, int]]


def _numbered(places: Iterable[tuple[str, str, int]], first: int) -> Rows:
    """Source rows by the extract's row, of councils and periods; rows keep their order, and begin at ``first``."""
    kept: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for council, period, number in places:
        own = kept[council, period]
        own[first + len(own)] = number
    return kept


def _people(folder: Path, councils: Councils) -> Rows:
    path = folder / "phs-social-care" / "data_people_supported_client_group.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(enumerate(csv.DictReader(lines), start=2))
    named = (
        (record["sending_location"], "FY" + record["financial_year"].replace("/", "-"), number)
        for number, record in rows
    )
    return _numbered(_known(councils, named), 2)


def _waste(folder: Path, councils: Councils) -> Rows:
    records = json.loads((folder / "waste" / "household-waste-dx-data.json").read_text(encoding="utf-8"))
    named = ((record["area"], f"CY{record['year']}", number) for number, record in enumerate(records, start=1))
    return _numbered(_known(councils, named), 1)


def _summaries(folder: Path, councils: Councils) -> Rows:
    return {place: rows for book in SUMMARIES for place, rows in _of_schools(folder, book, councils).items()}


def _list(folder: Path, councils: Councils) -> Rows:
    return _of_schools(folder, LIST, councils)


def _of_schools(folder: Path, book: Book, councils: Councils) -> Rows:
    named = ((str(row[book.council]), book.period, number) for number, row in book.schools(folder))
    return _numbered(_known(councils, named), book.top + 1)


def _known(councils: Councils, named: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, str, int]]:
    for name, period, number in named:
        council = councils.find(name)
        if council is not None:
            yield council.code, period, number


SOURCE_ROWS: Mapping[str, Callable[[Path, Councils], Rows]] = {
    "PEOPLE-SUPPORTED": _people,
    "WASTE": _waste,
    "SCHOOL-SUMMARY": _summaries,
    "SCHOOL-LIST": _list,
}


def _lines(folder: Path) -> Iterator[Found]:
    register = load_register(PROJECT / "schemas")
    with TemporaryDirectory() as scratch:
        for code in PUBLISHED_RETURNS:
            result = judge_return(register, code, folder, Path(scratch), register.councils.codes)
            listed = Counter(rule for rule, *_ in result.found)
            if listed != result.failed:
                sys.stderr.write(f"{code}: not every finding is listed: {result.failed - listed}\n")
            sys.stderr.write(f"{code}: {dict(result.verdicts)}\n")
            yield from result.found


if __name__ == "__main__":
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_lines(Path(sys.argv[1])))
