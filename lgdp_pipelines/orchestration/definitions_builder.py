"""What is in the graph: a list that someone wrote.

What belongs here: putting definitions together. What does not: making any of them.
"""

from collections.abc import Mapping

import dagster as dg

from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.orchestration.assets import process_assets, publish_assets, received_asset
from lgdp_pipelines.orchestration.daily_jobs import DAILY_JOBS, daily_schedules
from lgdp_pipelines.orchestration.failure_alerts import alert_sensor
from lgdp_pipelines.orchestration.jobs import collect_job, return_jobs
from lgdp_pipelines.orchestration.report_jobs import deliver_job, feedback_sensor
from lgdp_pipelines.orchestration.sensors import automations
from lgdp_pipelines.orchestration.source_health import health_schedules, source_check, source_spec
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.platform import Platform


def build_definitions(settings: Settings, *, overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Everything Dagster is to know, for the returns and sources of the register.

    Args:
        settings: where things are.
        overrides: resources by name, in place of the usual ones; ``platform`` is the one there is.

    Raises:
        RegisterError: the register contradicts itself.
    """
    resources: dict[str, object] = {"platform": Platform(settings), "in_memory": dg.mem_io_manager, **(overrides or {})}
    platform = resources["platform"]
    if not isinstance(platform, Platform):
        raise TypeError("the resource `platform` must be a Platform")
    returns = list(platform.register.returns.values())
    sources = list(platform.register.sources.values())
    checks = [source_check(source) for source in sources]
    jobs = {data_return.code: return_jobs(data_return) for data_return in returns}
    sensors, schedules = automations(platform, [job for some in jobs.values() for job in some])
    return dg.Definitions(
        assets=[
            *(source_spec(source) for source in sources),
            *(received_asset(data_return, platform) for data_return in returns),
            *(process_assets(data_return, platform) for data_return in returns),
            *(publish_assets(data_return, platform) for data_return in returns),
        ],
        jobs=[collect_job, deliver_job, *DAILY_JOBS, *(job for some in jobs.values() for job in some)],
        sensors=[*sensors, feedback_sensor, alert_sensor()],
        asset_checks=checks,
        schedules=[*schedules, *daily_schedules(), *health_schedules(checks)],
        resources=resources,
        executor=dg.in_process_executor,
    )


def check_definitions(platform: Platform) -> None:
    """Load everything that Dagster is to know, as it would.

    Raises:
        LgdpError: Dagster refuses it.
    """
    try:
        dg.Definitions.validate_loadable(build_definitions(platform.settings, overrides={"platform": platform}))
    except dg.DagsterError as error:
        raise LgdpError(f"Dagster refuses the definitions: {error}", where="lgdp_pipelines/definitions.py") from error
