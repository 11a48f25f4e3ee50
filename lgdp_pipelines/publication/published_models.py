"""The dbt models that publish a return, written from the register.

A published table is made in two steps. ``candidate__<name>`` is what would be published: generalised, small counts
withheld, labels and notes beside. Tests are run on it, and only where they hold does ``published__<name>`` replace the
slice in the lake. Where counts are kept small, two models stand before the candidate: ``cell__<name>`` numbers the
figures, ``withheld__<name>`` says which are withheld.

What belongs here: text of models, nothing run. A handwritten model of the same name takes a generated one's place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lgdp_pipelines.dbt_build.model_tables import case_table, published_table
from lgdp_pipelines.dbt_build.model_text import cast, format_model, format_properties, literal, quoted_name
from lgdp_pipelines.ledger.figure_annotations import BESIDE
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import ItemType, Privacy, Role
from lgdp_pipelines.register.versions.version_union import Product, ProductShape, UnitedItem, UnitedTable, list_products

_JOINS = """left join {{ ref('council') }} as council on given.council_code = council.council_code
left join {{ ref('period') }} as spans on given.period = spans.period
left join {{ ref('known_issue') }} as issues on given._submission_id = issues.submission_id
left join {{ ref('open_query') }} as queries on given._submission_id = queries.submission_id"""

_NOTES = ("issues.known_issues", "cast(coalesce(queries.open_queries, 0) as bigint) as open_queries")

KEYS: Mapping[str, str] = {
    "council_code": "Three-letter register code of the council.",
    "council_name": "Its short name.",
    "gss_code": "Its current code of the Government Statistical Service.",
    "period": "Period id, which carries its kind.",
    "period_kind": "What sort of span the period is.",
}
FIGURE: Mapping[str, str] = {
    "item": "URN of the data item.",
    "item_title": "The data item, for people.",
    "value": "The figure; null where obs_status is not A.",
    "unit": "What the figure counts or measures.",
    "obs_status": "SDMX observation status: A normal, L not collected, M cannot exist, O missing, Q withheld.",
}
NOTES: Mapping[str, str] = {
    "known_issues": "Known issues that the submission was accepted with; null where there are none.",
    "open_queries": "Queries on the submission that the council has not answered.",
    "_release_row": "Number of the row within council and period.",
}
TRACE: Mapping[str, str] = {"_trace_id": "Opaque name of the row, which only the platform follows back to the file."}
BROKEN_DOWN_BY: Mapping[str, str] = {"broken_down_by": "Names of the dimensions; empty for a total."}


def generate_published_models(register: Register) -> dict[str, str]:
    """Everything that dbt is given to publish the register's returns.

    Args:
        register: what is asked.

    Returns:
        Text of each file by its path in a dbt project.

    Raises:
        RegisterError: a table cannot be united over its majors.
    """
    files: dict[str, str] = {}
    for data_return in register.returns.values():
        for product in list_products(data_return):
            files |= dict(_of_product(register, product))
    return files


def describe_published_columns(register: Register, product: Product) -> dict[str, str]:
    """What each column of a published table is, in order; its names are those of the model."""
    match product.shape:
        case ProductShape.CASES:
            own = {alias: title for _, alias, title in _case_columns(register, product.tables[0])}
            return {**KEYS, **own, **NOTES, **TRACE}
        case ProductShape.FIGURES:
            own = {alias: title for _, alias, title in _dimension_columns(register, product)}
            return {**KEYS, **own, **FIGURE, **NOTES, **TRACE}
        case ProductShape.COUNTS:
            own = {alias: title for _, alias, title in _dimension_columns(register, product)}
            return {**KEYS, **BROKEN_DOWN_BY, **own, **FIGURE, **NOTES}


def _of_product(register: Register, product: Product) -> Iterator[tuple[str, str]]:
    folder = f"models/candidate/{product.data_return.slug}"
    tags = [product.data_return.slug]
    inner = {"materialized": "table", "schema": "candidate", "tags": tags}
    if product.shape is ProductShape.CASES:
        yield f"{folder}/candidate__{product.name}.sql", format_model(inner, _cases(register, product.tables[0]))
    else:
        yield f"{folder}/cell__{product.name}.sql", format_model(inner, _cells(product))
        if product.threshold:
            yield f"{folder}/withheld__{product.name}.py", _withheld(product)
        yield f"{folder}/candidate__{product.name}.sql", format_model(inner, _figures(register, product))
    stored = published_table(product)
    written = {
        "materialized": "delta",
        "schema": stored.layer,
        "alias": stored.name,
        "tags": tags,
        "meta": {
            "table": str(stored),
            "partition_by": list(stored.partition_by),
            "open_columns": list(stored.open_columns),
        },
    }
    names = ",\n    ".join(quoted_name(name) for name in describe_published_columns(register, product))
    yield (
        f"models/published/{product.data_return.slug}/published__{product.name}.sql",
        format_model(
            written,
            f"select\n    {names}\nfrom {{{{ ref('candidate__{product.name}') }}}}\n"
            "order by period, council_code, _release_row",
        ),
    )
    yield f"{folder}/_{product.name}.yml", _properties(register, product)


def _cases(register: Register, table: UnitedTable) -> str:
    columns = [
        *_keys(),
        *(f"{expression} as {quoted_name(alias)}" for expression, alias, _ in _case_columns(register, table)),
        *_NOTES,
        f"{_row_number('given._row')} as _release_row",
        "{{ trace_id('given._submission_id', 'given._row') }} as _trace_id",
    ]
    labels = [(item, f"given.{quoted_name(item.name)}") for item in _shown(table)]
    return _select(columns, case_table(table).name, _label_joins(register, labels))


def _shown(table: UnitedTable) -> list[UnitedItem]:
    """Items of cases that are published: no pseudonym, which would join the rows of one person."""
    return [item for item in table.carried if item.privacy is not Privacy.PSEUDONYMISE]


def _case_columns(register: Register, table: UnitedTable) -> Iterator[tuple[str, str, str]]:
    taken = {*KEYS, *NOTES, *TRACE, *BESIDE}
    for item in _shown(table):
        alias = _free(item.name, taken)
        name = f"given.{quoted_name(item.name)}"
        if item.privacy in (Privacy.MONTH, Privacy.YEAR):
            expression = cast(f"date_trunc('{item.privacy}', {cast(name, 'date')})", "date")
            yield expression, alias, f"{item.declared.title}: first day of the {item.privacy}."
            continue
        yield name, alias, f"{item.declared.title}."
        if _has_labels(register, item):
            yield f"{_label_alias(item)}.label", _free(f"{item.name}_label", taken), f"{item.declared.title}, in words."
        if item.declared.role is Role.MEASURE:
            status = f"{item.name}_status"
            yield f"given.{quoted_name(status)}", _free(status, taken), f"Observation status of {item.declared.title}."


def _cells(product: Product) -> str:
    """A product's observations, numbered within council and period, with what tells them apart."""
    items = _items(product)
    ordinal = f"list_position([{', '.join(literal(urn) for urn in items)}], item)"
    tables = ", ".join(literal(table.name) for table in product.tables)
    counted = product.shape is ProductShape.COUNTS
    order = "table_name, " + (f"{ordinal}, map_values(breakdown)" if counted else f"_row, {ordinal}")
    columns = [
        "council_code", "period", "table_name", "item", "breakdown", "value", "unit", "obs_status",
        "_submission_id", "_row",
        f"{'table_name' if counted else 'item'} as population",
        f"cast(row_number() over (partition by council_code, period order by {order}) as bigint) as _cell",
    ]  # fmt: skip
    given = "null" if counted else "not null"
    text = "select\n    " + ",\n    ".join(columns) + f"\nfrom {{{{ ref('observation__{product.data_return.slug}') }}}}"
    return f"{text}\nwhere {{{{ in_slice() }}}} and table_name in ({tables}) and _row is {given}"


