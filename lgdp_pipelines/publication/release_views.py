"""What an analyst finds in the catalogue under ``published``: each release, with what the ledger says of it now.

What belongs here: views over published tables, with words from the register. What does not: writing the catalogue.
"""

from lgdp_pipelines.dbt_build.model_tables import published_table
from lgdp_pipelines.ledger.figure_annotations import BESIDE, beside_figures
from lgdp_pipelines.publication.published_models import describe_published_columns
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.storage.sql_catalogue import CatalogueView


def build_release_views(register: Register) -> tuple[CatalogueView, ...]:
    """A view over each published table, every column with what it is."""
    return tuple(
        CatalogueView(
            "published",
            product.name,
            beside_figures(published_table(product), data_return.code),
            needs=(published_table(product),),
            description=published_table(product).description,
            comments={**describe_published_columns(register, product), **BESIDE},
        )
        for data_return in register.returns.values()
        for product in list_products(data_return)
    )
