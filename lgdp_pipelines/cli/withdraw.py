"""The command ``withdraw``: a submission taken back for its council.

Belongs here: arguments, and how the result looks. Belongs elsewhere: the effects of a withdrawal (``ledger``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.journey import finish_journey, run_with_progress
from lgdp_pipelines.cli.output import print_markup, say


def withdraw(
    submission: Annotated[str, typer.Argument(metavar="SUBMISSION", help="Its id, as `lgdp status` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="The council's reason, in its own words.")],
    by: Annotated[str, typer.Option("--by", help="The person who withdraws it for the council.")],
) -> None:
    """Withdraw a council's submission, and remove its rows from every release.

    The received bytes stay on record, and so does the withdrawal. The council may submit again.

    Example: `lgdp withdraw HL1.FIF.FY2024-25-Q1.001 --reason "Wrong quarter" --by "A. Officer"`
    """
    platform = arguments.open_platform()
    withdrawn = platform.ledger.withdrawals.record(submission, by=by, reason=reason)
    say(f"{withdrawn.submission_id} is withdrawn. Its bytes and judgements stay; its rows are removed now.")
    with run_with_progress(platform, "Journey") as runner:
        finish_journey(runner)
    print_markup(f"{withdrawn.submission_id}: withdrawn and no longer published")
