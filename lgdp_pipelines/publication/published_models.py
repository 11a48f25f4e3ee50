"""The dbt models that publish a return, generated from the register.

A published table is made in two steps. ``candidate__<name>`` holds the rows to be published: generalised, small counts
withheld, with labels and notes. Tests run on it, and only after they pass does ``published__<name>`` replace the slice
in the lake. A candidate of figures reads two more models: ``cell__<name>`` numbers them, and, where the return has a
threshold, ``withheld__<name>`` marks those that are withheld.

Belongs here: the particulars of each model. Belongs elsewhere: SQL that is the same for every return
(``dbt_project/macros/publish.sql``). A handwritten model of the same name takes the place of a generated one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lgdp_pipelines.dbt_build.model_tables import (
    case_table,
    name_observation_model,
    name_staging_model,
    published_table,
)
from lgdp_pipelines.dbt_build.model_text import (
    call_macro,
    configure_delta,
    data_test,
    format_model,
    format_properties,
    literal,
)
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import ItemType, Privacy, Role
from lgdp_pipelines.register.versions.version_union import Product, ProductShape, UnitedItem, list_products
from lgdp_pipelines.vocabulary.table_columns import name_status_column

KEYS: Mapping[str, str] = {
    "council_code": "Three-letter register code of the council.",
    "council_name": "Its short name.",
    "gss_code": "Its current code of the Government Statistical Service.",
    "period": "Period id, which carries its kind.",
    "period_kind": "Kind of the period.",
}
FIGURE: Mapping[str, str] = {
    "item": "URN of the data item.",
    "item_title": "The data item, for people.",
    "value": "The figure; null where obs_status is not A.",
    "unit": "Unit of the figure.",
    "obs_status": "SDMX observation status: A normal, L not collected, M cannot exist, O missing, Q withheld.",
}
NOTES: Mapping[str, str] = {
    "known_issues": "Known issues that the submission was accepted with; null without any.",
    "open_queries": "Queries on the submission that the council has not answered.",
    "_release_row": "Number of the row within council and period.",
}
TRACE: Mapping[str, str] = {"_trace_id": "Opaque name of the row, which only the platform follows back to the file."}
ANNOTATIONS: Mapping[str, str] = {
    "open_queries": "Queries on the council's figures for the period that it has not answered, as of now.",
    "query_answers": "Its answers as of now: rules, each with the code of the answer; null without any.",
    "known_issues": "Known issues that the submission was accepted with, and those that people have noted as of now; "
    "null without any.",
}
"""Columns that the catalogue's views add or replace (``release_views``)."""
BROKEN_DOWN_BY: Mapping[str, str] = {"broken_down_by": "Names of the dimensions; empty for a total."}

_COLUMNS_AROUND_ITEMS = {
    ProductShape.CASES: ({**KEYS}, {**NOTES, **TRACE}),
    ProductShape.FIGURES: ({**KEYS}, {**FIGURE, **NOTES, **TRACE}),
    ProductShape.COUNTS: ({**KEYS, **BROKEN_DOWN_BY}, {**FIGURE, **NOTES}),
}
"""Columns of a published table before and after those of its items."""

_RESERVED_OF_CASES = {**KEYS, **NOTES, **TRACE, **ANNOTATIONS}
_RESERVED_OF_FIGURES = {**_RESERVED_OF_CASES, **FIGURE, **BROKEN_DOWN_BY}
"""Columns of the platform's own: an item of such a name gets another one."""


@dataclass(frozen=True)
class _PublishedItem:
    """A data item as columns of a published table.

    Attributes:
        item: over all versions of the contract.
        origin: ``row`` of a case; of a figure its ``breakdown``, or the ``description`` of its row.
        name: of its column.
        label: name of the column with the code's label; empty without one.
        status: name of the column with the observation status; empty without one.
    """

    item: UnitedItem
    origin: str
    name: str
    label: str
    status: str

    @property
    def arguments(self) -> dict[str, str | None]:
        """The item as the macros of ``publish.sql`` take it."""
        arguments = {
            "item": self.item.name,
            "of": self.origin,
            "name": self.name,
            "first_day_of": _generalisation(self.item, self.origin),
            "label": self.label,
            "code_list": self.item.declared.code_list if self.label else "",
            "status": self.status,
        }
        return {name: value for name, value in arguments.items() if value}

    @property
    def descriptions(self) -> dict[str, str]:
        """Descriptions of its columns, in order."""
        title, unit = self.item.declared.title, _generalisation(self.item, self.origin)
        descriptions = {
            self.name: f"{title}: first day of the {unit}." if unit else f"{title}.",
            self.label: f"{title}, in words.",
            self.status: f"Observation status of {title}.",
        }
        return {name: text for name, text in descriptions.items() if name}


