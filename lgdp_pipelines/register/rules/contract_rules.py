"""Every rule of a contract: those that follow from its items, and those written under ``quality``.

Belongs here: the list of rules, with their ids, titles and advice to councils. Belongs elsewhere: testing them
(``validation``). Ids never change: they follow from the data item's URN, which outlives names.

====================================  ==============================================================
``<slug>.readable``                   the extract as a whole
``<slug>.<table>.columns``            a table's header: required columns
``<slug>.<table>.extra_columns``      columns that the contract does not know
``<slug>.<item>.<kind>``              an item; in a table after the one that first has the item,
                                      ``<slug>.<table>.<item>.<kind>``
``<slug>.<table>.key``                a table's rows
``<slug>.<id>``                       a rule written under ``quality``
====================================  ==============================================================
"""

from collections.abc import Iterator
from functools import lru_cache

from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, ItemType, Range, Relationship, Role, Rule, Table
from lgdp_pipelines.register.rules.kinds.row_rules import write_relationship_sql
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity


@lru_cache(maxsize=512)
def list_rules(contract: Contract) -> tuple[Rule, ...]:
    """Return every rule of a contract: the extract's, then table by table."""
    rules = [_readable_rule(contract)]
    names: set[str] = set()
    for table in contract.tables:
        rules += [_columns_rule(contract, table), _extra_columns_rule(contract, table)]
        for item in table.items:
            last = item.urn.rsplit(":", 1)[-1] or item.name
            prefix = f"{contract.slug}.{table.name}.{last}" if last in names else f"{contract.slug}.{last}"
            rules += _item_rules(item, table, prefix)
        names |= {item.urn.rsplit(":", 1)[-1] or item.name for item in table.items}
        if table.key:
            rules.append(_key_rule(contract, table))
        rules += table.rules
    return tuple(rules)


def _readable_rule(contract: Contract) -> Rule:
    """Return the rule that the extract is whole and readable."""
    format_name = contract.extract.format.upper()
    return Rule(
        id=f"{contract.slug}.readable",
        kind=RuleKind.READABLE,
        severity=Severity.ERROR,
        table="",
        items=(),
        title=f"The extract is whole and readable as {format_name}",
        guidance=f"Export the extract again as {contract.extract.described}, and check that it was not cut short on "
        "the way.",
    )


def _columns_rule(contract: Contract, table: Table) -> Rule:
    """Return the rule that every column is there once."""
    return Rule(
        id=f"{contract.slug}.{table.name}.columns",
        kind=RuleKind.COLUMNS,
        severity=Severity.ERROR,
        table=table.name,
        items=(),
        title=f"{table.title}: every column is there once",
        guidance="Name the columns exactly as the contract does, each once; the order does not matter.",
    )


def _extra_columns_rule(contract: Contract, table: Table) -> Rule:
    """Return the query about columns that the contract does not know."""
    return Rule(
        id=f"{contract.slug}.{table.name}.extra_columns",
        kind=RuleKind.EXTRA_COLUMNS,
        severity=Severity.QUERY,
        table=table.name,
        items=(),
        title=f"{table.title}: there is no column that the contract does not know",
        guidance="Leave the column out, or tell the owner of the return what it is for. Its cells are kept as sent "
        "and go no further.",
    )


def _key_rule(contract: Contract, table: Table) -> Rule:
    """Return the rule that no two rows share the key."""
    headers = _join_words([item.header for item in table.key])
    return Rule(
        id=f"{contract.slug}.{table.name}.key",
        kind=RuleKind.KEY,
        severity=Severity.ERROR,
        table=table.name,
        items=tuple(item.name for item in table.key),
        title=f"{table.title}: no two rows have the same {headers}",
        guidance="Find the rows named and send each of them once; where they are different things, correct "
        f"{headers} so that it tells them apart.",
    )


