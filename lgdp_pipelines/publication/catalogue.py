"""What an analyst finds in the catalogue under ``published``.

What belongs here: views over published tables, with words from the register. What does not: writing the catalogue.
"""

from lgdp_pipelines.publication.models import published_columns
from lgdp_pipelines.register.model import Register
from lgdp_pipelines.register.united import products_of
from lgdp_pipelines.storage.catalogue import CatalogueView
from lgdp_pipelines.storage.outputs import published_table


def catalogue_views(register: Register) -> tuple[CatalogueView, ...]:
    """A view over each published table, every column with what it is."""
    return tuple(
        CatalogueView(
            "published",
            product.name,
            published_table(product),
            comments=published_columns(register, product),
        )
        for ret in register.returns.values()
        for product in products_of(ret)
    )
