"""A file as its declared reader reads it, once it is out of its container and is what it was declared to be.

What belongs here: from a file and how it is said to be written to its cells or records. What does not: what headers and
keys mean (``tables``, ``json_tables``). The reader is never found by trying: what bytes look like serves messages only.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from lgdp_pipelines.handover.extract_reading import ExtractFile, Fault
from lgdp_pipelines.landing.cell_blocks import Cells
from lgdp_pipelines.landing.containers import unpacked
from lgdp_pipelines.landing.content_sniffing import mismatch
from lgdp_pipelines.landing.csv_dialect import Dialect
from lgdp_pipelines.landing.csv_reader import csv_pieces
from lgdp_pipelines.landing.encodings import Undecodable, as_utf8
from lgdp_pipelines.landing.json_parser import Json, read_lines, read_records
from lgdp_pipelines.landing.workbook_sheets import Spelling, chosen_sheet, sheet_cells
from lgdp_pipelines.landing.xls_reader import open_xls
from lgdp_pipelines.landing.xlsx_reader import open_xlsx
from lgdp_pipelines.landing.xml_reader import read_xml
from lgdp_pipelines.register.model.extract_format import DELIMITERS, Extract, Format


@contextmanager
def opened(file: ExtractFile, extract: Extract) -> Iterator[BinaryIO | Fault]:
    """A file out of its container, as long as it is what it was declared to be."""
    with file.open() as packed, unpacked(packed, extract) as plain:
        yield plain if isinstance(plain, Fault) else mismatch(plain, extract) or plain


def cells_in(file: BinaryIO, extract: Extract, spelling: Spelling) -> Iterator[Cells | Fault]:
    """The cells of a CSV file or of a sheet, at least one piece of them; what cannot be read is the last.

    Args:
        file: out of its container.
        extract: as declared.
        spelling: how days of a workbook are spelled under the headers.
    """
    if extract.format.is_workbook:
        yield _sheet(file, extract, spelling)
    else:
        yield from csv_pieces(file, extract.encoding, Dialect.of(extract))


def records_in(file: BinaryIO, extract: Extract, outside: Sequence[str]) -> list[Json] | Fault:
    """The records of a JSON, NDJSON or XML file.

    Args:
        file: out of its container.
        extract: as declared.
        outside: XML: paths that lead out of the record, as items are named by them.

    Raises:
        RecursionError: JSON is nested deeper than Python reads.
    """
    if extract.format is Format.XML:
        return read_xml(file, extract.records_at, outside)
    text = as_utf8(file.read(), extract.encoding)
    if isinstance(text, Undecodable):
        return Fault(f"Line {text.before.count(chr(10)) + 1} cannot be read. {text.what}")
    if extract.format is Format.NDJSON:
        return read_lines(text.decode())
    return read_records(text.decode(), extract.records_at)


def other_delimiter(header: str, extract: Extract, row: int, fits: Callable[[Sequence[str]], int]) -> Fault | None:
    """Which delimiter the file has, where the declared one makes a single column of it.

    Args:
        header: the only cell of the header.
        extract: as declared.
        row: of the header.
        fits: how many items headers name.
    """
    found = {
        delimiter: fits(next(csv.reader([header], delimiter=delimiter), []))
        for delimiter in DELIMITERS
        if delimiter != extract.delimiter and delimiter in header
    }
    best = max(found, key=lambda delimiter: found[delimiter], default="")
    if not found.get(best):
        return None
    return Fault(
        f"The cells are separated by {DELIMITERS[best]}, and should be by {extract.between_cells}. Export it again so.",
        row,
    )


def _sheet(file: BinaryIO, extract: Extract, spelling: Spelling) -> Cells | Fault:
    book = open_xlsx(file) if extract.format is Format.XLSX else open_xls(file.read())
    if isinstance(book, Fault):
        return book
    place = chosen_sheet(book.listed, extract.sheet)
    return place if isinstance(place, Fault) else sheet_cells(book.sheet(place), extract, spelling)
