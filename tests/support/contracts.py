"""Contracts for tests, which are not in the shipped register, and registers of them.

ALLOTMENT has figures and two major versions: names, headers and types change, data items stay. LIBRARY has figures, and
a file for each of its two tables. RESPITE has cases of people.
"""

import json
import shutil
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]

Part = dict[str, Any]


def write_register(folder: Path, *contracts: Part) -> Path:
    """Write a register of the shipped councils and the given contracts."""
    shutil.copytree(PROJECT / "schemas" / "councils", folder / "councils")
    for part in ("codelists", "sources", "returns"):
        (folder / part).mkdir(parents=True)
    for contract in contracts:
        add_contract(folder, contract)
    return folder


def add_contract(folder: Path, contract: Part) -> Path:
    """Write a contract into a register, as JSON, which is YAML too."""
    slug = contract["id"].rsplit(":", 1)[-1].replace("-", "_")
    file = folder / "returns" / slug / f"{slug}.v{contract['version']}.odcs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(contract, indent=1, ensure_ascii=False), encoding="utf-8")
    return file


def contract(code: str, version: str, valid_from: str, *tables: Part, disclosure: Part | None = None) -> Part:
    """Return a contract for yearly CSV extracts."""
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": f"urn:lgdp:return:{code.lower()}",
        "version": version,
        "status": "active",
        "name": f"{code.capitalize()} of councils",
        "domain": "environment",
        "description": {"purpose": "Written for a test.", "limitations": "None of it is real."},
        "team": {"name": "Test", "members": [{"username": "owner@example.org", "role": "owner"}]},
        "slaProperties": [
            {"property": "latency", "value": 30, "unit": "d"},
            {"property": "retention", "value": 5, "unit": "y"},
        ],
        "customProperties": _custom(
            lgdpReturn=code,
            lgdpPeriodKind="calendar-year",
            lgdpValidFrom=valid_from,
            lgdpRecipients=["scottish-government"],
            lgdpLegalBasis={"text": "None; a test.", "verified": "ours"},
            lgdpExtract={"format": "csv", "encoding": "utf-8", "delimiter": ","},
            lgdpDisclosure=disclosure or {"method": "none"},
            lgdpProvenance={"verified": "ours", "source": ""},
        ),
        "schema": list(tables),
    }


def table(name: str, *items: Part, grain: str = "aggregate", rules: tuple[Part, ...] = (), **words: object) -> Part:
    """Return a table of a contract."""
    part = {
        "name": name,
        "businessName": name.capitalize(),
        "description": f"A row is a {name}.",
        "customProperties": _custom(lgdpGrain=grain, **words),
        "properties": list(items),
    }
    return part | ({"quality": list(rules)} if rules else {})


_PHYSICAL = {"string": "varchar", "integer": "bigint", "number": "double", "date": "date"}


def item(urn: str, name: str, header: str, kind: str, role: str, *, more: Part | None = None, **words: object) -> Part:
    """Return a data item with the last two parts of its URN and ``lgdp…`` properties."""
    return {
        "name": name,
        "physicalName": header,
        "businessName": header.capitalize(),
        "description": f"The {header.lower()} of the row.",
        "logicalType": kind,
        "physicalType": _PHYSICAL[kind],
        **(more or {}),
        "customProperties": _custom(
            lgdpItem=f"urn:lgdp:item:{urn}", lgdpRole=role, lgdpGuidance=f"Look at {header.lower()} again.", **words
        ),
    }


def rule(name: str, title: str, broken_where: str, *, severity: str = "error") -> Part:
    """Return a rule across items, in SQL."""
    return {
        "id": name,
        "name": title,
        "description": "Look at the row again.",
        "severity": severity,
        "type": "sql",
        "query": f"SELECT count(*) FROM {{model}} WHERE {broken_where}",
        "mustBe": 0,
    }


def _custom(**words: object) -> list[Part]:
    """Return custom properties by name."""
    return [{"property": name, "value": value} for name, value in words.items()]


KEY: Part = {"required": True, "primaryKey": True}
MUST: Part = {"required": True}
MARKS = {"c": "Q", "z": "M"}

GRADES = [{"value": "1", "label": "Watered"}, {"value": "2", "label": "Dry"}]


