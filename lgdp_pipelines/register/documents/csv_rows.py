"""CSV files of the register, read strictly: rows under given columns, each with its file and line.

Belongs here: the form of such a file. Belongs elsewhere: the meaning of its cells (``files``).
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
    """Return a CSV file's rows and contradictions; another header gives no rows."""
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[Row] = []
    contradictions: list[Contradiction] = []
    line = 1
    try:
        header = next(reader, [])
        if tuple(header) != tuple(columns):
            return (), (Contradiction(file, 1, "The header has other columns.", f"Write {','.join(columns)}."),)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(columns):
                rows.append(Row(file, line, dict(zip(columns, cells, strict=True))))
            else:
                contradictions.append(
                    Contradiction(file, line, f"{len(cells)} cells under {len(columns)} columns.", "Correct it.")
                )
            line = reader.line_num + 1
    except csv.Error as error:
        contradictions.append(Contradiction(file, line, f"This is not CSV: {error}.", "Correct the quotation marks."))
    return tuple(rows), tuple(contradictions)
