"""Made-up extracts that are bad as a whole: empty, or no text at all.

Belongs here: what no row of an extract can be planted with. Belongs elsewhere: rows.
"""

from dataclasses import replace

import polars as pl

from tests.planted.planted_extracts import Extract, ExtractTarget
from tests.planted.table_drafts import TRUTH


def emptied(target: ExtractTarget, extract: Extract, row_count: tuple[str, str]) -> Extract:
    """An extract of which only the headers are left.

    Args:
        target: what it answers.
        extract: with rows.
        row_count: id and table of the rule that rows must be there.
    """
    files = {name: content.partition(b"\n")[0] + b"\n" for name, content in extract.files.items()}
    rule, table = row_count
    places = [(f"{target.contract.slug}.readable", "error", None, None, None), (rule, "error", table, None, None)]
    of_headers = extract.truth.filter(pl.col("rule").str.ends_with(".extra_columns"))
    return replace(
        extract, files=files, truth=pl.concat([of_headers, pl.DataFrame(places, TRUTH, orient="row")]), rows=0
    )


def unreadable(target: ExtractTarget, extract: Extract) -> Extract:
    """An extract whose files are no text; each is found out for itself."""
    places = [(f"{target.contract.slug}.readable", "error", None, None, None)] * len(extract.files)
    files = dict.fromkeys(extract.files, b"PK\x03\x04" + bytes(range(256)))
    return replace(extract, files=files, truth=pl.DataFrame(places, TRUTH, orient="row"), rows=0)
