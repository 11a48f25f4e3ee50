"""XML in the manner of national returns: records at a path, items by paths from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import FileFormat

ReadFunction = Callable[..., Reading]


@pytest.fixture(scope="module")
def read(item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]) -> ReadFunction:
    """Return a function that reads items at three paths."""

    def reading(content: str | bytes, *paths: str, at: str = "return/cases/case", **facts: object) -> Reading:
        items = [item(path, name=name, **facts) for path, name in zip(paths, "abcd", strict=False)]
        declared = contract(table("t", *items), format=FileFormat.XML, records_at=at)
        return read_extract(
            declared, [ExtractFile("x.xml", content if isinstance(content, bytes) else content.encode())]
        )

    return reading


def rows(reading: Reading) -> list[tuple[object, ...]]:
    return [row for piece in reading.tables["t"] for row in piece.drop("_unmapped").iter_rows()]


def list_findings(reading: Reading) -> list[tuple[object, ...]]:
    return list(reading.findings.select("rule", "row", "column").iter_rows())


def refusal(reading: Reading) -> str:
    assert reading.tables == {}
    assert reading.findings["rule"].to_list() == ["tst.readable"]
    return str(reading.findings["message"][0])


RETURN = """<?xml version="1.0" encoding="UTF-8"?>
<p:return xmlns:p="urn:somewhere:v3" authority="260">
  <p:header><p:period>2024-25</p:period></p:header>
  <p:cases>
    <!-- the first -->
    <p:case ref="00123">
      <p:person><p:surname>Buchanan</p:surname><p:born format="iso">1961-12-31</p:born></p:person>
      <p:decision>12E5</p:decision>
    </p:case>
    <p:case ref="00124"><p:person/><p:decision> NA </p:decision></p:case>
  </p:cases>
</p:return>"""


def test_items_are_at_paths_from_the_record_and_attributes_have_an_at_sign(read: ReadFunction) -> None:
    reading = read(RETURN, "@ref", "person/surname", "decision", "person/born")
    assert rows(reading) == [("00123", "Buchanan", "12E5", "1961-12-31", 1), ("00124", None, " NA ", None, 2)]
    assert list_findings(reading) == [
        ("tst.t.extra_columns", None, "person/born/@format"),
        ("tst.t.extra_columns", None, "person"),
    ]
    assert reading.headers == {"t": {"a": "@ref", "b": "person/surname", "c": "decision", "d": "person/born"}}


def test_items_may_be_outside_the_record(read: ReadFunction) -> None:
    reading = read(RETURN, "../../@authority", "../../header/period", "@ref")
    assert rows(reading) == [("260", "2024-25", "00123", 1), ("260", "2024-25", "00124", 2)]


def test_nil_and_empty_elements_are_empty_cells(read: ReadFunction) -> None:
    text = (
        '<r xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><c><A>1</A><B/></c>'
        '<c><A xsi:nil="true"/><B></B></c><c/></r>'
    )
    reading = read(text, "A", "B", at="r/c")
    assert rows(reading) == [("1", None, 1), (None, None, 2), (None, None, 3)]
    assert list_findings(reading) == []


def test_white_space_references_and_cdata_are_kept(read: ReadFunction) -> None:
    reading = read("<r><c><A>&lt;a&#13;&amp;</A><B><![CDATA[<b> ]]></B><C>\n x\t</C></c></r>", "A", "B", "C", at="r/c")
    assert rows(reading) == [("<a\r&", "<b> ", "\n x\t", 1)]


def test_text_of_the_record_itself_and_text_beside_elements_is_not_lost(read: ReadFunction) -> None:
    reading = read("<r><c>own</c><c><A>1</A>tail</c></r>", ".", "A", at="r/c")
    assert rows(reading) == [("own", None, 1), ("tail", "1", 2)]


def test_a_repeated_path_in_a_record_is_reported(read: ReadFunction) -> None:
    reading = read("<r><c><A>1</A><A>2</A></c></r>", "A", at="r/c")
    assert list_findings(reading) == [("tst.t.columns", 1, "A")]


def test_an_element_of_the_same_name_elsewhere_is_ignored(read: ReadFunction) -> None:
    reading = read("<r><d><c><A>9</A></c></d><c><A>1</A><x><c><A>8</A></c></x></c></r>", "A", at="r/c")
    assert rows(reading) == [("1", 1)]


def test_a_return_without_records_is_reported_to_have_no_rows(read: ReadFunction) -> None:
    reading = read("<return><cases/></return>", "A")
    assert rows(reading) == []
    assert list_findings(reading) == [("tst.readable", None, None)]
    assert "no rows" in reading.findings["message"][0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_the_document_declares_its_encoding(read: ReadFunction, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><r><c><A>Éire</A></c></r>'
    assert rows(read(text.encode(encoding), "A", at="r/c")) == [("Éire", 1)]


def test_another_document_is_refused(read: ReadFunction) -> None:
    message = refusal(read("<secret><cases><case/></cases></secret>", "A"))
    assert "not “return”" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<return><cases>\n<case><A>1</A></case>\n<case><A>2", 3),
        ("<return>\n<cases><case></cases></return>", 2),
        ("<return/>\nmore", 2),
        ("nothing of the kind", 1),
    ],
)
def test_broken_xml_is_reported_by_line(read: ReadFunction, text: str, line: int) -> None:
    message = refusal(read(text, "A"))
    assert f"Line {line} " in message


def test_an_undeclared_entity_is_refused(read: ReadFunction) -> None:
    assert "not well formed" in refusal(read("<return>&nbsp;</return>", "A"))


BOMB = "<!DOCTYPE r [" + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10)) + "]>"


@pytest.mark.parametrize("content", ["<A>&e9;</A>", '<A x="&e9;"/>', "<A/>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_entity_bomb_is_refused_unread(read: ReadFunction, content: str, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{BOMB}<r><c>{content}</c></r>'
    assert "declares a document type" in refusal(read(text.encode(encoding), "A", at="r/c"))


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE r SYSTEM "{}">',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "{}">]>',
        '<!DOCTYPE r [<!ENTITY % x SYSTEM "{}"> %x;]>',
        '<!DOCTYPE r PUBLIC "-//x" "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_no_external_resource_is_fetched(read: ReadFunction, declared: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOPSECRET")
    reading = read(declared.format(secret.as_uri()) + "<r><c><A>&x;</A></c></r>", "A", at="r/c")
    assert "declares a document type" in refusal(reading)
    assert "TOPSECRET" not in str(reading)


def test_a_document_nested_without_end_is_refused(read: ReadFunction) -> None:
    assert "not well formed" in refusal(read("<r>" + "<x>" * 5000 + "</x>" * 5000 + "</r>", "A", at="r/c"))


def test_records_of_several_tables_are_distinguished_by_their_keys(
    item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]
) -> None:
    declared = contract(
        table("first", item("A"), item("B"), record_key="B"),
        table("second", item("A", urn="urn:lgdp:item:tst:a2"), item("C/D", name="c"), record_key="C/D"),
        format=FileFormat.XML,
        records_at="r/x",
    )
    text = b"<r><x><A>1</A><B>2</B></x><x><A>3</A><C><D>4</D></C></x></r>"
    reading = read_extract(declared, [ExtractFile("x", text)])
    assert {name: [row for piece in pieces for row in piece.rows()] for name, pieces in reading.tables.items()} == {
        "first": [("1", "2", None, 1)],
        "second": [("3", "4", None, 2)],
    }
