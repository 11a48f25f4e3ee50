"""Migrations of the ledger, run by Alembic when an older ledger is opened.

A change of ``ledger.schema`` needs a new file in ``versions`` (``script.py.mako`` is its mould), named in ``HEAD``.
"""

HEAD = "0006"
"""The newest migration: what a ledger that is up to date says of itself."""
