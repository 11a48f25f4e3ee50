"""What the ``datacontract`` command says of a contract and its data, rule by rule of ours.

What belongs here: a copy of a contract that points to data, asking, and which of its checks is which of our rules. What
does not: the environment of the command (``conftest``).
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
"""Kind of our rule that a check of an item is; several checks may be one rule."""


@dataclass(frozen=True)
class Said:
    """What the command says.

    Attributes:
        passed: by id of our rule, whether everything that it checks of it passes.
        not_checked: what it names and does not check.
    """

    passed: Mapping[str, bool]
    not_checked: frozenset[str]


def pointed_at(contract: Path, folder: Path, form: str) -> None:
    """Put a copy of a contract into a folder that says that the data are there.

    Columns are called as in the lake, and dates are spelled as dates: the command reads typed data.

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


def asked(python: Path, folders: Sequence[Path]) -> list[Said]:
    """What the command says of the data in each folder.

    Args:
        python: of the command's environment.
        folders: each with ``contract.yaml`` and the data that it points at.
    """
    _run(python, [("test", folder) for folder in folders])
    return [_said(folder) for folder in folders]


def taken_for_sound(python: Path, folders: Sequence[Path]) -> dict[str, str]:
    """What the command's lint says of the contract in each folder, by the folder's name: ``passed``, or else."""
    _run(python, [("lint", folder) for folder in folders])
    return {folder.name: json.loads((folder / "lint.json").read_text(encoding="utf-8"))["result"] for folder in folders}


def _run(python: Path, commands: Sequence[tuple[str, Path]]) -> None:
    driver = Path(__file__).with_name("ask.py")
    lines = "".join(f"{command} {folder}\n" for command, folder in commands)
    done = subprocess.run(
        [str(python), str(driver)], input=lines, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _said(folder: Path) -> Said:
    contract = YAML(typ="safe").load((folder / "contract.yaml").read_text(encoding="utf-8"))
    told = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    passed: dict[str, bool] = {}
    not_checked = set()
    for check in told["checks"]:
        rule = rule_of(contract, check)
        if check["result"] in ("passed", "failed") and rule:
            passed[rule] = passed.get(rule, True) and check["result"] == "passed"
        elif check["result"] not in ("passed", "failed"):
            not_checked.add(rule or f"{check['model']}.{check['field']}.{check['type']}")
    return Said(passed, frozenset(not_checked))


def rule_of(contract: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    """The id of our rule that a check is; empty where it is none, such as that a column is there."""
    slug = str(contract["id"]).rpartition(":")[2]
    table = next((one for one in contract["schema"] if one["name"] == check["model"]), None)
    if table is None:
        return ""
    kind = str(check["type"])
    if kind in ("primary_key_unique", "field_primary_key_unique"):
        return f"{slug}.{table['name']}.key"
    if kind in _KIND:
        item = next(one for one in table["properties"] if one["name"] == check["field"])
        return f"{slug}.{_urn(item).rpartition(':')[2]}.{_KIND[kind]}"
    return f"{slug}.{written}" if (written := _written(table, check)) else ""


def _urn(item: Mapping[str, Any]) -> str:
    return next(str(one["value"]) for one in item["customProperties"] if one["property"] == "lgdpItem")


def _written(table: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    """The id of a written rule: the command numbers those in SQL, and knows others by what they measure."""
    rules = table.get("quality", ())
    if str(check["type"]) == "model_quality_sql":
        number = int(str(check["key"]).rpartition("_")[2])
        return str(rules[number]["id"])
    return next((str(one["id"]) for one in rules if _metric(one) == check["type"]), "")


def _metric(rule: Mapping[str, Any]) -> str:
    return {"rowCount": "row_count", "duplicateValues": "model_duplicate_values"}.get(str(rule.get("metric")), "")
