"""What was brought into the contract's spelling is told to the council, in every form of its report."""

import json
from dataclasses import replace

from lgdp_pipelines.handover.repairs import Repair, RepairKind
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.reporting.report_content import Report
from lgdp_pipelines.reporting.report_formats import (
    FINDINGS_JSON,
    PAGE,
    format_report_text,
    hash_report,
    render_report_files,
)
from lgdp_pipelines.vocabulary.verdicts import Verdict
from tests.unit.reporting.test_report import Tags, bins, report

__all__ = ["bins"]

REPAIRS = (
    Repair("material", "urn:lgdp:item:bins:bags", RepairKind.NUMBER, 1_234),
    Repair("material", "urn:lgdp:item:bins:material", RepairKind.ALIAS, 1),
)


def repaired(bins: Contract) -> Report:
    plain = report(bins, Verdict.ACCEPTED, state="current")
    return replace(plain, judgement=replace(plain.judgement, repairs=REPAIRS))


def test_page_text_and_json_tell_it_in_the_contracts_order(bins: Contract) -> None:
    told = repaired(bins)
    lines = [
        "Material: 1 cell read as the code that they stand for",
        "Bags: 1,234 cells brought into the contract's form of numbers",
    ]
    files = render_report_files(told)
    page = Tags(files[PAGE].decode()).text
    text = format_report_text(told)
    assert all(line in page and line in text for line in lines)
    assert text.index(lines[0]) < text.index(lines[1])
    assert json.loads(files[FINDINGS_JSON])["repairs"] == [
        {"table": "material", "item": "urn:lgdp:item:bins:bags", "kind": "number", "cells": 1234},
        {"table": "material", "item": "urn:lgdp:item:bins:material", "kind": "alias", "cells": 1},
    ]


def test_where_nothing_was_repaired_nothing_is_said(bins: Contract) -> None:
    plain = report(bins, Verdict.ACCEPTED, state="current")
    assert "spelling" not in format_report_text(plain)
    assert "spelling" not in Tags(render_report_files(plain)[PAGE].decode()).text
    assert hash_report(plain) != hash_report(repaired(bins))
