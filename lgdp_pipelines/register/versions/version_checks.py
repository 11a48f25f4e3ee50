"""What the versions of a return contradict in each other, and in other returns.

Belongs here: order, first periods, and what a version may change. Belongs elsewhere: what one contract says
(``files.contract_file``). A change of type, grain or key is a major version and a new table; within a major, versions
only add.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lgdp_pipelines.errors import Contradiction, WrongUse
from lgdp_pipelines.register.documents.yaml_nodes import find_repeats, first_contradiction_where
from lgdp_pipelines.register.files.contract_file import ParsedContract
from lgdp_pipelines.register.model.table_model import Item
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import Period, parse_period


def group_by_return(reads: Sequence[ParsedContract]) -> Mapping[str, tuple[ParsedContract, ...]]:
    """Return the contracts of each return, oldest version first; returns in order of code."""
    ordered = sorted(reads, key=lambda read: (read.contract.return_code, read.contract.version))
    by_code: dict[str, list[ParsedContract]] = {}
    for read in ordered:
        if read.contract.return_code:
            by_code.setdefault(read.contract.return_code, []).append(read)
    return {code: tuple(versions) for code, versions in by_code.items()}


def check_versions(versions: Sequence[ParsedContract]) -> Iterator[Contradiction]:
    """Yield what the versions of one return contradict in each other."""
    for earlier, later in pairwise(versions):
        place = later.document
        if earlier.contract.version == later.contract.version:
            yield place.at("version").contradiction(
                f"{earlier.document.file} has the same version.", "Give each version a number of its own."
            )
            continue
        yield from first_contradiction_where(
            (
                earlier.contract.period_kind is not later.contract.period_kind,
                place.custom_property("lgdpPeriodKind"),
                f"{earlier.document.file} asks by {earlier.contract.period_kind}.",
                "A return keeps its kind of period; make another return.",
            ),
            (
                not _is_valid_later(earlier, later),
                place.custom_property("lgdpValidFrom"),
                f"{earlier.document.file}, the version before, is valid from {earlier.contract.valid_from}.",
                "A later version is valid from a later period.",
            ),
        )
        if earlier.contract.version.major == later.contract.version.major:
            yield from _check_only_adds(earlier, later)


def _is_valid_later(earlier: ParsedContract, later: ParsedContract) -> bool:
    before, after = _first_period(earlier), _first_period(later)
    return before is None or after is None or before.start < after.start


def _first_period(read: ParsedContract) -> Period | None:
    try:
        return parse_period(read.contract.valid_from)
    except WrongUse:
        return None


def _check_only_adds(earlier: ParsedContract, later: ParsedContract) -> Iterator[Contradiction]:
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
        new_items = {item_read.item.urn: item_read for item_read in table.items}
        old_urns = {item_read.item.urn for item_read in read.items}
        for item in (item_read.item for item_read in read.items):
            new = new_items.get(item.urn)
            if new is None:
                yield table.place.contradiction(f"{item.name} ({item.urn}) of {earlier.document.file} is gone.", remedy)
            elif _fixed_aspects(new.item) != _fixed_aspects(item):
                yield new.place.contradiction(
                    f"{item.name} has another name, header, type, unit, role, key or derivation than in "
                    f"{earlier.document.file}.",
                    remedy,
                )
        yield from (
            new.place.contradiction(f"{new.item.name} is new and part of the key.", remedy)
            for urn, new in new_items.items()
            if new.item.key and urn not in old_urns
        )


def _fixed_aspects(item: Item) -> tuple[object, ...]:
    return (
        item.name, item.header, item.type, item.precision, item.scale, item.unit, item.role, item.key, item.derived,
    )  # fmt: skip


def check_item_urns(reads: Sequence[ParsedContract]) -> Iterator[Contradiction]:
    """Yield data items that have different types or units in two returns."""
    items = (
        (item_read.item.urn, (item_read, read))
        for read in reads
        for table in read.tables
        for item_read in table.items
        if item_read.item.urn
    )
    for (item_read, read), (first, other) in find_repeats(items):
        item, is_other_return = item_read.item, other.contract.return_code != read.contract.return_code
        if is_other_return and (first.item.type, first.item.unit) != (item.type, item.unit):
            yield item_read.place.contradiction(
                f"{item.urn} has another type or unit in {other.document.file}.",
                "Use the item as it is there, or give this one a URN of its own.",
            )


def collect_inline_lists(reads: Sequence[ParsedContract]) -> tuple[Mapping[str, CodeList], tuple[Contradiction, ...]]:
    """Return the code lists written out at items by id, and their contradictions."""
    entries = [(code_list.id, (code_list, place)) for read in reads for code_list, place in read.inline_lists]
    contradictions = [
        place.contradiction(
            f"The codes of {code_list.id} are written out differently elsewhere.",
            "Write the list once, in schemas/codelists/, and name it with lgdpCodeList.",
        )
        for (code_list, place), (first, _) in find_repeats(entries)
        if first.codes != code_list.codes
    ]
    lists = {list_id: code_list for list_id, (code_list, _) in reversed(entries)}
    return lists, tuple(contradictions)