def _item_rules(item: Item, table: Table, prefix: str) -> Iterator[Rule]:
    """Yield the rules that follow from one item."""
    for kind, title, advice in list_item_rules(item):
        yield Rule(
            id=f"{prefix}.{kind}",
            kind=kind,
            severity=item.severities.get(kind, Severity.ERROR),
            table=table.name,
            items=(item.name,),
            title=f"{item.title}: {title}",
            guidance=f"{advice} {item.guidance}".strip(),
            sql=write_relationship_sql(item.refers_to) if kind is RuleKind.RELATIONSHIP and item.refers_to else None,
            terms=item.refers_to if kind is RuleKind.RELATIONSHIP else None,
            line=item.line,
        )


def list_item_rules(item: Item) -> Iterator[tuple[RuleKind, str, str]]:
    """Return kind, title and general advice of each rule of an item."""
    validity = f"on the day of {item.codes_on}" if item.codes_on else "in the period"
    reference = item.refers_to or Relationship((), "", ())
    has_length = item.min_length is not None or item.max_length is not None
    rules = (
        (
            item.role is Role.COUNCIL,
            RuleKind.COUNCIL,
            "names the council that sends the extract",
            "Send each council's rows from its own account only.",
        ),
        (
            item.role is Role.PERIOD,
            RuleKind.PERIOD,
            "names the period that the extract is for",
            "Send the rows of one period in an extract, and give the extract the name of that period.",
        ),
        (
            item.type is not ItemType.TEXT,
            RuleKind.TYPE,
            f"reads as {_describe_type(item)}",
            f"Write {_describe_type(item)}.",
        ),
        (item.required, RuleKind.REQUIRED, "is filled in", "Fill it in on every row."),
        (
            item.code_list is not None,
            RuleKind.CODES,
            f"is a code of its list that is valid {validity}",
            "Choose a code from the list in the contract.",
        ),
        (
            item.pattern is not None,
            RuleKind.PATTERN,
            "is written in the agreed form",
            "Write it in the form that the contract gives.",
        ),
        (
            has_length,
            RuleKind.LENGTH,
            f"has {_describe_length(item)}",
            "Check that it was not cut short or run together.",
        ),
        (
            item.range is not None,
            RuleKind.RANGE,
            f"is {_describe_range(item.range or Range())}",
            "Check the figure in the system it comes from.",
        ),
        (
            item.multiple_of is not None,
            RuleKind.MULTIPLE,
            f"is a multiple of {item.multiple_of}",
            "Check how the figure was rounded.",
        ),
        (item.unique, RuleKind.UNIQUE, "is no other row's", "Find the rows named, and correct the one that is wrong."),
        (
            item.refers_to is not None,
            RuleKind.RELATIONSHIP,
            f"is {' and '.join(reference.target_items)} of a row of {reference.table}",
            "Correct the reference, or send the row that it refers to.",
        ),
    )
    return ((kind, title, advice) for applies, kind, title, advice in rules if applies)


_FORMS = {
    ItemType.TEXT: "a text",
    ItemType.INTEGER: "a whole number, digits only",
    ItemType.NUMBER: "a number, with a point before decimals",
    ItemType.BOOLEAN: "true or false",
}


def _describe_type(item: Item) -> str:
    """Return the form of an item's values in words."""
    if item.type is ItemType.DATE:
        return f"a date in the form {(item.date_format or '').upper()}"
    if item.type is ItemType.DECIMAL:
        integer = item.precision - item.scale
        return f"a number with at most {integer} digits before the point and {item.scale} after it"
    return _FORMS[item.type]


def _describe_length(item: Item) -> str:
    """Return the permitted number of characters in words."""
    if item.min_length is None:
        return f"at most {item.max_length} characters"
    if item.max_length is None:
        return f"at least {item.min_length} characters"
    if item.min_length == item.max_length:
        return f"{item.min_length} characters"
    return f"{item.min_length} to {item.max_length} characters"


def _describe_range(bounds: Range) -> str:
    """Return bounds in words, joined by “and”; empty without any."""
    parts = (
        ("at least", bounds.minimum),
        ("more than", bounds.exclusive_minimum),
        ("at most", bounds.maximum),
        ("less than", bounds.exclusive_maximum),
    )
    return " and ".join(f"{words} {bound}" for words, bound in parts if bound is not None)


def _join_words(words: list[str]) -> str:
    """Return words joined by commas and a last “and”."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
