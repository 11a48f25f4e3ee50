"""How an extract is written: format, dialect, container, and where in it the records are.

What belongs here: the record, and what follows from it alone. A contract says it under ``lgdpExtract``, a mapping under
``extract``, in one vocabulary. What does not: reading YAML (``extract_files``) and reading extracts (``landing``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Format(StrEnum):
    """What an extract is written in."""

    CSV = "csv"
    XLSX = "xlsx"
    XLS = "xls"
    JSON = "json"
    NDJSON = "ndjson"
    XML = "xml"

    @property
    def is_records(self) -> bool:
        """Whether it holds named values record by record, and no header row."""
        return self in {Format.JSON, Format.NDJSON, Format.XML}

    @property
    def is_workbook(self) -> bool:
        """Whether it holds sheets."""
        return self in {Format.XLSX, Format.XLS}


class Container(StrEnum):
    """What an extract is packed in."""

    NONE = "none"
    ZIP = "zip"
    GZ = "gz"


@dataclass(frozen=True, slots=True)
class Extract:
    """How a council's file is written.

    Attributes:
        format: of the file.
        encoding: Python's name for it; CSV, JSON and NDJSON (XML says it itself, a workbook has none).
        delimiter: CSV: one character between cells.
        quote: CSV: the character around a cell that holds a delimiter or a line end; empty: there is none.
        sheet: workbook: its name; empty: the only visible one.
        preamble: CSV and workbook: rows before the header.
        header_rows: CSV and workbook: 1 or 2.
        records_at: JSON: dotted path to the list of records, empty where the document is the list. XML: path of the
            record element from the root, such as ``return/cases/case``, without namespaces.
        container: what the file is packed in.
        member: ZIP: regular expression for the whole name of the file in it; empty: there is only one.
    """

    format: Format
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    sheet: str = ""
    preamble: int = 0
    header_rows: int = 1
    records_at: str = ""
    container: Container = Container.NONE
    member: str = ""

    @property
    def described(self) -> str:
        """What to send, for people: ``CSV in utf-8 with “;” between cells, in a ZIP``."""
        text = self.format.upper()
        if self.format in {Format.CSV, Format.JSON, Format.NDJSON}:
            text += f" in {self.encoding}"
        if self.format is Format.CSV:
            text += f" with {self.between_cells} between cells"
        if self.sheet:
            text += f" with the sheet “{self.sheet}”"
        return text if self.container is Container.NONE else f"{text}, in a {self.container.upper()} file"

    @property
    def between_cells(self) -> str:
        """The delimiter, for people."""
        return DELIMITERS.get(self.delimiter, f"“{self.delimiter}”")

    @property
    def header_row(self) -> int:
        """CSV and workbook: the row in which the header ends."""
        return self.preamble + self.header_rows


DELIMITERS: Mapping[str, str] = MappingProxyType({",": "“,”", ";": "“;”", "\t": "a tab", "|": "“|”"})
"""The delimiters that systems commonly write, and what people call them."""