def generate_published_models(register: Register) -> dict[str, str]:
    """Return the dbt files that publish all returns, by path.

    Raises:
        RegisterError: a table cannot be united over its majors.
    """
    return {
        path: text
        for data_return in register.returns.values()
        for product in list_products(data_return)
        for path, text in _generate_product_models(register, product)
    }


def describe_published_columns(register: Register, product: Product) -> dict[str, str]:
    """Return the descriptions of a published table's columns, in order."""
    first_columns, last_columns = _COLUMNS_AROUND_ITEMS[product.shape]
    items = _list_items(register, product)
    return first_columns | {name: text for item in items for name, text in item.descriptions.items()} | last_columns


def _generate_product_models(register: Register, product: Product) -> Iterator[tuple[str, str]]:
    """Yield path and text of the files for one published table."""
    name, slug = product.name, product.data_return.slug
    folder = f"models/candidate/{slug}"
    config = {"materialized": "table", "schema": "candidate", "tags": [slug]}
    rows_model = _name_rows_model(product)
    items = [item.arguments for item in _list_items(register, product)]
    if product.shape is ProductShape.CASES:
        candidate = call_macro("candidate_cases", cases=rows_model, items=items)
    else:
        is_counted = product.shape is ProductShape.COUNTS
        cells = call_macro(
            "numbered_cells",
            observations=name_observation_model(product.data_return),
            tables=[table.name for table in product.tables],
            items=_list_urns(product),
            is_counted=is_counted,
        )
        yield f"{folder}/{rows_model}.sql", format_model(config, cells)
        if product.threshold:
            yield f"{folder}/withheld__{name}.py", _generate_withheld_model(product)
        models = {
            "withheld": f"withheld__{name}" if product.threshold else "",
            "described_by": name_staging_model(product.tables[0]) if product.attributes else "",
        }
        optional = {argument: model for argument, model in models.items() if model}
        candidate = call_macro("candidate_figures", cells=rows_model, items=items, is_counted=is_counted, **optional)
    yield f"{folder}/candidate__{name}.sql", format_model(config, candidate)
    table, columns = published_table(product), describe_published_columns(register, product)
    delta_config = configure_delta(table, slug, alias=table.name)
    release = call_macro("released_rows", candidate=f"candidate__{name}", columns=list(columns))
    yield f"models/published/{slug}/published__{name}.sql", format_model(delta_config, release)
    yield f"{folder}/_{name}.yml", _describe_models(product, columns)


def _list_items(register: Register, product: Product) -> list[_PublishedItem]:
    """Return a published table's items with their columns, pseudonyms left out.

    Cases show their own items; figures show their breakdown and the description of their rows.

    A pseudonym would join the rows of one person.
    """
    if product.shape is ProductShape.CASES:
        used_names = set(_RESERVED_OF_CASES)
        items = [("row", item) for item in product.tables[0].carried_items if item.privacy is not Privacy.PSEUDONYMISE]
    else:
        used_names = set(_RESERVED_OF_FIGURES)
        items = [("breakdown", item) for item in product.dimensions]
        items += [("description", item) for item in product.attributes]
    return [_name_columns(register, item, origin, used_names) for origin, item in items]


def _name_columns(register: Register, item: UnitedItem, origin: str, used_names: set[str]) -> _PublishedItem:
    """Return an item with free column names, which are reserved."""
    name = _take_name(item.name, used_names)
    if _generalisation(item, origin):
        return _PublishedItem(item, origin, name, "", "")
    codes = register.code_lists.get(item.declared.code_list or "")
    has_labels = codes is not None and any(code.label != code.code for code in codes.codes)
    has_status = origin == "row" and item.declared.role is Role.MEASURE
    label = _take_name(f"{item.name}_label", used_names) if has_labels else ""
    status = _take_name(name_status_column(item.name), used_names) if has_status else ""
    return _PublishedItem(item, origin, name, label, status)


