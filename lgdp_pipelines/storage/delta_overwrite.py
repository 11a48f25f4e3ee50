"""A slice replaced by Delta Lake itself, which rewrites the files that hold rows of other slices besides.

What belongs here: that call, and the settings of the files that it writes. What does not: files that are a slice's
alone (``adding``).
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake

from lgdp_pipelines.handover.column_types import frame_to_arrow, polars_to_arrow_schema
from lgdp_pipelines.handover.prefetch import prefetch
from lgdp_pipelines.storage.frame_schema import FrameSource


def rewrite(
    delta: DeltaTable, rows: FrameSource, *, condition: str, open_columns: Sequence[str], properties: CommitProperties
) -> None:
    """Put rows in place of those that a condition holds for, in one commit.

    Args:
        delta: on whose present version the commit is based.
        rows: with the table's columns; what their giver raises is raised, and nothing is then written.
        condition: SQL.
        open_columns: whose bounds may stand in the log, and in the files.
        properties: of the commit.

    Raises:
        CommitFailedError: another writer came between.
        DeltaError: the disk did not take the rows.
    """
    refused: list[Exception] = []
    schema = polars_to_arrow_schema(rows.schema)

    def given() -> Iterator[pa.RecordBatch]:
        try:
            for frame in prefetch(rows.again()):
                yield from frame_to_arrow(frame, schema).to_batches()
        except Exception as error:
            refused.append(error)
            raise

    try:
        write_deltalake(
            delta,
            pa.RecordBatchReader.from_batches(schema, given()),
            mode="overwrite",
            predicate=condition,
            commit_properties=properties,
            writer_properties=WriterProperties(
                compression="ZSTD",
                compression_level=1,
                default_column_properties=ColumnProperties(statistics_enabled="NONE"),
                column_properties={
                    name: ColumnProperties(statistics_enabled="CHUNK") for name in schema.names if name in open_columns
                },
            ),
        )
    except Exception:
        if refused:
            raise refused[0] from None
        raise
