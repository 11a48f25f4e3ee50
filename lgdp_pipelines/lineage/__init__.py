"""Lineage: which column and which row a figure comes from, from a published table back to a file and a data item.

What belongs here: column edges read from SQL, traces of single figures, and the OpenLineage export. What does not:
running dbt (``dbt_build``) and the models themselves (``conformance``, ``publication``).
"""
