"""Migrations of the ledger, run by Alembic when an older ledger is opened.

A change of ``ledger.schema`` needs a new file in ``versions`` (from the template ``script.py.mako``), named in
``HEAD``.
"""

HEAD = "0001"
"""The newest migration, which an up-to-date ledger has recorded."""
