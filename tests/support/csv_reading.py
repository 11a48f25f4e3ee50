"""A CSV file read whole, in one piece: what reading it in pieces is held against."""

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_parser import Dialect, is_blank, parse_records, read_header


def read_cells(content: bytes, dialect: Dialect) -> CellBlock | Fault:
    """Read CSV text in UTF-8."""
    if is_blank(content):
        return Fault("The file is empty. Send it with its header row and its rows.")
    head = read_header(content, dialect)
    return head if isinstance(head, Fault) else parse_records(content[head.end :], dialect, head, head.row)