def _withheld(product: Product) -> str:
    """A Python model: the decision is a loop over sums that SQL has no words for."""
    wanted = "" if product.shape is ProductShape.COUNTS else f".filter({_in(_people_items(product))!r})"
    return (
        '"""Which figures are withheld so that none points at a person."""\n\n'
        "import asyncio\n\n"
        "from lgdp_pipelines.publication.disclosure_control import suppress_small_counts\n\n\n"
        "def model(dbt, session):\n"
        '    """Decide over the cells of each council and period."""\n'
        f'    dbt.config(materialized="table", schema="candidate", tags=["{product.data_return.slug}"])\n'
        "    # dbt-duckdb opens an event loop for the thread that a Python model runs on, and leaves it open.\n"
        "    asyncio.get_event_loop().close()\n"
        "    asyncio.set_event_loop(None)\n"
        f'    cells = dbt.ref("cell__{product.name}"){wanted}\n'
        f"    return suppress_small_counts(cells.to_arrow_table(), threshold={product.threshold})\n"
    )


def _in(items: Iterable[str]) -> str:
    return f"item in ({', '.join(literal(item) for item in items)})"


def _people_items(product: Product) -> list[str]:
    """The figures that a threshold is about: counts; a rate that was withheld with them stands in the same row."""
    if product.shape is ProductShape.COUNTS:
        return _items(product)
    return [item.urn for table in product.tables for item in table.measures if item.type is ItemType.INTEGER]


