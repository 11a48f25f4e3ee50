"""Synthetic extracts that are invalid as a whole: empty, or not text.

Belongs here: defects of a file. Belongs elsewhere: defects of rows.
"""

from dataclasses import replace

import polars as pl

from tests.planted.planted_extracts import Extract, ExtractTarget
from tests.planted.table_drafts import TRUTH


def empty_extract(target: ExtractTarget, extract: Extract, row_count: tuple[str, str]) -> Extract:
    """Return an extract with its headers alone.

    Args:
        target: the contract, council and period that the extract answers.
        extract: with rows.
        row_count: id and table of the rule that rows must be there.
    """
    files = {name: content.partition(b"\n")[0] + b"\n" for name, content in extract.files.items()}
    rule, table = row_count
    findings = [(f"{target.contract.slug}.readable", "error", None, None, None), (rule, "error", table, None, None)]
    header_findings = extract.truth.filter(pl.col("rule").str.ends_with(".extra_columns"))
    return replace(
        extract, files=files, truth=pl.concat([header_findings, pl.DataFrame(findings, TRUTH, orient="row")]), rows=0
    )


def make_unreadable_extract(target: ExtractTarget, extract: Extract) -> Extract:
    """Return an extract whose files are not text; each has its own finding."""
    findings = [(f"{target.contract.slug}.readable", "error", None, None, None)] * len(extract.files)
    files = dict.fromkeys(extract.files, b"PK\x03\x04" + bytes(range(256)))
    return replace(extract, files=files, truth=pl.DataFrame(findings, TRUTH, orient="row"), rows=0)
