"""A failed run is told to engineers.

What belongs here: noticing it, and reading from the run what it was about. What does not: writing and sending the alert
(``journey.alerts``). A run that will be tried again by itself is told only when its last try has failed.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from lgdp_pipelines import errors
from lgdp_pipelines.orchestration.policy import SENSOR_SECONDS, SLICE_TAG
from lgdp_pipelines.workflows.engineer_alerts import Alert, raise_alert
from lgdp_pipelines.workflows.platform import Platform

_REMEDY = "Look at the run in the Dagster UI, mend the cause, and start the job again: a run can always be repeated."


def alert_sensor() -> dg.SensorDefinition:
    """Raises an alert for each run that failed."""

    @dg.run_failure_sensor(
        name="alert_engineers",
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes an alert for each failed run, and sends it on where that is configured.",
        monitor_all_code_locations=False,
    )
    def alert_engineers(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> None:
        if context.dagster_run.tags.get(WILL_RETRY_TAG) == "true":
            return
        path, unsent = raise_alert(platform, alert_of(context))
        context.log.info("alert written to %s", path.name)
        for one in unsent:
            context.log.warning("%s → %s", one.what, one.remedy)

    return alert_engineers


def alert_of(context: dg.RunFailureSensorContext) -> Alert:
    """What engineers need to know of a failed run."""
    run = context.dagster_run
    slug, _, period = run.tags.get(SLICE_TAG, "").partition("/")
    failures = context.get_step_failure_events()
    error = failures[0].step_failure_data.error if failures else context.failure_event.job_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    name = (error.cls_name or "") if error else ""
    return Alert(
        run_id=run.run_id,
        job=run.job_name,
        return_slug=slug,
        period=period,
        source=run.tags.get("lgdp/source", ""),
        error=name or "no error was recorded; the process may have been killed",
        what=_meaning(name),
        remedy=_REMEDY,
        failed_at=_ended_at(context),
    )


def _ended_at(context: dg.RunFailureSensorContext) -> datetime:
    record = context.instance.get_run_record_by_id(context.dagster_run.run_id)
    return datetime.fromtimestamp(record.end_time, UTC) if record and record.end_time else datetime.now(UTC)


def _meaning(name: str) -> str:
    """What one of the platform's own refusals means, in the platform's words; never what the error said."""
    kind = getattr(errors, name, None)
    if not isinstance(kind, type) or not issubclass(kind, errors.LgdpError):
        return ""
    return (kind.__doc__ or "").strip().splitlines()[0]
