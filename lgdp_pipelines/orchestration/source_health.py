"""Sources in the graph, and whether their accounts answer: an asset each, with a check that a job of its own makes.

What belongs here: telling Dagster. What does not: asking an account (``collection.health``).
"""

from collections.abc import Sequence

import dagster as dg

from lgdp_pipelines.collection.account_health import UNHEALTHY, AccountHealth, AccountState, check_accounts
from lgdp_pipelines.orchestration.asset_specs import make_source_key
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.workflows.platform import Platform

ACCOUNTS_ANSWER = "accounts_answer"
"""The check."""

CHECK_SOURCES = "check_sources"
"""The job that makes it, and the name of its schedule with ``_hourly`` behind."""


def build_source_spec(source: Source) -> dg.AssetSpec:
    """``[source, id]``: where extracts come from; nothing here makes it."""
    given = ", ".join(one.return_code for one in source.returns)
    return dg.AssetSpec(
        make_source_key(source),
        description=f"**{source.title}.** Gives {given}, for {len(source.councils)} councils.",
        group_name="sources",
        kinds={str(source.transport)},
    )


def build_source_check(source: Source) -> dg.AssetChecksDefinition:
    """``accounts_answer`` of a source. One council's account that does not is a warning about that council."""

    @dg.asset_check(
        asset=make_source_key(source),
        name=ACCOUNTS_ANSWER,
        description="Every council's account can be used: it answers, knows us, and has room where it is ours.",
    )
    def accounts_answer(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        health = check_accounts(source, platform.register, environment=platform.environment, today=platform.today)
        return build_check_result(health)

    return accounts_answer


def build_check_result(health: Sequence[AccountHealth]) -> dg.AssetCheckResult:
    """What is told of a source's accounts: how many are well, and of each its state, latency and remedy."""
    ill = [one for one in health if one.state in UNHEALTHY]
    well = sum(one.state is AccountState.WELL for one in health)
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn("council"),
            dg.TableColumn("state"),
            dg.TableColumn("seconds", "float"),
            dg.TableColumn("what"),
            dg.TableColumn("remedy"),
        ]
    )
    records = [
        dg.TableRecord(
            {
                "council": one.council_code,
                "state": str(one.state),
                "seconds": round(one.seconds, 3),
                "what": one.what,
                "remedy": one.remedy,
            }
        )
        for one in sorted(health, key=lambda one: (one.state not in UNHEALTHY, one.council_code))
    ]
    return dg.AssetCheckResult(
        passed=not ill,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{well} of {len(health)} accounts answer.",
        metadata={
            "well": well,
            "not well": ", ".join(one.council_code for one in ill) or "none",
            "slowest, in seconds": round(max((one.seconds for one in health), default=0.0), 3),
            "accounts": dg.MetadataValue.table(records, schema),
        },
    )


def build_health_schedules(checks: Sequence[dg.AssetChecksDefinition]) -> list[dg.ScheduleDefinition]:
    """The schedule of the job that asks every source; none where there is no source."""
    if not checks:
        return []
    job = dg.define_asset_job(
        CHECK_SOURCES,
        selection=dg.AssetSelection.checks(*(key for one in checks for key in one.check_keys)),
        description="Ask every account of every source whether it can be used. Nothing is fetched.",
        executor_def=dg.in_process_executor,
    )
    return [
        dg.ScheduleDefinition(
            name=f"{CHECK_SOURCES}_hourly",
            job=job,
            cron_schedule="17 * * * *",
            execution_timezone="Europe/London",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Asks every hour, so that a silent account is seen before its return is due.",
        )
    ]
