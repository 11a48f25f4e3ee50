"""Jobs: collecting from a source, and for each return processing, revalidating and publishing.

What belongs here: what an engineer can start by hand. What does not: what starts them by itself (``sensors``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from lgdp_pipelines.collection.collection_run import CollectionReport, collect_source
from lgdp_pipelines.orchestration import asset_specs, policy
from lgdp_pipelines.orchestration.event_log import told_together
from lgdp_pipelines.orchestration.partitions import cell
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import Scope
from lgdp_pipelines.workflows.publishing import conformed_model_names

COLLECT = "collect"
"""The job."""

FETCH = "fetch_extracts"
"""Its one step."""


class CollectConfig(dg.Config):
    """What a collection run fetches.

    Attributes:
        source: id of a source in the register.
        councils: register codes; empty for every council that has an account.
    """

    source: str
    councils: list[str] = []  # noqa: RUF012 - pydantic copies it


@dg.op(name=FETCH, out=dg.Out(io_manager_key="in_memory"))
def fetch_extracts(
    context: dg.OpExecutionContext, config: CollectConfig, platform: dg.ResourceParam[Platform]
) -> CollectionReport:
    """Fetch what is new in a source's accounts and write a receipt for each extract.

    A council whose server is down is a line in the report, not a failed run: the others are not held up.
    """
    source = platform.register.sources[config.source]
    report = collect_source(
        source,
        platform.register,
        platform.ledger,
        platform.raw,
        councils=config.councils or None,
        today=platform.today,
        environment=platform.environment,
        progress=context.log.info,
    )
    with told_together(context.instance):
        for event in _received(platform, report):
            context.log_event(event)
    for failure in report.failures:
        context.log.warning("%s (%s) → %s", failure.what, failure.where, failure.remedy)
    return report


def _received(platform: Platform, report: CollectionReport) -> Iterator[dg.AssetMaterialization]:
    for receipt in report.receipts:
        if receipt.return_code is None or receipt.period is None:
            continue
        yield dg.AssetMaterialization(
            asset_specs.stage_key(asset_specs.RECEIVED, platform.register.returns[receipt.return_code]),
            partition=cell(receipt.council_code, receipt.period),
            metadata={
                "file": receipt.file_name,
                "bytes": receipt.size,
                "sha256": receipt.sha256,
                "state": str(receipt.state),
                "transport": str(receipt.transport),
            },
        )


@dg.job(
    name=COLLECT,
    description="Fetch what is new in a source's accounts, council by council, and write receipts.",
    executor_def=dg.in_process_executor,
)
def collect_job() -> None:
    """The one collection job; what it collects is in its run config."""
    fetch_extracts()


def return_jobs(data_return: Return) -> list[Any]:
    """``process_…``, ``revalidate_…`` and ``publish_…`` of a return."""
    judged = [
        asset_specs.stage_key(asset_specs.LANDED, data_return),
        asset_specs.stage_key(asset_specs.VALIDATED, data_return),
    ]
    made = [asset_specs.conformed_key(model, data_return) for model in conformed_model_names(data_return)]
    return [
        dg.define_asset_job(
            f"process_{data_return.slug}",
            selection=dg.AssetSelection.assets(*judged),
            description=f"Land and judge the submissions of {data_return.code} that nobody has judged yet.",
            config=process_config(data_return, Scope.NEWS),
            executor_def=dg.in_process_executor,
            tags=policy.RUN_RETRIES,
        ),
        dg.define_asset_job(
            f"revalidate_{data_return.slug}",
            selection=dg.AssetSelection.assets(*judged),
            description=f"Judge again what stands of {data_return.code}, by the rules of today.",
            config=process_config(data_return, Scope.EVERYTHING),
            executor_def=dg.in_process_executor,
            tags=policy.RUN_RETRIES,
        ),
        dg.define_asset_job(
            f"publish_{data_return.slug}",
            selection=dg.AssetSelection.assets(*made, asset_specs.stage_key(asset_specs.PUBLISHED, data_return)),
            description=f"Conform {data_return.code} and release it, period by period.",
            executor_def=dg.in_process_executor,
            tags=policy.RUN_RETRIES,
        ),
    ]


def process_config(data_return: Return, scope: Scope) -> Mapping[str, Any]:
    """Run config of a return's processing step."""
    return {"ops": {f"land_and_judge_{data_return.slug}": {"config": {"scope": str(scope)}}}}
