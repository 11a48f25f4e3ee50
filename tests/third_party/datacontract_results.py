"""Results of the ``datacontract`` command on a contract and its data, by the platform's rules.

Belongs here: a copy of a contract that points to data, running the command, and the rule of each of its checks. Belongs
elsewhere: the environment of the command (``conftest``).
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_KIND = {
    "field_required": "required",
    "field_primary_key_required": "required",
    "field_unique": "unique",
    "field_regex": "pattern",
    "field_min_length": "length",
    "field_max_length": "length",
    "field_minimum": "range",
    "field_maximum": "range",
    "field_not_equal": "range",
    "field_enum": "codes",
    "field_relationships": "relationship",
}
"""Kind of the platform's rule by type of check; several checks may be one rule."""


@dataclass(frozen=True)
class DataTestResult:
    """The result of the command on the data of a contract.

    Attributes:
        passed: whether every check of a rule passes, by the platform's rule id.
        not_checked: rules that it names and does not check.
    """

    passed: Mapping[str, bool]
    not_checked: frozenset[str]


def write_contract_copy(contract: Path, folder: Path, form: str) -> None:
    """Write a copy of a contract into a folder, with that folder as the server of its data.

    Columns have their names in the lake and dates are dates: the command reads typed data.

    Args:
        contract: as shipped.
        folder: that holds a file for each table.
        form: ``csv`` or ``parquet``.
    """
    yaml = YAML()
    yaml.width = 4_096
    content = yaml.load(contract.read_text(encoding="utf-8"))
    for item in (item for table in content["schema"] for item in table["properties"]):
        item.pop("physicalName", None)
        item.get("logicalTypeOptions", {}).pop("format", None)
    path = f"{folder}/{{model}}.{form}"
    content["servers"] = [{"server": "here", "type": "local", "format": form, "path": path}]
    with (folder / "contract.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)


def run_data_tests(python: Path, folders: Sequence[Path]) -> list[DataTestResult]:
    """Return the command's result on the data in each folder.

    Args:
        python: of the command's environment.
        folders: each with ``contract.yaml`` and its data.
    """
    _run(python, [("test", folder) for folder in folders])
    return [_read_result(folder) for folder in folders]


def lint_contracts(python: Path, folders: Sequence[Path]) -> dict[str, str]:
    """Return the result of the command's lint on the contract in each folder, by the folder's name."""
    _run(python, [("lint", folder) for folder in folders])
    return {folder.name: json.loads((folder / "lint.json").read_text(encoding="utf-8"))["result"] for folder in folders}


def _run(python: Path, commands: Sequence[tuple[str, Path]]) -> None:
    driver = Path(__file__).with_name("run_datacontract.py")
    lines = "".join(f"{command} {folder}\n" for command, folder in commands)
    process = subprocess.run(
        [str(python), str(driver)], input=lines, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr


def _read_result(folder: Path) -> DataTestResult:
    contract = YAML(typ="safe").load((folder / "contract.yaml").read_text(encoding="utf-8"))
    result = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    passed: dict[str, bool] = {}
    not_checked = set()
    for check in result["checks"]:
        rule = find_rule(contract, check)
        if check["result"] in ("passed", "failed") and rule:
            passed[rule] = passed.get(rule, True) and check["result"] == "passed"
        elif check["result"] not in ("passed", "failed"):
            not_checked.add(rule or f"{check['model']}.{check['field']}.{check['type']}")
    return DataTestResult(passed, frozenset(not_checked))


def find_rule(contract: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    """Return the id of the platform's rule of a check; empty for none, such as the presence of a column."""
    slug = str(contract["id"]).rpartition(":")[2]
    table = next((table for table in contract["schema"] if table["name"] == check["model"]), None)
    if table is None:
        return ""
    kind = str(check["type"])
    if kind in ("primary_key_unique", "field_primary_key_unique"):
        return f"{slug}.{table['name']}.key"
    if kind in _KIND:
        item = next(item for item in table["properties"] if item["name"] == check["field"])
        return f"{slug}.{_urn(item).rpartition(':')[2]}.{_KIND[kind]}"
    return f"{slug}.{rule_id}" if (rule_id := _find_quality_rule(table, check)) else ""


def _urn(item: Mapping[str, Any]) -> str:
    return next(str(declared["value"]) for declared in item["customProperties"] if declared["property"] == "lgdpItem")


def _find_quality_rule(table: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    """Return the id of a quality rule: the command numbers those in SQL, and names others by their metric."""
    rules = table.get("quality", ())
    if str(check["type"]) == "model_quality_sql":
        number = int(str(check["key"]).rpartition("_")[2])
        return str(rules[number]["id"])
    return next((str(rule["id"]) for rule in rules if _metric_check(rule) == check["type"]), "")


def _metric_check(rule: Mapping[str, Any]) -> str:
    return {"rowCount": "row_count", "duplicateValues": "model_duplicate_values"}.get(str(rule.get("metric")), "")
