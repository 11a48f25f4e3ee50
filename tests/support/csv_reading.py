"""A CSV file read whole, in one piece: what reading it in pieces is held against."""

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_blocks import Cells
from lgdp_pipelines.landing.csv_cells import read_body
from lgdp_pipelines.landing.csv_dialect import Dialect, is_blank, read_head


def read_cells(content: bytes, dialect: Dialect) -> Cells | Fault:
    """Read CSV text in UTF-8."""
    if is_blank(content):
        return Fault("The file is empty. Send it with its header row and its rows.")
    head = read_head(content, dialect)
    return head if isinstance(head, Fault) else read_body(content[head.end :], dialect, head, head.row)
