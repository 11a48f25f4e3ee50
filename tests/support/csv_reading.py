"""A CSV file read in one piece, to compare with reading it in several."""

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_parser import is_blank, parse_records, read_layout
from lgdp_pipelines.register.model.extract_format import ExtractFormat


def read_cells(content: bytes, extract_format: ExtractFormat) -> CellBlock:
    """Read CSV text in UTF-8."""
    if is_blank(content):
        raise Fault("The file is empty. Send it with its header row and its rows.")
    layout = read_layout(content, extract_format)
    return parse_records(content[layout.header_end :], layout, layout.header_row)
