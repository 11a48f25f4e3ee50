"""What goes back to councils, when: a job that puts reports into outboxes, and the sensor that starts it.

What belongs here: deciding that something is to be told. What does not: telling it (``journey.feedback``).
"""

import dagster as dg

from lgdp_pipelines.orchestration import policy
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import tell, untold_mark

DELIVER = "deliver_feedback"
"""The job."""


@dg.op(name="put_into_outboxes", out=dg.Out(dg.Nothing))
def put_into_outboxes(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Put in place each report that an outbox has not had.

    A council whose account does not answer is a warning here and is tried again; it fails no run.
    """
    told = tell(platform, context.log.info)
    for failure in told.failures:
        context.log.warning("%s (%s) → %s", failure.what, failure.where, failure.remedy)
    context.add_output_metadata(
        {
            "reports": len(told.reports),
            "unchanged": len(told.unchanged),
            "notes": len(told.notes),
            "failures": len(told.failures),
        }
    )


@dg.job(
    name=DELIVER,
    description="Put receipts and reports into councils' outboxes, and into their own accounts.",
    executor_def=dg.in_process_executor,
    tags=policy.RUN_RETRIES,
)
def deliver_job() -> None:
    """The one job that tells councils."""
    put_into_outboxes()


@dg.sensor(
    name="feedback_untold",
    job=deliver_job,
    minimum_interval_seconds=policy.SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run where something was judged, or could not be placed, and its council was not told.",
)
def feedback_sensor(platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
    """The run key names what is untold and the hour: what a place did not take is tried each hour."""
    mark = untold_mark(platform)
    if not mark:
        return dg.SensorResult(skip_reason="Every council has been told.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{mark}/{platform.clock():%Y-%m-%dT%H}")])