def _items(product: Product) -> list[str]:
    if product.shape is ProductShape.COUNTS:
        return [count.urn for table in product.tables for count in table.counts]
    return [item.urn for table in product.tables for item in table.measures]


def _figures(register: Register, product: Product) -> str:
    counted = product.shape is ProductShape.COUNTS
    value, status, joins = "given.value", "given.obs_status", []
    if product.threshold:
        withheld = "coalesce(withheld.is_withheld, false)"
        if not counted:
            of_row = "partition by given.council_code, given.period, given.table_name, given._row"
            withheld = f"bool_or({withheld}) over ({of_row})"
        value = f"case when not {withheld} then given.value end"
        status = f"case when {withheld} and given.value is not null then 'Q' else given.obs_status end"
        joins.append(
            f"left join {{{{ ref('withheld__{product.name}') }}}} as withheld\n"
            "    on given.council_code = withheld.council_code and given.period = withheld.period\n"
            "    and given._cell = withheld._cell"
        )
    dimensions = [
        f"{expression} as {quoted_name(alias)}" for expression, alias, _ in _dimension_columns(register, product)
    ]
    broken_down_by = ["array_to_string(list_sort(map_keys(given.breakdown)), ', ') as broken_down_by"]
    columns = [
        *_keys(),
        *(broken_down_by if counted else []),
        *dimensions,
        "given.item",
        "titles.title as item_title",
        f"{value} as value",
        "given.unit",
        f"{status} as obs_status",
        *_NOTES,
        "given._cell as _release_row",
    ]
    if not counted:
        columns.append("{{ trace_id('given._submission_id', 'given._row') }} as _trace_id")
    labels = [(item, f"given.breakdown[{literal(item.name)}]") for item in product.dimensions]
    labels += [(item, f"described.{quoted_name(item.name)}") for item in product.attributes]
    if product.attributes:
        (table,) = product.tables
        joins.append(
            f"left join {{{{ ref('stg_{product.data_return.slug}__{table.name}') }}}} as described\n"
            "    on given._submission_id = described._submission_id and given._row = described._row"
        )
    joins = [
        "left join {{ ref('register_item') }} as titles on given.item = titles.item",
        *joins,
        *_label_joins(register, labels),
    ]
    said = f"-- Counts above 0 and below {product.threshold} are withheld.\n" if product.threshold else ""
    return said + _select(columns, f"cell__{product.name}", joins)


