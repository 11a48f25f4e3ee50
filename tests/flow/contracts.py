"""Contracts that the code has never seen, written here in full, for registers made on the spot."""

import shutil
from pathlib import Path
from textwrap import dedent

PROJECT = Path(__file__).resolve().parents[2]


def register_with(folder: Path, **contracts: str) -> Path:
    """A register of the shipped councils and the given contracts, by file name without ending (dots as ``__``)."""
    shutil.copytree(PROJECT / "schemas" / "councils", folder / "councils")
    for part in ("codelists", "sources"):
        (folder / part).mkdir(parents=True)
    for name, text in contracts.items():
        file = folder / "returns" / name.split("__")[0] / f"{name.replace('__', '.')}.odcs.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _head(code: str, version: str, valid_from: str, kind: str, title: str) -> str:
    return dedent(
        f"""\
        apiVersion: v3.2.0
        kind: DataContract
        id: urn:lgdp:return:{code.lower()}
        version: {version}
        status: active
        name: {title}
        domain: environment
        description:
          purpose: Written for a test.
          limitations: None of it is real.
        team:
          name: Test
          members:
            - {{ username: owner@example.org, role: dataOwner }}
        slaProperties:
          - {{ property: latency, value: 30, unit: d }}
          - {{ property: retention, value: 5, unit: y }}
        customProperties:
          - {{ property: lgdpReturn, value: {code} }}
          - {{ property: lgdpPeriodKind, value: {kind} }}
          - {{ property: lgdpValidFrom, value: {valid_from} }}
          - {{ property: lgdpRecipients, value: [scottish-government] }}
          - {{ property: lgdpLegalBasis, value: {{ text: None; a test., verified: ours }} }}
          - {{ property: lgdpExtract, value: {{ format: csv, encoding: utf-8, delimiter: "," }} }}
          - {{ property: lgdpDisclosure, value: {{ method: none }} }}
          - {{ property: lgdpProvenance, value: {{ verified: ours, source: "" }} }}
        """
    )


def _item(code: str, name: str, header: str, logical: str, role: str, *, more: str = "", props: str = "") -> str:
    physical = {"string": "varchar", "integer": "bigint", "number": "double", "date": "date"}[logical]
    return f"""\
      - name: {name}
        physicalName: {header}
        businessName: {header.capitalize()}
        description: The {header.lower()} of the row.
        logicalType: {logical}
        physicalType: {physical}
{more}        customProperties:
          - {{ property: lgdpItem, value: "urn:lgdp:item:{code.lower()}:{name}" }}
          - {{ property: lgdpRole, value: {role} }}
          - {{ property: lgdpProvenance, value: {{ verified: ours, source: "" }} }}
{props}"""


def _table(name: str, items: str, *, props: str = "") -> str:
    return f"""\
  - name: {name}
    businessName: {name.capitalize()}
    description: A row of {name}.
    customProperties:
      - {{ property: lgdpGrain, value: aggregate }}
{props}    properties:
{items}"""


KEY = "        required: true\n        primaryKey: true\n"
PLOTS = (
    '          - { property: lgdpUnit, value: plots }\n          - { property: lgdpMarks, value: { "c": Q, "z": M } }\n'
)

ALLOTMENT_V1 = (
    _head("ALLOTMENT", "1.0.0", "CY2023", "calendar-year", "Allotments")
    + "schema:\n"
    + _table(
        "site",
        _item("ALLOTMENT", "authority", "Council", "string", "council", more="        required: true\n")
        + _item("ALLOTMENT", "site", "Site", "string", "dimension", more=KEY)
        + _item("ALLOTMENT", "plots", "Plots", "integer", "measure", props=PLOTS)
        + _item("ALLOTMENT", "grade", "Grade", "integer", "dimension", more=KEY),
    )
)

ALLOTMENT_V2 = (
    _head("ALLOTMENT", "2.0.0", "CY2024", "calendar-year", "Allotments")
    + "schema:\n"
    + _table(
        "site",
        _item("ALLOTMENT", "authority", "Council", "string", "council", more="        required: true\n")
        + _item("ALLOTMENT", "site_name", "Site name", "string", "dimension", more=KEY).replace(
            "allotment:site_name", "allotment:site"
        )
        + _item("ALLOTMENT", "plots", "Plots", "number", "measure", props=PLOTS)
        + _item("ALLOTMENT", "grade", "Grade", "string", "dimension", more=KEY),
    )
)

LIBRARY = (
    _head("LIBRARY", "1.0.0", "CY2023", "calendar-year", "Libraries")
    + "schema:\n"
    + _table(
        "branch",
        _item("LIBRARY", "branch", "Branch", "string", "dimension", more=KEY)
        + _item(
            "LIBRARY", "books", "Books", "integer", "measure",
            props="          - { property: lgdpUnit, value: books }\n",
        ),
        props='      - { property: lgdpFilePattern, value: "branches.*" }\n',
    )
    + _table(
        "loan",
        _item("LIBRARY", "branch_name", "Branch", "string", "dimension", more=KEY)
        + _item("LIBRARY", "month", "Month", "integer", "dimension", more=KEY)
        + _item(
            "LIBRARY", "loans", "Loans", "integer", "measure",
            props="          - { property: lgdpUnit, value: loans }\n",
        ),
        props='      - { property: lgdpFilePattern, value: "loans.*" }\n',
    )
)  # fmt: skip
