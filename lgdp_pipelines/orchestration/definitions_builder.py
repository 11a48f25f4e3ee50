"""Dagster's definitions: an explicit list of everything in the graph.

Belongs here: putting definitions together. Belongs elsewhere: making any of them.
"""

from collections.abc import Mapping

import dagster as dg

from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.orchestration.assets import (
    build_process_assets,
    build_publish_assets,
    build_received_asset,
    build_source_check,
    build_source_spec,
)
from lgdp_pipelines.orchestration.jobs import (
    DAILY_JOBS,
    build_daily_schedules,
    build_health_schedules,
    build_return_jobs,
    collect_job,
    deliver_job,
)
from lgdp_pipelines.orchestration.sensors import build_poll_schedules, build_sensors
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.platform import Platform


def build_definitions(settings: Settings, *, overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Return Dagster's definitions for the returns and sources of the register.

    Args:
        settings: where things are.
        overrides: resources by name, in place of the usual ones, such as ``platform``.

    Raises:
        RegisterError: the register contradicts itself.
    """
    resources: dict[str, object] = {"platform": Platform(settings), "in_memory": dg.mem_io_manager, **(overrides or {})}
    platform = resources["platform"]
    if not isinstance(platform, Platform):
        raise TypeError("the resource `platform` must be a Platform")
    register = platform.register
    returns, sources = register.returns.values(), register.sources.values()
    checks = [build_source_check(source) for source in sources]
    return_jobs = [job for data_return in returns for job in build_return_jobs(data_return)]
    return dg.Definitions(
        assets=[
            *(build_source_spec(source) for source in sources),
            *(build_received_asset(data_return, platform) for data_return in returns),
            *(build_process_assets(data_return, platform) for data_return in returns),
            *(build_publish_assets(data_return, platform) for data_return in returns),
        ],
        jobs=[collect_job, deliver_job, *DAILY_JOBS, *return_jobs],
        sensors=build_sensors(register, return_jobs),
        asset_checks=checks,
        schedules=[*build_poll_schedules(register), *build_daily_schedules(), *build_health_schedules(checks)],
        resources=resources,
        executor=dg.in_process_executor,
    )


def check_definitions(platform: Platform) -> None:
    """Check that Dagster can load the definitions.

    Raises:
        LgdpError: Dagster refuses it.
    """
    try:
        dg.Definitions.validate_loadable(build_definitions(platform.settings, overrides={"platform": platform}))
    except dg.DagsterError as error:
        raise LgdpError(f"Dagster refuses the definitions: {error}", where="lgdp_pipelines/definitions.py") from error
