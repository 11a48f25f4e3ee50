"""The catalogue's views of releases, each with the ledger's present notes on its figures.

The annotations are joined when the view is read, so nothing is published again for them; ``annotated_release.sql`` has
the statement. Belongs here: these views and their comments. Belongs elsewhere: writing the catalogue
(``storage.sql_catalogue``).
"""

from functools import partial
from pathlib import Path
from string import Template

from lgdp_pipelines.dbt_build.model_tables import published_table
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.publication.published_models import ANNOTATIONS, describe_published_columns
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.storage.duckdb_connections import quote_identifier, quote_literal
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.storage.sql_catalogue import CatalogueView


def build_release_views(register: Register) -> tuple[CatalogueView, ...]:
    """Return the catalogue's views over published tables."""
    return tuple(
        CatalogueView(
            "published",
            product.name,
            partial(select_release, table=published_table(product), return_code=data_return.code),
            needs=(published_table(product),),
            description=published_table(product).description,
            comments={**describe_published_columns(register, product), **ANNOTATIONS},
        )
        for data_return in register.returns.values()
        for product in list_products(data_return)
    )


def select_release(lake: Lake, table: LakeTable, return_code: str) -> str:
    """Return a published table's statement, annotated if the ledger has been copied.

    Args:
        lake: that the statement reads.
        table: with columns ``council_code`` and ``period``. With a column ``item`` a row has the known issues of its
            item and of the return as a whole; without it those of any item.
        return_code: of the return.
    """
    names = lake.schema(table).names
    columns = {name: f"release.{quote_identifier(name)}" for name in names}
    if not all(_is_copied(lake, copy) for copy in (TABLES["known_issue"], TABLES["query"])):
        return f"select {', '.join(columns.values())} from {lake.scan_sql(table)} as release"  # noqa: S608 - quoted
    issues = ["release.known_issues"] if "known_issues" in names else []
    issues += ["words_by_item[release.item]", "words_by_item['']"] if "item" in names else ["all_words"]
    columns |= {
        "open_queries": "coalesce(annotation.open_queries, 0)",
        "query_answers": "annotation.query_answers",
        "known_issues": f"nullif(concat_ws('; ', {', '.join(issues)}), '')",
    }
    return Template(Path(__file__).with_name("annotated_release.sql").read_text(encoding="utf-8")).substitute(
        release=lake.scan_sql(table),
        known_issue=lake.scan_sql(TABLES["known_issue"]),
        query=lake.scan_sql(TABLES["query"]),
        return_code=quote_literal(return_code),
        columns=", ".join(f"{value} as {quote_identifier(name)}" for name, value in columns.items()),
    )


def _is_copied(lake: Lake, copy: LakeTable) -> bool:
    """Return whether the lake has a complete copy of a ledger's table."""
    return lake.exists(copy) and set(copy.arrow_schema.names) <= set(lake.schema(copy).names)
