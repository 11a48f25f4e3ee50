"""How the files of a Delta table are encoded: compression, statistics, dictionaries.

What belongs here: settings of Parquet, derived from what a table says of its columns. What does not: the log (``lake``
and ``creation``).
"""

from typing import Literal, TypeAlias

import pyarrow as pa
from deltalake import ColumnProperties, WriterProperties

from lgdp_pipelines.storage.tables import LakeTable

_Encoding: TypeAlias = Literal["DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY"]


def parquet_of(table: LakeTable, schema: pa.Schema) -> WriterProperties:
    """Minima and maxima of open columns alone, as in the log; no dictionary of what varies.

    Args:
        table: whose files they are.
        schema: of the rows to be written; text and whole numbers where the table says that they vary.
    """

    def of_column(name: str) -> ColumnProperties:
        statistics: Literal["CHUNK", "NONE"] = "CHUNK" if name in table.open_columns else "NONE"
        if name not in table.varied_columns:
            return ColumnProperties(statistics_enabled=statistics)
        is_whole = pa.types.is_integer(schema.field(name).type)
        encoding: _Encoding = "DELTA_BINARY_PACKED" if is_whole else "DELTA_LENGTH_BYTE_ARRAY"
        return ColumnProperties(statistics_enabled=statistics, dictionary_enabled=False, encoding=encoding)

    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        default_column_properties=ColumnProperties(statistics_enabled="NONE"),
        column_properties={name: of_column(name) for name in schema.names},
    )
