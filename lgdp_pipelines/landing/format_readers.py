"""Readers by declared format: the one place that chooses the reader of a file. A new format is added here.

Belongs here: from a file and its declaration to cells or records. Belongs elsewhere: which item a header or key names
(``landed_tables``, ``land_records``). The reader is never found by trying.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from lgdp_pipelines.handover.extract_reading import ExtractFile, Fault
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_parser import Dialect
from lgdp_pipelines.landing.csv_reader import read_csv
from lgdp_pipelines.landing.file_containers import check_declared, open_unpacked
from lgdp_pipelines.landing.json_reader import Json, read_json, read_ndjson
from lgdp_pipelines.landing.text_decoding import DecodingFault, decode_to_utf8
from lgdp_pipelines.landing.workbook_reader import DateFormatters, choose_sheet, read_sheet
from lgdp_pipelines.register.model.extract_format import DELIMITERS, Extract, Format


@contextmanager
def open_content(file: ExtractFile, extract: Extract) -> Iterator[BinaryIO | Fault]:
    """Give a block the unpacked content of a file, or the file's fault."""
    with file.open() as packed, open_unpacked(packed, extract) as plain:
        yield plain if isinstance(plain, Fault) else check_declared(plain, extract) or plain


def read_cells(file: BinaryIO, extract: Extract, date_formatters: DateFormatters) -> Iterator[CellBlock | Fault]:
    """Yield the cells of a CSV file or sheet in blocks, at least one.

    A fault is the last.

    Args:
        file: out of its container.
        extract: as declared.
        date_formatters: how days of a workbook are spelled under the headers.
    """
    if extract.format.is_workbook:
        yield _read_sheet(file, extract, date_formatters)
    else:
        yield from read_csv(file, extract.encoding, Dialect.from_extract(extract))


def read_records(file: BinaryIO, extract: Extract, outer_paths: Sequence[str]) -> list[Json] | Fault:
    """Return the records of a JSON, NDJSON or XML file, or the fault.

    Args:
        file: out of its container.
        extract: as declared.
        outer_paths: XML: paths that lead out of the record, as items are named by them.

    Raises:
        RecursionError: JSON is nested deeper than Python reads.
    """
    if extract.format is Format.XML:
        from lgdp_pipelines.landing.xml_reader import read_xml  # noqa: PLC0415 - lxml is for this format alone

        return read_xml(file, extract.records_at, outer_paths)
    text = decode_to_utf8(file.read(), extract.encoding)
    if isinstance(text, DecodingFault):
        return Fault(f"Line {text.before.count(chr(10)) + 1} cannot be read. {text.message}")
    if extract.format is Format.NDJSON:
        return read_ndjson(text.decode())
    return read_json(text.decode(), extract.records_at)


def find_other_delimiter(header: str, extract: Extract, row: int, fits: Callable[[Sequence[str]], int]) -> Fault | None:
    """Return a fault that names the delimiter by which more items are found.

    None without one.

    Args:
        header: the only cell of the header.
        extract: as declared.
        row: of the header.
        fits: how many items headers name.
    """
    counts = {
        delimiter: fits(next(csv.reader([header], delimiter=delimiter), []))
        for delimiter in DELIMITERS
        if delimiter != extract.delimiter and delimiter in header
    }
    best = max(counts, key=lambda delimiter: counts[delimiter], default="")
    if not counts.get(best):
        return None
    return Fault(
        f"The cells are separated by {DELIMITERS[best]}, and should be by {extract.between_cells}. Export it again so.",
        row,
    )


def _read_sheet(file: BinaryIO, extract: Extract, date_formatters: DateFormatters) -> CellBlock | Fault:
    # Most returns are CSV, and importing lxml and xlrd takes longer than reading one of them.
    from lgdp_pipelines.landing.xls_reader import open_xls  # noqa: PLC0415
    from lgdp_pipelines.landing.xlsx_reader import open_xlsx  # noqa: PLC0415

    book = open_xlsx(file) if extract.format is Format.XLSX else open_xls(file.read())
    if isinstance(book, Fault):
        return book
    place = choose_sheet(book.sheets, extract.sheet)
    return place if isinstance(place, Fault) else read_sheet(book.open_sheet(place), extract, date_formatters)
