"""The form of an extract: format, dialect, container, and the path of its records.

Belongs here: the model, which a contract fills under ``lgdpExtract`` and a mapping under ``extract``, and its own
properties. Belongs elsewhere: contradictions between its words (``files.contract_file``), and reading extracts
(``landing``).
"""

import codecs
import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints
from pydantic.dataclasses import dataclass

from lgdp_pipelines.register.model.field_types import STRICT, FreeText, OrEmpty, PythonPattern, Text, refusal

NO_QUOTE = "none"
"""The word for a CSV file without a quote character."""

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso8859-1", "iso8859-15", "ascii")


class FileFormat(StrEnum):
    """The file format of an extract."""

    CSV = "csv"
    XLSX = "xlsx"
    XLS = "xls"
    JSON = "json"
    NDJSON = "ndjson"
    XML = "xml"

    @property
    def is_records(self) -> bool:
        """Return whether it has records of named values instead of a header."""
        return self in {FileFormat.JSON, FileFormat.NDJSON, FileFormat.XML}

    @property
    def is_workbook(self) -> bool:
        """Return whether it holds sheets."""
        return self in {FileFormat.XLSX, FileFormat.XLS}


class Container(StrEnum):
    """The archive or compression of an extract."""

    NONE = "none"
    ZIP = "zip"
    GZ = "gz"


def _normalise_encoding(name: str) -> str:
    """Return Python's name of an encoding; empty for an unknown one."""
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _check_encoding(name: str) -> str:
    """Return the name of a supported encoding; refuse others."""
    if _normalise_encoding(name) not in {_normalise_encoding(known) for known in ENCODINGS}:
        raise refusal(f"is “{name}”, which is unknown", f"Write {', '.join(ENCODINGS[:-1])} or {ENCODINGS[-1]}.")
    return name


def _parse_quote(value: object) -> object:
    """Return a quote character, empty for ``none``; refuse others."""
    if value == NO_QUOTE:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[^\r\n\x00A-Za-z0-9\s]", value):
        raise refusal(f"is “{value}”, which is not a quote character", f"Write one character, or {NO_QUOTE}.")
    return value


_Delimiter: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00A-Za-z0-9]$")]


@dataclass(frozen=True, config=STRICT)
class ExtractFormat:
    """The form of a council's file.

    Attributes:
        format: of the file.
        encoding: Python's name for it; CSV, JSON and NDJSON (XML says it itself, a workbook has none).
        delimiter: CSV: one character between cells.
        quote: CSV: the character around a cell that holds a delimiter or a line end; empty: no character.
        sheet: workbook: its name; empty: the only visible one.
        preamble: CSV and workbook: rows before the header.
        header_rows: CSV and workbook: 1 or 2.
        records_at: JSON: dotted path to the list of records, empty where the document is the list. XML: path of the
            record element from the root, such as ``return/cases/case``, without namespaces.
        container: archive or compression of the file.
        member: ZIP: regular expression for the whole name of the file in it; empty: there is only one.
    """

    format: FileFormat
    encoding: Annotated[Text, AfterValidator(_check_encoding)] = "utf-8"
    delimiter: _Delimiter = ","
    quote: OrEmpty[Annotated[str, BeforeValidator(_parse_quote)]] = '"'
    sheet: OrEmpty[Text] = ""
    preamble: Annotated[StrictInt, Field(ge=0, le=1000)] = 0
    header_rows: Literal[1, 2] = Field(default=1, validation_alias="headerRows")
    records_at: FreeText = Field(default="", validation_alias="recordsAt")
    container: Container = Container.NONE
    member: OrEmpty[PythonPattern] = ""

    @property
    def described(self) -> str:
        """The form in words: ``CSV in utf-8 with “;” between cells``."""
        text = self.format.upper()
        if self.format in {FileFormat.CSV, FileFormat.JSON, FileFormat.NDJSON}:
            text += f" in {self.encoding}"
        if self.format is FileFormat.CSV:
            text += f" with {self.between_cells} between cells"
        if self.sheet:
            text += f" with the sheet “{self.sheet}”"
        return text if self.container is Container.NONE else f"{text}, in a {self.container.upper()} file"

    @property
    def between_cells(self) -> str:
        """The delimiter in words, such as ``a tab``."""
        return DELIMITERS.get(self.delimiter, f"“{self.delimiter}”")

    @property
    def header_row(self) -> int:
        """CSV and workbook: the row, from 1, in which the header ends."""
        return self.preamble + self.header_rows


DELIMITERS: Mapping[str, str] = MappingProxyType({",": "“,”", ";": "“;”", "\t": "a tab", "|": "“|”"})
"""The names of the delimiters that systems commonly write."""