def _generalisation(item: UnitedItem, origin: str) -> str:
    """Return ``month`` or ``year`` for a generalised date; empty for other items.

    Such a date of a case becomes the first day of it.
    """
    return str(item.privacy) if origin == "row" and item.privacy in (Privacy.MONTH, Privacy.YEAR) else ""


def _take_name(name: str, used_names: set[str]) -> str:
    """Return a free name like this one, and reserve it."""
    while name in used_names:
        name = f"{name}_given"
    used_names.add(name)
    return name


def _name_rows_model(product: Product) -> str:
    """Return the name of the model whose rows are published.

    Each of its rows is published as one row.
    """
    return case_table(product.tables[0]).name if product.shape is ProductShape.CASES else f"cell__{product.name}"


def _generate_withheld_model(product: Product) -> str:
    """Return the text of the Python model that decides withheld counts.

    It is no SQL, because the decision is a loop over sums.
    """
    urns = ", ".join(literal(urn) for urn in _list_counted_urns(product))
    condition = "" if product.shape is ProductShape.COUNTS else f".filter({f'item in ({urns})'!r})"
    return (
        '"""Figures that are withheld so that no figure points at a person."""\n\n'
        "import asyncio\n\n"
        "from lgdp_pipelines.publication.disclosure_control import withhold_small_counts\n\n\n"
        "def model(dbt, session):\n"
        '    """Decide over the cells of each council and period."""\n'
        f'    dbt.config(materialized="table", schema="candidate", tags=["{product.data_return.slug}"])\n'
        "    # dbt-duckdb opens an event loop for the thread that a Python model runs on, and leaves it open.\n"
        "    asyncio.get_event_loop().close()\n"
        "    asyncio.set_event_loop(None)\n"
        f'    cells = dbt.ref("cell__{product.name}"){condition}\n'
        f"    return withhold_small_counts(cells.to_arrow_table(), threshold={product.threshold})\n"
    )


def _list_urns(product: Product) -> list[str]:
    """Return the URNs of the figures that a table shows."""
    if product.shape is ProductShape.COUNTS:
        return [count.urn for table in product.tables for count in table.counts]
    return [item.urn for table in product.tables for item in table.measures]


def _list_counted_urns(product: Product) -> list[str]:
    """Return the URNs of counts and integer measures, subject to a threshold.

    A rate is withheld together with a count in the same row.
    """
    if product.shape is ProductShape.COUNTS:
        return _list_urns(product)
    return [item.urn for table in product.tables for item in table.measures if item.type is ItemType.INTEGER]


def _describe_models(product: Product, columns: Mapping[str, str]) -> str:
    """Return the properties of a published table's models."""
    is_cases = product.shape is ProductShape.CASES
    required_columns = ["council_name", "gss_code", "period_kind", *([] if is_cases else ["item_title"])]
    tests: list[object] = [
        data_test("slice_has_values", columns=required_columns),
        data_test("slice_is_unique", columns=["council_code", "period", "_release_row"]),
        data_test("slice_keeps_every_row", source=_name_rows_model(product)),
    ]
    models: list[dict[str, object]] = []
    if not is_cases:
        tests.append("slice_values_agree_with_status")
    if not is_cases and product.threshold:
        threshold, cells = product.threshold, f"cell__{product.name}"
        tests.append(data_test("slice_shows_no_small_count", threshold=threshold, items=_list_counted_urns(product)))
        models.append(
            {
                "name": f"withheld__{product.name}",
                "description": "{{ doc('withheld') }}",
                "data_tests": [data_test("slice_totals_reveal_nothing", exact=cells, threshold=threshold)],
                "columns": [{"name": name} for name in ("council_code", "period", "_cell", "is_withheld")],
            }
        )
    column_properties = [{"name": name, "description": text} for name, text in columns.items()]
    models += [
        {
            "name": f"candidate__{product.name}",
            "description": "{{ doc('candidate') }}",
            "data_tests": tests,
            "columns": column_properties,
        },
        {
            "name": f"published__{product.name}",
            "description": published_table(product).description,
            "columns": column_properties,
        },
    ]
    return format_properties({"models": models})
