"""Receipts and judgements for tests of the ledger: HL1 for FY2024-25, three rules."""

import hashlib
from datetime import UTC, datetime

from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import NewJudgement
from lgdp_pipelines.ledger.submission_records import Arrival
from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity, Verdict

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ERROR_RULE = Rule("hl1.assess.codes", RuleKind.CODES, Severity.ERROR, "assess", (), "Codes are known", "Correct them.")
QUERY_RULE = Rule("hl1.rise", RuleKind.SQL, Severity.QUERY, "assess", (), "No sudden rise", "Confirm or explain.")
NOTE_RULE = Rule("hl1.note", RuleKind.SQL, Severity.KNOWN_ISSUE, "assess", (), "No old code", "Nothing.")
RULES = (ERROR_RULE, QUERY_RULE, NOTE_RULE)


def build_arrival(council: str = "FIF", content: str = "a", **changed: object) -> Arrival:
    """Return the arrival of an HL1 extract for FY2024-25 by SFTP."""
    values: dict[str, object] = {
        "return_code": "HL1",
        "council_code": council,
        "period": "FY2024-25",
        "table": None,
        "file_name": "hl1.csv",
        "size": len(content),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "transport": TransportKind.SFTP,
        "source": "councils-sftp",
        "account": council.lower(),
        "path": "/hl1/hl1.csv",
    }
    return Arrival(**(values | changed))  # type: ignore[arg-type]


def build_judgement(
    submission_id: str, *, errors: int = 0, queries: int = 0, notes: int = 0, rows: int = 10
) -> NewJudgement:
    """Return a judgement by three rules, with these counts of findings."""
    verdict = Verdict.REJECTED if errors else Verdict.QUERIED if queries else Verdict.ACCEPTED
    return NewJudgement(
        submission_id=submission_id,
        verdict=verdict,
        contract_version="1.0.0",
        contract_sha256="c" * 64,
        code_version="0.1.0",
        row_count=rows,
        rules=RULES,
        outcomes=(
            RuleOutcome.from_count(ERROR_RULE, errors),
            RuleOutcome.from_count(QUERY_RULE, queries),
            RuleOutcome.from_count(NOTE_RULE, notes),
        ),
    )
