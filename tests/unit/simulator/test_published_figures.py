import json
from pathlib import Path

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.simulator.extract_writers import split_records
from lgdp_pipelines.simulator.published_extracts import cut_people_supported, cut_waste

CSV = b"""financial_year,sending_location,age_group,client_group,measure,rate,nclient
2017/18,Scotland (All Areas Submitted),All Ages,Dementia,"Rate per 1,000",82.8,16240
2017/18,Fife,All Ages,"Elderly, frail","Rate per 1,000",82.80,005
2018/19,Fife,All Ages,Dementia,"Rate per 1,000",1.0,10
2017/18,Comhairle nan Eilean Siar,All Ages,Dementia,Rate,2.0,15
2017/18,Fife,85+ years,Dementia,Rate,3.0,20
"""
JSON = """[{"year":2011,
  "area":"Fife", "tonnes":2.8318148239349914E-4},
 {"year":2011, "area":"Scotland", "tonnes":1.0},
 {"year":2012, "area":"Fife", "tonnes":0.10}, {"year":2011,"area":"Na h-Eileanan Siar","co2e":1e3}]"""


def write_files(folder: Path, csv: bytes = CSV, text: str = JSON) -> Path:
    (folder / "phs-social-care").mkdir()
    (folder / "phs-social-care" / "data_people_supported_client_group.csv").write_bytes(csv)
    (folder / "waste").mkdir()
    (folder / "waste" / "household-waste-dx-data.json").write_text(text)
    return folder


def test_lines_of_a_csv_are_cut_unchanged_by_council_and_year(tmp_path: Path, register: Register) -> None:
    lines = CSV.splitlines(keepends=True)
    assert cut_people_supported(write_files(tmp_path), register.councils) == {
        ("FIF", "FY2017-18"): lines[0] + lines[2] + lines[5],
        ("FIF", "FY2018-19"): lines[0] + lines[3],
        ("ELS", "FY2017-18"): lines[0] + lines[4],
    }


def test_records_of_a_json_are_cut_unchanged_by_council_and_year(tmp_path: Path, register: Register) -> None:
    cut = cut_waste(write_files(tmp_path), register.councils)
    assert cut == {
        ("FIF", "CY2011"): b'[{"year":2011,\n  "area":"Fife", "tonnes":2.8318148239349914E-4}]\n',
        ("FIF", "CY2012"): b'[{"year":2012, "area":"Fife", "tonnes":0.10}]\n',
        ("ELS", "CY2011"): b'[{"year":2011,"area":"Na h-Eileanan Siar","co2e":1e3}]\n',
    }


def test_an_unknown_council_name_is_an_error(tmp_path: Path, register: Register) -> None:
    unknown = CSV.replace(b"2018/19,Fife", b"2018/19,Fiffe")
    with pytest.raises(WrongUse, match="is unknown") as refusal:
        cut_people_supported(write_files(tmp_path, csv=unknown), register.councils)
    assert refusal.value.where.endswith("row 4")


def test_an_unreadable_year_is_an_error(tmp_path: Path, register: Register) -> None:
    with pytest.raises(WrongUse, match="is unknown"):
        cut_waste(write_files(tmp_path, text=JSON.replace("2012", "12")), register.councils)


def test_every_line_of_the_real_csv_except_national_ones_is_in_one_extract(real_data: Path, register: Register) -> None:
    source = (real_data / "phs-social-care" / "data_people_supported_client_group.csv").read_bytes()
    header, *lines = source.splitlines(keepends=True)
    cut = cut_people_supported(real_data, register.councils)
    assert all(content.startswith(header) for content in cut.values())
    lines_of_extracts = sorted(line for content in cut.values() for line in content.splitlines(keepends=True)[1:])
    assert lines_of_extracts == sorted(line for line in lines if b",Scotland" not in line)
    assert len(cut) == 156


def test_every_record_of_the_real_json_is_in_one_extract(real_data: Path, register: Register) -> None:
    text = (real_data / "waste" / "household-waste-dx-data.json").read_text()
    cut = cut_waste(real_data, register.councils)
    records = sorted(record for content in cut.values() for record in split_records(content.decode()))
    assert len(records) == len([record for record in json.loads(text) if record["area"] != "Scotland"])
    assert all(record in text for record in records[::50])
    assert len(cut) == 32 * 8


def test_records_are_cut_unchanged() -> None:
    assert split_records(' [ {"a": 1.0} ,\n{"b":[1, 2]}] ') == ['{"a": 1.0}', '{"b":[1, 2]}']
    assert split_records("[]") == []