DOES_NOT_FALL = {
    "id": "plots_do_not_fall",
    "name": "Plots do not fall",
    "description": "Compare with the year before.",
    "severity": "query",
    "type": "custom",
    "engine": "lgdp",
    "implementation": {
        "rule": "earlier_period", "item": "plots", "by": ["site", "grade"], "periodsBack": 1, "fallPct": 10,
    },
}  # fmt: skip
"""Rule for :func:`allotment_v1`: plots of a site do not fall by more than 10 percent."""


def allotment_v1(version: str = "1.0.0", valid_from: str = "CY2022", *rules: Part) -> Part:
    """Return the first version of allotments: plots are whole numbers."""
    return contract(
        "ALLOTMENT",
        version,
        valid_from,
        table(
            "site",
            item("allotment:authority", "authority", "Council", "string", "council", more=MUST),
            item("allotment:site", "site", "Site", "string", "dimension", more=KEY),
            item("allotment:grade", "grade", "Grade", "string", "dimension", more={**KEY, "enum": GRADES}),
            item("allotment:plots", "plots", "Plots", "integer", "measure", lgdpUnit="plots", lgdpMarks=MARKS),
            rules=rules,
        ),
    )


def allotment_v2(valid_from: str = "CY2024") -> Part:
    """Return the second version: other names and headers, fractions of plots, and another measure."""
    return contract(
        "ALLOTMENT",
        "2.0.0",
        valid_from,
        table(
            "site",
            item("allotment:authority", "local_authority", "Local authority", "string", "council", more=MUST),
            item("allotment:site", "site_name", "Site name", "string", "dimension", more=KEY),
            item("allotment:grade", "water", "Water", "string", "dimension", more={**KEY, "enum": GRADES}),
            item("allotment:plots", "plots_let", "Plots let", "number", "measure", lgdpUnit="plots", lgdpMarks=MARKS),
            item("allotment:waiting", "people_waiting", "People waiting", "integer", "measure", lgdpUnit="people"),
        ),
    )


def library(*rules: Part) -> Part:
    """Return libraries: a file of branches and a file of loans."""
    return contract(
        "LIBRARY",
        "1.0.0",
        "CY2022",
        table(
            "branch",
            item("library:branch", "branch", "Branch", "string", "dimension", more=KEY),
            item("library:books", "books", "Books", "integer", "measure", lgdpUnit="books"),
            rules=rules,
            lgdpFilePattern=r"branches.*\.csv",
        ),
        table(
            "loan",
            item("library:branch", "branch", "Branch", "string", "dimension", more=KEY),
            item("library:month", "month", "Month", "integer", "dimension", more=KEY),
            item("library:loans", "loans", "Loans", "integer", "measure", lgdpUnit="loans"),
            lgdpFilePattern=r"loans.*\.csv",
        ),
    )


def respite(threshold: int = 3) -> Part:
    """Return respite care, one row a person."""
    return contract(
        "RESPITE",
        "1.0.0",
        "CY2022",
        table(
            "stay",
            item("respite:person", "person_ref", "Person", "string", "attribute", more=KEY, lgdpPrivacy="pseudonymise"),
            item("respite:surname", "surname", "Surname", "string", "attribute", more=MUST, lgdpPrivacy="withhold"),
            item(
                "respite:born", "birth_date", "Born", "date", "attribute",
                more={**MUST, "logicalTypeOptions": {"format": "dd/MM/yyyy"}}, lgdpPrivacy="year",
            ),
            item(
                "respite:began", "began", "Began", "date", "attribute",
                more={**MUST, "logicalTypeOptions": {"format": "dd/MM/yyyy"}}, lgdpPrivacy="month",
            ),
            item(
                "respite:carer", "carer_code", "Carer", "string", "attribute",
                more={**MUST, "enum": [{"value": "F", "label": "Family"}, {"value": "N", "label": "Neighbour"}]},
                lgdpPrivacy="open",
            ),
            item("respite:nights", "nights", "Nights", "integer", "measure", lgdpUnit="nights", lgdpPrivacy="open",
                 lgdpMarks={"c": "Q"}),
            grain="case",
            lgdpCounts=[
                {"item": "urn:lgdp:item:respite:stays", "title": "Stays", "unit": "stays", "by": []},
                {"item": "urn:lgdp:item:respite:stays_by_carer", "title": "Stays by carer", "unit": "stays",
                 "by": ["carer_code"]},
            ],
        ),
        disclosure={"method": "suppress-below", "threshold": threshold},
    )  # fmt: skip
