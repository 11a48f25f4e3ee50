"""Columns that the platform adds to a return's tables: their names.

Belongs here: names that no contract may take. Belongs elsewhere: which columns a table has (``storage.lake_tables``).
"""

ROW = "_row"
"""Landed and validated column: the row as a person sees it in the file."""
UNMAPPED = "_unmapped"
"""Landed column: JSON object of the cells without a column in the contract; null if all cells have one."""
REPAIRS = "_repairs"
"""Validated column: a row's repairs, as ``<item>:<kind>`` with spaces between; null for a row without repairs."""

STATUS_SUFFIX = "_status"


def name_status_column(item_name: str) -> str:
    """Return the name of the column with a measure's observation status."""
    return f"{item_name}{STATUS_SUFFIX}"
