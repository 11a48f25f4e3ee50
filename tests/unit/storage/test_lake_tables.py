from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.register.model.contract import Contract, Disclosure, DisclosureMethod, Version
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from lgdp_pipelines.register.model.table_model import Grain, Item, ItemType, Privacy, Provenance, Role, Table
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import (
    LakeTable,
    build_predicate,
    define_landed_table,
    define_validated_table,
    parse_submission_id,
)
from lgdp_pipelines.vocabulary.periods import PeriodKind

OURS = Provenance("ours", "")


def item(name: str, kind: ItemType, role: Role = Role.ATTRIBUTE, **changed: object) -> Item:
    values: dict[str, object] = {
        "name": name,
        "header": name.upper(),
        "urn": f"urn:lgdp:item:x:{name}",
        "title": f"The {name}",
        "definition": "",
        "type": kind,
        "role": role,
        "required": False,
        "key": False,
        "guidance": "",
        "privacy": Privacy.OPEN,
        "provenance": OURS,
    }
    return Item(**(values | changed))  # type: ignore[arg-type]


TABLE = Table(
    "case_record",
    "Cases",
    "One case a row.",
    Grain.CASE,
    (
        item("area", ItemType.TEXT, Role.COUNCIL, code_list="council"),
        item("reference", ItemType.TEXT, privacy=Privacy.PSEUDONYMISE),
        item("remark", ItemType.TEXT),
        item("kind", ItemType.TEXT, Role.DIMENSION, code_list="x-kind"),
        item("people", ItemType.INTEGER, Role.MEASURE),
        item("weight", ItemType.NUMBER, Role.MEASURE),
        item("cost", ItemType.DECIMAL, Role.MEASURE, precision=12, scale=2),
        item("born", ItemType.DATE, privacy=Privacy.YEAR),
        item("is_open", ItemType.BOOLEAN),
    ),
    (),
)
CONTRACT = Contract(
    "PEOPLE-X", Version(2, 1, 0), "FY2020-21", "People", "", "", "care", "", (), "", None, PeriodKind.FINANCIAL_YEAR,
    30, 5, ExtractFormat(FileFormat.CSV), Disclosure(DisclosureMethod.NONE), OURS, (TABLE,), Path("x.yaml"), "0" * 64,
)  # fmt: skip


def test_landed_keeps_every_item_as_text_and_opens_none() -> None:
    landed = define_landed_table(CONTRACT, TABLE)
    assert str(landed) == "landed/people_x__case_record__v2"
    assert landed.partition_by == ("period",)
    names = ["area", "reference", "remark", "kind", "people", "weight", "cost", "born", "is_open"]
    expected = [(name, pa.string()) for name in ["council_code", "period", *names, "_unmapped", "_submission_id"]]
    assert landed.arrow_schema == pa.schema([*expected, ("_row", pa.int64())])
    assert set(landed.open_columns) == {"council_code", "_submission_id", "_row"}


def test_validated_is_typed_with_a_status_for_each_measure() -> None:
    validated = define_validated_table(CONTRACT, TABLE)
    assert str(validated) == "validated/people_x__case_record__v2"
    assert validated.arrow_schema == pa.schema(
        [
            ("council_code", pa.string()),
            ("period", pa.string()),
            ("area", pa.string()),
            ("reference", pa.string()),
            ("remark", pa.string()),
            ("kind", pa.string()),
            ("people", pa.int64()),
            ("weight", pa.float64()),
            ("cost", pa.decimal128(12, 2)),
            ("born", pa.date32()),
            ("is_open", pa.bool_()),
            ("people_status", pa.string()),
            ("weight_status", pa.string()),
            ("cost_status", pa.string()),
            ("_repairs", pa.string()),
            ("_submission_id", pa.string()),
            ("_row", pa.int64()),
        ]
    )
    assert validated.comments["cost"] == "The cost"


def test_personal_items_and_free_text_are_not_open() -> None:
    open_columns = set(define_validated_table(CONTRACT, TABLE).open_columns)
    assert {"area", "kind", "people", "cost", "people_status"} <= open_columns
    assert not {"reference", "remark", "born"} & open_columns


def test_each_type_survives_the_lake(tmp_path: Path) -> None:
    table = define_validated_table(CONTRACT, TABLE)
    row: dict[str, object] = dict.fromkeys(table.arrow_schema.names)
    row |= {
        "council_code": "FIF",
        "period": "FY2024-25",
        "reference": "00123",
        "people": 2**53 + 1,
        "weight": 2.9,
        "cost": Decimal("1234567890.10"),
        "born": date(1999, 2, 28),
        "is_open": False,
        "people_status": "A",
        "_submission_id": "PEOPLE-X.FIF.FY2024-25.001",
        "_row": 2,
    }
    lake = Lake(tmp_path)
    rows = pa.Table.from_pylist([row], schema=table.arrow_schema)
    lake.replace_slice(table, rows, where={"period": "FY2024-25"}, commit={})
    assert lake.read(table).to_dicts() == [row]


def test_predicates_are_written_out_of_well_formed_values() -> None:
    where = {"return_code": "HL1", "period": ["FY2024-25", "2024-04"], "_submission_id": None}
    assert build_predicate(where) == (
        "return_code IN ('HL1') AND period IN ('FY2024-25', '2024-04') AND _submission_id IS NULL"
    )


@pytest.mark.parametrize(
    ("text", "council", "period", "number"),
    [
        ("HL1.FIF.FY2024-25-Q1.001", "FIF", "FY2024-25-Q1", 1),
        ("PEOPLE-X.GLG.2024-09-11.1234", "GLG", "2024-09-11", 1234),
    ],
)
def test_a_submission_id_names_return_council_period_and_number(
    text: str, council: str, period: str, number: int
) -> None:
    key = parse_submission_id(text)
    assert (key.council_code, key.period, key.number) == (council, period, number)


@pytest.mark.parametrize("text", ["", "HL1.FIF.FY2024-25", "HL1.FIF.FY2024-25.1", "HL1.FIF.FY2024-25.001\n", "a.b.c.d"])
def test_text_that_is_not_a_submission_id_is_refused(text: str) -> None:
    with pytest.raises(StorageError, match="not a submission"):
        parse_submission_id(text)


@pytest.mark.parametrize(
    ("layer", "name"), [("..", "x"), ("landed", "../x"), ("landed", "a/b"), ("Landed", "x"), ("", "x")]
)
def test_a_table_cannot_be_outside_its_layer(layer: str, name: str) -> None:
    with pytest.raises(StorageError):
        LakeTable(layer, name)
