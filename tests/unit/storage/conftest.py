"""A lake in an empty folder, and a table of people's names in it."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

PEOPLE = LakeTable(
    "validated",
    "hl1__assess__v1",
    pa.schema(
        [
            ("council_code", pa.string()),
            ("period", pa.string()),
            ("name", pa.string()),
            ("amount", pa.int64()),
            ("_submission_id", pa.string()),
            ("_row", pa.int64()),
        ]
    ),
    ("period",),
    ("council_code", "amount", "_submission_id", "_row"),
    "One application a row.",
    {"name": "The applicant's name.", "amount": "Pounds."},
)


@pytest.fixture
def people() -> LakeTable:
    return PEOPLE


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def rows() -> Callable[..., pl.DataFrame]:
    """Return a function that makes rows of a submission."""

    def make(
        council: str, number: int, names: tuple[str, ...] = ("Buchanan", "Null"), period: str = "FY2024-25"
    ) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "council_code": [council] * len(names),
                "period": [period] * len(names),
                "name": list(names),
                "amount": [number * 100 + index for index in range(len(names))],
                "_submission_id": [f"HL1.{council}.{period}.{number:03d}"] * len(names),
                "_row": list(range(2, len(names) + 2)),
            },
            schema=pl.Schema(
                {
                    "council_code": pl.String(),
                    "period": pl.String(),
                    "name": pl.String(),
                    "amount": pl.Int64(),
                    "_submission_id": pl.String(),
                    "_row": pl.Int64(),
                }
            ),
        )

    return make


@pytest.fixture
def put(lake: Lake, people: LakeTable, rows: Callable[..., pl.DataFrame]) -> Callable[..., int]:
    """Return a function that writes a submission to its slice: ``put("FIF", 2)``."""

    def write(council: str, number: int, names: tuple[str, ...] = ("Buchanan", "Null")) -> int:
        return lake.replace_councils(
            people,
            rows(council, number, names),
            period="FY2024-25",
            submissions={council: f"HL1.{council}.FY2024-25.{number:03d}"},
            commit={"run": f"run-{number}"},
        )

    return write
