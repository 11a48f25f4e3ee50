"""Whether a judgement, made again from the kept bytes, comes to the very same findings and rows; and if not, where.

What belongs here: holding the two against each other and saying how they differ, without repeating any cell. What does
not: making the judgement again (``remaking``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.handover.chunked_frame import Pieces, Spill
from lgdp_pipelines.handover.findings import FINDING_SCHEMA, RuleOutcome
from lgdp_pipelines.handover.row_digest import digest_of
from lgdp_pipelines.ledger.judgement_evidence import Evidence, Proved
from lgdp_pipelines.register.model.contract import slug
from lgdp_pipelines.storage.lake_tables import FINDING, LakeTable, submission_key
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.replay import CannotRemake, Past, Remade

SAID = 5
"""Differences of one kind that are told; how many there are is always told in full."""


class Likeness(StrEnum):
    """What making a judgement again comes to."""

    IDENTICAL = "identical"
    """The same verdict, results, findings and rows, bit for bit."""
    DIFFERENT = "different"
    """Something differs."""
    CANNOT = "cannot_be_remade"
    """Something that it was made of is not there any more."""


@dataclass(frozen=True)
class Reproduced:
    """What making a judgement again came to.

    Attributes:
        proved: the judgement, as the ledger has it.
        likeness: what it came to.
        reason: why it cannot be made again; empty where it can.
        differences: what differs, in sentences without cells.
        notes: what else is different from then, such as another version of a package.
    """

    proved: Proved
    likeness: Likeness
    reason: str = ""
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def judgement_named(platform: Platform, submission_id: str, number: int | None = None) -> Proved:
    """The judgement that somebody names: the last one of the submission where no number is given.

    Raises:
        LedgerError: there is no such submission.
        WrongUse: it was never judged, or not so often.
    """
    platform.ledger.submission(submission_id)
    found = platform.ledger.evidence.of(submission_id, number)
    if found is None:
        which = "no judgement" if number is None else f"no judgement {number}"
        raise WrongUse(
            f"{submission_id} has {which}.", remedy="Leave --judgement out for its last one; `lgdp status` lists them."
        )
    return found


def reproduce(platform: Platform, past: Past, proved: Proved) -> Reproduced:
    """Make a judgement again and hold it against what the ledger says it came to.

    Args:
        platform: whose ledger and bytes are asked.
        past: puts back what was there; the same one serves many.
        proved: the judgement.

    Raises:
        LgdpError: the platform is broken.
    """
    with Spill(platform.settings.scratch) as spill:
        try:
            remade = past.remade(proved, spill)
        except CannotRemake as missing:
            return Reproduced(proved, Likeness.CANNOT, reason=str(missing))
        if proved.evidence is None:  # pragma: no cover - it could not have been made again
            raise AssertionError
        differences = tuple(_differences(platform, proved, proved.evidence, remade))
    return Reproduced(
        proved,
        Likeness.DIFFERENT if differences else Likeness.IDENTICAL,
        differences=differences,
        notes=remade.notes,
    )


def _differences(platform: Platform, proved: Proved, evidence: Evidence, remade: Remade) -> Iterator[str]:
    judgement = remade.judgement
    if judgement.verdict is not proved.verdict:
        yield f"The verdict was {proved.verdict}, and is {judgement.verdict} now."
    yield from _few(_differing_results(proved.results, judgement.results))
    if remade.findings != evidence.findings:
        yield f"There were {evidence.findings.rows} findings, and {remade.findings.rows} are made now: not the same."
        yield from _few(_differing_findings(platform, proved, evidence, judgement.findings))
    for name in sorted(evidence.tables.keys() | remade.tables.keys()):
        then, now = evidence.tables.get(name), remade.tables.get(name)
        if then is None or now is None:
            yield f"The table {name} was {'not' if then is None else ''} validated then; now it is the other way round."
        elif then != now:
            yield f"The table {name} had {then.rows} validated rows, and {now.rows} are made now: not the same."
            yield from _few(_differing_rows(platform, proved, name, judgement.tables[name]))


def _few(sentences: Iterator[str]) -> Iterator[str]:
    told = list(sentences)
    yield from told[:SAID]
    if len(told) > SAID:
        yield f"And {len(told) - SAID} more of that kind."


def _differing_results(then: tuple[RuleOutcome, ...], now: tuple[RuleOutcome, ...]) -> Iterator[str]:
    before, after = ({one.rule: one for one in outcomes} for outcomes in (then, now))
    for rule in sorted(before.keys() | after.keys()):
        if before.get(rule) != after.get(rule):
            yield f"Rule {rule}: {_told(before.get(rule))} then, {_told(after.get(rule))} now."


def _told(outcome: RuleOutcome | None) -> str:
    if outcome is None:
        return "no such rule"
    return f"{outcome.result} at {outcome.failed} places" if outcome.failed else str(outcome.result)


def _differing_findings(platform: Platform, proved: Proved, evidence: Evidence, now: pl.DataFrame) -> Iterator[str]:
    """Where findings differ, if those of then are still in the lake: it holds those of the last judgement."""
    if not platform.lake.exists(FINDING):
        return
    key = submission_key(proved.submission_id)
    where = {"return_code": key.return_code, "period": key.period, "_submission_id": proved.submission_id}
    then = platform.lake.read(FINDING, where, list(FINDING_SCHEMA)).cast(FINDING_SCHEMA)
    columns = ["rule", "table", "row", "column", "message"]
    if then.height != evidence.findings.rows:
        return
    for words, left, right in (("now and not then", now, then), ("then and not now", then, now)):
        only = left.join(right, on=columns, how="anti", nulls_equal=True, maintain_order="left")
        for rule, row in only.select("rule", "row").iter_rows():
            yield f"A finding of {rule}{'' if row is None else f' in row {row}'} is there {words}."


def _differing_rows(platform: Platform, proved: Proved, name: str, now: Pieces) -> Iterator[str]:
    """Where rows differ, if those of then still stand in the lake."""
    table = _slice(platform, proved, name)
    key = submission_key(proved.submission_id)
    standing = platform.ledger.evidence.standing(proved.submission_id)
    if table is None or standing is None or standing.judgement != proved.judgement:
        return
    where = {"period": key.period, "_submission_id": proved.submission_id}
    stood = platform.lake.pieces(table, where)
    if proved.evidence is None or not set(now.columns) <= set(stood.columns):
        return
    then = Pieces.of(stood.whole().select(now.columns).sort("_row"))
    if digest_of(then) != proved.evidence.tables[name]:
        return
    yield from _differing_cells(then.whole(), now.whole())


def _differing_cells(then: pl.DataFrame, now: pl.DataFrame) -> Iterator[str]:
    for words, left, right in (("now and not then", now, then), ("then and not now", then, now)):
        for row in left.join(right, on="_row", how="anti", maintain_order="left").get_column("_row"):
            yield f"Row {row} is there {words}."
    both = then.join(now, on="_row", how="inner", suffix=" now", maintain_order="left")
    for column in (one for one in then.columns if one != "_row"):
        differs = pl.col(column).ne_missing(pl.col(f"{column} now"))
        for row in both.filter(differs).get_column("_row"):
            yield f"Row {row} differs in {column}."


def _slice(platform: Platform, proved: Proved, name: str) -> LakeTable | None:
    """The table of the lake in which a judgement's rows stand, if it was ever written."""
    code = submission_key(proved.submission_id).return_code
    major = proved.contract_version.partition(".")[0]
    table = LakeTable("validated", f"{slug(code)}__{name}__v{major}")
    return table if platform.lake.exists(table) else None


def as_plain(done: Reproduced) -> Mapping[str, object]:
    """What making a judgement again came to, as JSON has it, without the evidence."""
    return {
        "submission": done.proved.submission_id,
        "judgement": done.proved.judgement,
        "outcome": str(done.likeness),
        "reason": done.reason,
        "differences": list(done.differences),
        "notes": list(done.notes),
    }
