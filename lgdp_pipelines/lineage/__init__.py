"""Lineage: the columns and rows that a figure comes from, down to a data item and a row of a council's file.

Belongs here: column edges read from compiled SQL and from contracts, traces of single figures, and the OpenLineage
export. Belongs elsewhere: running dbt (``dbt_build``) and the models themselves (``conformance``, ``publication``).
"""
