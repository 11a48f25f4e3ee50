"""The words for judging: severities, kinds and results of rules, and verdicts.

Belongs here: the vocabulary that contract, judge, ledger, Dagster checks and command line share. Belongs elsewhere:
testing a rule (``validation``) and the list of a return's rules (``register.rules``).
"""

from enum import StrEnum


class Severity(StrEnum):
    """The effect of a broken rule on a submission."""

    ERROR = "error"
    """The rule cannot be broken: the submission is rejected and the last accepted one stays."""
    QUERY = "query"
    """Unlikely: accepted, and the council must confirm or explain."""
    KNOWN_ISSUE = "known_issue"
    """Agreed and annotated: accepted, and the note is published with the figure."""


class Verdict(StrEnum):
    """The outcome of judging a submission."""

    ACCEPTED = "accepted"
    QUERIED = "queried"
    REJECTED = "rejected"


class RuleResult(StrEnum):
    """The result of one rule in one judgement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class RuleKind(StrEnum):
    """The kind of test that a rule makes.

    Kinds down to ``key`` follow from the contract's fields; the rest are under ``quality``.
    """

    READABLE = "readable"
    """The bytes are the declared format, whole and decodable."""
    COLUMNS = "columns"
    """The extract has the contract's columns, once each."""
    EXTRA_COLUMNS = "extra_columns"
    """The extract has no column that the contract does not know. Its cells are kept as landed, so this is a query."""
    COUNCIL = "council"
    """The council named in a row is the council of the account that delivered it."""
    PERIOD = "period"
    """The period named in a row is the submission's."""
    TYPE = "type"
    """The text reads as the item's type."""
    REQUIRED = "required"
    """The item is filled in."""
    CODES = "codes"
    """The code is in the code list on the period's last day."""
    PATTERN = "pattern"
    """The text has the declared form."""
    LENGTH = "length"
    """The text is as long as declared."""
    RANGE = "range"
    """The number or date is within the declared bounds."""
    MULTIPLE = "multiple"
    """The number is a multiple of the declared one."""
    UNIQUE = "unique"
    """No two rows share the item's value, or the values of several items."""
    RELATIONSHIP = "relationship"
    """The row that is referred to exists, in this or another table of the return."""
    KEY = "key"
    """No two rows share the table's key."""
    ROW_COUNT = "row_count"
    """The table has as many rows as it must."""
    NULLS = "nulls"
    """No more rows than allowed leave the item empty."""
    SQL = "sql"
    """A rule across items, rows or tables, as ``SELECT count(*) … WHERE <violation>``."""
    REQUIRED_WHEN = "required_when"
    """The item is filled in where other items of the row ask for it."""
    EMPTY_UNLESS = "empty_unless"
    """The item is filled in only where other items of the row ask for it."""
    IN_ORDER = "in_order"
    """Of two dates or figures of a row, one is not before, or below, the other."""
    NOT_IN_FUTURE = "not_in_future"
    """The date is not after the day on which the submission came."""
    IN_PERIOD = "in_period"
    """The date is in the submission's period."""
    TOTAL = "total"
    """The figure is the sum of other figures of its row."""
    CONTROL = "control"
    """The figure is the sum of rows of this or another table of the return."""
    ROWS_PER = "rows_per"
    """Each group has as many rows as it may have."""
    COMPLETE = "complete"
    """Each combination of codes has its row."""
    NOT_FALLING = "not_falling"
    """From row to row, the figure does not fall."""
    EARLIER_PERIOD = "earlier_period"
    """A figure against the same figure of an earlier period."""
    REFERS_TO = "refers_to"
    """The row that is referred to exists in the council's current rows of another return."""
    AGREES_WITH = "agrees_with"
    """The figure is the same in the council's current rows of another return."""
    IN_REFERENCE = "in_reference"
    """The value is in a reference table, valid on the period's last day."""


class CheckFamily(StrEnum):
    """The asset checks of a return, named for the condition that passes."""

    SCHEMA_CONFORMS = "schema_conforms"
    CODES_ARE_RECOGNISED = "codes_are_recognised"
    KEY_IS_UNIQUE = "key_is_unique"
    COUNCIL_AND_PERIOD_AGREE = "council_and_period_agree"
    RULES_HOLD = "rules_hold"
    FIGURES_ARE_PLAUSIBLE = "figures_are_plausible"


_SCHEMA_KINDS = frozenset(
    {
        RuleKind.READABLE,
        RuleKind.COLUMNS,
        RuleKind.EXTRA_COLUMNS,
        RuleKind.TYPE,
        RuleKind.REQUIRED,
        RuleKind.PATTERN,
        RuleKind.LENGTH,
        RuleKind.RANGE,
        RuleKind.MULTIPLE,
    }
)
_FAMILIES = {
    **dict.fromkeys(_SCHEMA_KINDS, CheckFamily.SCHEMA_CONFORMS),
    RuleKind.CODES: CheckFamily.CODES_ARE_RECOGNISED,
    RuleKind.IN_REFERENCE: CheckFamily.CODES_ARE_RECOGNISED,
    RuleKind.KEY: CheckFamily.KEY_IS_UNIQUE,
    RuleKind.UNIQUE: CheckFamily.KEY_IS_UNIQUE,
    RuleKind.COUNCIL: CheckFamily.COUNCIL_AND_PERIOD_AGREE,
    RuleKind.PERIOD: CheckFamily.COUNCIL_AND_PERIOD_AGREE,
    RuleKind.EARLIER_PERIOD: CheckFamily.FIGURES_ARE_PLAUSIBLE,
}
"""The asset check of each kind of rule; ``rules_hold`` for any other kind."""


def find_check_family(kind: RuleKind, severity: Severity) -> CheckFamily:
    """Return a rule's asset check; for non-errors always ``figures_are_plausible``."""
    if severity is not Severity.ERROR:
        return CheckFamily.FIGURES_ARE_PLAUSIBLE
    return _FAMILIES.get(kind, CheckFamily.RULES_HOLD)
