"""Counts over the bytes of a text, many at a time."""

from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.landing.csv_parser import ByteColumn


@given(st.binary(max_size=12).map(lambda content: bytes(b'a",\n'[byte % 4] for byte in content)))
def test_bytes_before_and_after_a_mark(content: bytes) -> None:
    positions = [position for position, byte in enumerate(content) if byte == ord('"')]
    byte_column = ByteColumn(content)
    assert byte_column.count(b'"') == len(positions)
    assert byte_column.count(b'"', 2, 5) == content[2:5].count(b'"')
    assert byte_column.bytes_before(b'"').to_list() == [content[position - 1] for position in positions if position]
    assert byte_column.bytes_after(b'"').to_list() == [
        content[position + 1] for position in positions if position + 1 < len(content)
    ]
