"""Nil returns: a council says that it has nothing to report, and that is an answer.

What belongs here: what judging one comes to. What does not: whether an extract is one, which whoever sends it says.
"""

from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import RuleOutcome, finding_rows, no_findings
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Verdict

_NO_ROWS = "A nil return has no rows."


def judge_nil(contract: Contract) -> tuple[Reading, ValidationResult]:
    """A nil return, read and judged: accepted where the contract takes one, else rejected as not readable.

    Its bytes are the declaration as sent, and are not looked into. No other rule is run.
    """
    rules = list_rules(contract)
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    message = (
        f"{contract.return_code} takes no nil return. Send the extract, or ask {contract.owner or 'its owner'} whether "
        "you need to report for this period."
    )
    findings = no_findings() if contract.nil_return else finding_rows(readable, message)
    results = tuple(
        RuleOutcome.of(rule, findings.height) if rule is readable else RuleOutcome.not_run(rule, _NO_ROWS)
        for rule in rules
    )
    verdict = Verdict.ACCEPTED if contract.nil_return else Verdict.REJECTED
    return Reading({}, findings, results), ValidationResult(verdict, findings, results, {})


def is_nil(judgement: ValidationResult) -> bool:
    """Whether it is the judgement of a nil return, accepted or not."""
    return any(outcome.reason == _NO_ROWS for outcome in judgement.results)
