"""Rows that refer to rows of this or another table of the return: the standard's ``relationships``.

An empty reference refers to nothing, and a reference of several items is one only where all of them are filled in. What
belongs here: what refers to what, and its SQL. What does not: references to other returns.
"""

from lgdp_pipelines.register.model.table_model import Relationship
from lgdp_pipelines.register.rules.kinds.sql_fragments import join_conditions, quote_column


def relationship_sql(terms: Relationship) -> str:
    """The question after rows whose reference leads nowhere."""
    refers = join_conditions(*(f"{quote_column(name, 'own')} IS NOT NULL" for name in terms.own))
    pairs = zip(terms.own, terms.theirs, strict=True)
    same = join_conditions(*(f"{quote_column(theirs, 'other')} = {quote_column(own, 'own')}" for own, theirs in pairs))
    there = f"SELECT 1 FROM {{{terms.table}}} AS other WHERE {same}"
    return f"SELECT count(*) FROM {{model}} AS own WHERE {refers} AND NOT EXISTS ({there})"
