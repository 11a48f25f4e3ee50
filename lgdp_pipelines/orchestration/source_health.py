"""Sources in the graph: an asset each, with a check that their accounts answer, and its hourly schedule.

Belongs here: reporting to Dagster. Belongs elsewhere: connecting to an account (``collection.account_health``).
"""

from collections.abc import Sequence

import dagster as dg

from lgdp_pipelines.collection.account_checks import UNHEALTHY, AccountHealth, AccountState, check_accounts
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.orchestration.asset_specs import make_source_key
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.workflows.platform import Platform

ACCOUNTS_ANSWER_CHECK = "accounts_answer"

CHECK_SOURCES_JOB = "check_sources"
"""The job that makes the check; its schedule's name ends in ``_hourly``."""


def build_source_spec(source: Source) -> dg.AssetSpec:
    """Return ``[source, id]``, where extracts come from; no run makes it."""
    returns = ", ".join(source_return.return_code for source_return in source.returns)
    return dg.AssetSpec(
        make_source_key(source),
        description=f"**{source.title}.** Gives {returns}, for {len(source.councils)} councils.",
        group_name="sources",
        kinds={str(source.transport)},
    )


def build_source_check(source: Source) -> dg.AssetChecksDefinition:
    """Return ``accounts_answer`` of a source, which warns of each council's account that cannot be used."""

    @dg.asset_check(
        asset=make_source_key(source),
        name=ACCOUNTS_ANSWER_CHECK,
        description="Every council's account can be used: it answers, knows us, and has room where it is ours.",
    )
    def accounts_answer(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
        return build_check_result(check_accounts(transport))

    return accounts_answer


def build_check_result(health: Sequence[AccountHealth]) -> dg.AssetCheckResult:
    """Return the check of a source's accounts, with state, latency and remedy of each."""
    unhealthy = [account for account in health if account.state in UNHEALTHY]
    well = sum(account.state is AccountState.WELL for account in health)
    types = {"council": "string", "state": "string", "seconds": "float", "what": "string", "remedy": "string"}
    records = [
        dg.TableRecord(
            {
                "council": account.council_code,
                "state": str(account.state),
                "seconds": round(account.seconds, 3),
                "what": account.what,
                "remedy": account.remedy,
            }
        )
        for account in sorted(health, key=lambda account: (account.state not in UNHEALTHY, account.council_code))
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, type_) for name, type_ in types.items()])
    return dg.AssetCheckResult(
        passed=not unhealthy,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{well} of {len(health)} accounts answer.",
        metadata={
            "well": well,
            "not well": ", ".join(account.council_code for account in unhealthy) or "none",
            "slowest, in seconds": round(max((account.seconds for account in health), default=0.0), 3),
            "accounts": dg.MetadataValue.table(records, schema),
        },
    )


def build_health_schedules(checks: Sequence[dg.AssetChecksDefinition]) -> list[dg.ScheduleDefinition]:
    """Return the hourly schedule of the job that checks every source.

    None where there is no source.
    """
    if not checks:
        return []
    job = dg.define_asset_job(
        CHECK_SOURCES_JOB,
        selection=dg.AssetSelection.checks(*(key for check in checks for key in check.check_keys)),
        description="Ask every account of every source whether it can be used. Nothing is fetched.",
        executor_def=dg.in_process_executor,
    )
    return [
        dg.ScheduleDefinition(
            name=f"{CHECK_SOURCES_JOB}_hourly",
            job=job,
            cron_schedule="17 * * * *",
            execution_timezone="Europe/London",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Asks every hour, so that a silent account is seen before its return is due.",
        )
    ]