def _dimension_columns(register: Register, product: Product) -> Iterator[tuple[str, str, str]]:
    """What figures are broken down by, and what describes the row that they stand in."""
    taken = {*KEYS, *FIGURE, *NOTES, *TRACE, *BROKEN_DOWN_BY, *BESIDE}
    shown = [(item, f"given.breakdown[{literal(item.name)}]") for item in product.dimensions]
    shown += [(item, f"described.{quoted_name(item.name)}") for item in product.attributes]
    for item, expression in shown:
        title = item.declared.title
        yield expression, _free(item.name, taken), f"{title}."
        if _has_labels(register, item):
            yield f"{_label_alias(item)}.label", _free(f"{item.name}_label", taken), f"{title}, in words."


def _free(name: str, taken: set[str]) -> str:
    """A column's name, moved aside where the platform has a column of that name; it is taken from now on."""
    while name in taken:
        name = f"{name}_given"
    taken.add(name)
    return name


def _has_labels(register: Register, item: UnitedItem) -> bool:
    codes = register.code_lists.get(item.declared.code_list or "")
    return codes is not None and any(code.label != code.code for code in codes.codes)


def _label_alias(item: UnitedItem) -> str:
    return quoted_name(f"label_{item.name}")


def _label_joins(register: Register, labels: Sequence[tuple[UnitedItem, str]]) -> list[str]:
    return [
        f"left join {{{{ ref('register_code') }}}} as {_label_alias(item)}\n"
        f"    on {_label_alias(item)}.code_list = {literal(item.declared.code_list)} "
        f"and {_label_alias(item)}.code = {cast(expression, 'varchar')}"
        for item, expression in labels
        if _has_labels(register, item)
    ]


def _keys() -> list[str]:
    return [
        "given.council_code",
        "council.council_name",
        "council.gss_code",
        "given.period",
        "spans.kind as period_kind",
    ]


def _row_number(order: str) -> str:
    return f"cast(row_number() over (partition by given.council_code, given.period order by {order}) as bigint)"


def _select(columns: Iterable[str], source: str, joins: Iterable[str]) -> str:
    text = "select\n    " + ",\n    ".join(columns)
    text += f"\nfrom {{{{ ref('{source}') }}}} as given\n{_JOINS}\n" + "".join(f"{join}\n" for join in joins)
    return f"{text}where {{{{ in_slice('given.period') }}}}"


def _properties(register: Register, product: Product) -> str:
    filled = ["council_name", "gss_code", "period_kind"]
    tests: list[object] = [
        {
            "slice_has_values": {
                "arguments": {"columns": filled if product.shape is ProductShape.CASES else [*filled, "item_title"]}
            }
        },
        {"slice_is_unique": {"arguments": {"columns": ["council_code", "period", "_release_row"]}}},
        {"slice_keeps_every_row": {"arguments": {"source": _source(product)}}},
    ]
    if product.shape is not ProductShape.CASES:
        tests.append("slice_values_agree_with_status")
    models: list[dict[str, object]] = []
    if product.threshold and product.shape is not ProductShape.CASES:
        about = {"threshold": product.threshold, "items": _people_items(product)}
        tests.append({"slice_shows_no_small_count": {"arguments": about}})
        subtracting = {"exact": f"cell__{product.name}", "threshold": product.threshold}
        models.append(
            {
                "name": f"withheld__{product.name}",
                "description": "{{ doc('withheld') }}",
                "data_tests": [{"slice_totals_reveal_nothing": {"arguments": subtracting}}],
                "columns": [{"name": name} for name in ("council_code", "period", "_cell", "is_withheld")],
            }
        )
    columns = [
        {"name": name, "description": text} for name, text in describe_published_columns(register, product).items()
    ]
    models.append(
        {
            "name": f"candidate__{product.name}",
            "description": "{{ doc('candidate') }}",
            "data_tests": tests,
            "columns": columns,
        }
    )
    models.append(
        {"name": f"published__{product.name}", "description": published_table(product).description, "columns": columns}
    )
    return format_properties({"models": models})


def _source(product: Product) -> str:
    if product.shape is ProductShape.CASES:
        return case_table(product.tables[0]).name
    return f"cell__{product.name}"
