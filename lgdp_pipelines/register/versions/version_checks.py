"""The versions of a return: what its contracts say against each other, and against other returns.

What belongs here: order, first periods, and what a version may change. What does not: what one contract says
(``contracts``). A change of type, grain or key is a major version and a new table; within a major, versions only add.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lgdp_pipelines.errors import Contradiction, WrongUse
from lgdp_pipelines.register.files.contract_file import ContractRead
from lgdp_pipelines.register.files.custom_properties import custom_of
from lgdp_pipelines.register.model.table_model import Item
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import Period, parse_period


def group_by_return(reads: Sequence[ContractRead]) -> Mapping[str, tuple[ContractRead, ...]]:
    """The contracts of each return, oldest version first; returns in order of code."""
    ordered = sorted(reads, key=lambda read: (read.contract.return_code, _order(read)))
    found: dict[str, list[ContractRead]] = {}
    for read in ordered:
        if read.contract.return_code:
            found.setdefault(read.contract.return_code, []).append(read)
    return {code: tuple(versions) for code, versions in found.items()}


def _order(read: ContractRead) -> tuple[int, int, int]:
    version = read.contract.version
    return version.major, version.minor, version.patch


def check_versions(versions: Sequence[ContractRead]) -> Iterator[Contradiction]:
    """What the versions of one return say against each other."""
    for earlier, later in pairwise(versions):
        place = later.document
        if _order(earlier) == _order(later):
            yield place.at("version").contradiction(
                f"{earlier.document.file} has the same version.", "Give each version a number of its own."
            )
            continue
        if earlier.contract.period_kind is not later.contract.period_kind:
            yield (
                custom_of(place)
                .at("lgdpPeriodKind")
                .contradiction(
                    f"{earlier.document.file} asks by {earlier.contract.period_kind}.",
                    "A return keeps its kind of period; make another return.",
                )
            )
        elif not _begins_later(earlier, later):
            yield (
                custom_of(place)
                .at("lgdpValidFrom")
                .contradiction(
                    f"{earlier.document.file}, the version before, is valid from {earlier.contract.valid_from}.",
                    "A later version is valid from a later period.",
                )
            )
        if earlier.contract.version.major == later.contract.version.major:
            yield from _only_adds(earlier, later)


def _begins_later(earlier: ContractRead, later: ContractRead) -> bool:
    before, after = _first(earlier), _first(later)
    return before is None or after is None or before.start < after.start


def _first(read: ContractRead) -> Period | None:
    try:
        return parse_period(read.contract.valid_from)
    except WrongUse:
        return None


def _only_adds(earlier: ContractRead, later: ContractRead) -> Iterator[Contradiction]:
    remedy = "Within a major version, only add; for this change raise the major version."
    after = {read.table.name: read for read in later.tables}
    for read in earlier.tables:
        table = after.get(read.table.name)
        if table is None:
            yield later.document.at("schema").contradiction(
                f"The table {read.table.name} of {earlier.document.file} is gone.", remedy
            )
            continue
        if table.table.grain is not read.table.grain:
            yield table.place.contradiction(f"{read.table.name} was of grain {read.table.grain}.", remedy)
        now = {one.item.urn: one for one in table.items}
        for one in read.items:
            if one.item.urn not in now:
                yield table.place.contradiction(
                    f"{one.item.name} ({one.item.urn}) of {earlier.document.file} is gone.", remedy
                )
            elif _fixed(now[one.item.urn].item) != _fixed(one.item):
                yield now[one.item.urn].place.contradiction(
                    f"{one.item.name} has another name, header, type, unit, role, key or derivation than in "
                    f"{earlier.document.file}.",
                    remedy,
                )
        known = {one.item.urn for one in read.items}
        for urn, one in now.items():
            if one.item.key and urn not in known:
                yield one.place.contradiction(f"{one.item.name} is new and part of the key.", remedy)


def _fixed(item: Item) -> tuple[object, ...]:
    return (
        item.name, item.header, item.type, item.precision, item.scale, item.unit, item.role, item.key, item.derived,
    )  # fmt: skip


def check_item_urns(reads: Sequence[ContractRead]) -> Iterator[Contradiction]:
    """Data items that are one thing in one return and another in the next."""
    first: dict[str, tuple[tuple[object, ...], ContractRead]] = {}
    for read in reads:
        for table in read.tables:
            for one in table.items:
                meant = (one.item.type, one.item.unit)
                known, other = first.setdefault(one.item.urn, (meant, read))
                is_other_return = other.contract.return_code != read.contract.return_code
                if one.item.urn and is_other_return and known != meant:
                    yield one.place.contradiction(
                        f"{one.item.urn} has another type or unit in {other.document.file}.",
                        "Use the item as it is there, or give this one a URN of its own.",
                    )


def collect_inline_lists(reads: Sequence[ContractRead]) -> tuple[Mapping[str, CodeList], tuple[Contradiction, ...]]:
    """The code lists written out at items, by id, with those that two places write differently."""
    lists: dict[str, CodeList] = {}
    found: list[Contradiction] = []
    for read in reads:
        for one, place in read.inline_lists:
            known = lists.setdefault(one.id, one)
            if known.codes != one.codes:
                found.append(
                    place.contradiction(
                        f"The codes of {one.id} are written out differently elsewhere.",
                        "Write the list once, in schemas/codelists/, and name it with lgdpCodeList.",
                    )
                )
    return lists, tuple(found)
