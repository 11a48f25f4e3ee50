"""The records of a CSV file of the register, each with its line.

What belongs here: reading cells under a known header. What does not: what the cells mean (``council_files``,
``reference_files``).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a CSV file.

    Attributes:
        file: path below the register's folder.
        line: where the record begins.
        cells: by column.
    """

    file: str
    line: int
    cells: Mapping[str, str]

    def contradiction(self, what: str, remedy: str) -> Contradiction:
        """Return a contradiction on this line."""
        return Contradiction(self.file, self.line, what, remedy)


def read_rows(file: str, text: str, columns: Sequence[str]) -> tuple[tuple[Row, ...], tuple[Contradiction, ...]]:
    """Return the rows of a CSV file with exactly these columns, and its contradictions."""
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[Row] = []
    found: list[Contradiction] = []
    line = 1
    try:
        header = next(reader, [])
        if tuple(header) != tuple(columns):
            return (), (Contradiction(file, 1, "The header is another.", f"Write {','.join(columns)}."),)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(columns):
                rows.append(Row(file, line, dict(zip(columns, cells, strict=True))))
            else:
                found.append(Contradiction(file, line, f"{len(cells)} cells under {len(columns)} columns.", "Mend it."))
            line = reader.line_num + 1
    except csv.Error as error:
        found.append(Contradiction(file, line, f"This is no CSV: {error}.", "Mend the quotation marks."))
    return tuple(rows), tuple(found)
