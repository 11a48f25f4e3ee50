"""Asset factories: one a stage, each on one screen, whose body is one call into the journey.

What belongs here: wiring. What does not: what is shown of an asset (``specs``, ``events``) and what is done
(``process``, ``publish``, ``collection``).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from lgdp_pipelines.ledger.ledger import Submission
from lgdp_pipelines.orchestration import asset_specs, lifecycle_events, policy, release_events, submission_events
from lgdp_pipelines.orchestration.daily_jobs import reported_checks
from lgdp_pipelines.orchestration.event_log import told_together
from lgdp_pipelines.orchestration.partitions import cell, council_period_grid, councils_by_period, period_grid
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import Outcome, Scope, process
from lgdp_pipelines.workflows.publishing import conformed_model_names, edges_of, ensure_catalogue, publish


class ProcessConfig(dg.Config):
    """What a run over a return's councils judges.

    Attributes:
        scope: ``news``: what nobody has judged yet; ``everything``: also what stands, by the rules of today.
    """

    scope: str = Scope.EVERYTHING.value


def received_asset(data_return: Return, platform: Platform) -> dg.AssetSpec:
    """``[received, return]``: written by collection alone, so it has no run of its own."""
    return asset_specs.received_spec(
        data_return, platform, council_period_grid(data_return, platform.register, platform.today)
    )


def process_assets(data_return: Return, platform: Platform) -> dg.AssetsDefinition:
    """``[landed, return]`` and ``[validated, return]``, with the checks on the latter: one step for many councils."""
    grid = council_period_grid(data_return, platform.register, platform.today)
    validated = asset_specs.stage_key(asset_specs.VALIDATED, data_return)
    described = {str(name): text for name, text in policy.CHECK_DESCRIPTIONS.items()}
    described[policy.SUBMISSION_ON_TIME] = "The submission arrived by the day it was due."

    @dg.multi_asset(
        name=f"land_and_judge_{data_return.slug}",
        specs=[
            asset_specs.landed_spec(data_return, platform, grid),
            asset_specs.validated_spec(data_return, platform, grid),
        ],
        check_specs=[policy.partitioned_check(name, validated, grid, text) for name, text in described.items()],
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def process_return(
        context: dg.AssetExecutionContext, config: ProcessConfig, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        teller = Teller(context, data_return, list(described))
        for period_id, councils in councils_by_period(context.partition_keys).items():
            process(
                platform,
                data_return,
                parse_period(period_id),
                councils,
                scope=Scope(config.scope),
                run_id=context.run.run_id,
                tell=teller.tell,
                tell_withdrawn=teller.tell_withdrawn,
                progress=context.log.info,
            )
        ensure_catalogue(platform)  # whose first submission was rejected looks its findings up there
        yield from teller.declared_checks()

    return process_return


class Teller:
    """Tells Dagster, partition by partition, what really happened; then each declared check once, as it demands.

    A council with two submissions in one run has one check result: its latest submission's. In a run of one partition
    Dagster takes what is yielded as that partition's result, so nothing else is told of its checks.
    """

    def __init__(self, context: dg.AssetExecutionContext, data_return: Return, checks: Sequence[str]) -> None:
        self._context = context
        self._ret = data_return
        self._validated = asset_specs.stage_key(asset_specs.VALIDATED, data_return)
        self._alone = len(context.partition_keys) == 1
        self._told: dict[str, list[tuple[Outcome, submission_events.Checked]]] = {name: [] for name in checks}
        self._only: dict[str, dg.AssetCheckResult] = {}

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """What happened to each submission of a period."""
        latest = {outcome.council: outcome for outcome in outcomes}
        with told_together(self._context.instance):
            for outcome in outcomes:
                contract = self._ret.contract_for(parse_period(outcome.submission.period))
                for event in submission_events.materialisations(self._ret, contract, outcome):
                    self._context.log_event(event)
                if latest[outcome.council] is outcome:
                    for result in submission_events.check_results(
                        outcome, {rule.id: rule for rule in list_rules(contract)}
                    ):
                        self._tell_check(outcome, result)

    def tell_withdrawn(self, submissions: Sequence[Submission]) -> None:
        """Whose slices hold nothing any more."""
        for event in lifecycle_events.withdrawals(self._ret, submissions):
            self._context.log_event(event)

    def _tell_check(self, outcome: Outcome, result: submission_events.Checked) -> None:
        self._told[result.name].append((outcome, result))
        if self._alone:
            self._only[result.name] = dg.AssetCheckResult(
                asset_key=self._validated,
                check_name=result.name,
                passed=result.passed,
                severity=result.severity,
                metadata=result.metadata,
            )
        else:
            self._context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=self._validated,
                    check_name=result.name,
                    passed=result.passed,
                    severity=result.severity,
                    metadata=result.metadata,
                    partition=cell(outcome.council, outcome.submission.period),
                )
            )

    def declared_checks(self) -> Iterator[dg.AssetCheckResult]:
        """Each declared check once: a single partition's own result, or a word on the run as a whole."""
        for name, told in self._told.items():
            yield self._only.get(name) or dg.AssetCheckResult(
                asset_key=self._validated,
                check_name=name,
                passed=all(checked.passed for _, checked in told),
                severity=dg.AssetCheckSeverity.WARN,
                description=f"{len(told)} councils judged in this run; each partition has its own result.",
                metadata=submission_events.run_findings(told),
            )


def publish_assets(data_return: Return, platform: Platform) -> dg.AssetsDefinition:
    """``[conformed, model, return]`` and ``[published, return]``: one dbt call for all periods of a run."""
    grid = period_grid(data_return, platform.today)
    models = conformed_model_names(data_return)
    keys = [asset_specs.conformed_key(model, data_return) for model in models]
    published = asset_specs.stage_key(asset_specs.PUBLISHED, data_return)

    @dg.multi_asset(
        name=f"conform_and_release_{data_return.slug}",
        specs=[
            *asset_specs.conformed_specs(data_return, models, grid),
            asset_specs.published_spec(data_return, models, grid),
        ],
        check_specs=[
            policy.partitioned_check(
                policy.SLICE_TESTS_HOLD, key, grid, "The dbt tests of the slice hold: keys, codes, references."
            )
            for key in [*keys, published]
        ]
        + [
            policy.partitioned_check(
                policy.ALL_COUNCILS_REPORTED, published, grid, "Every council's answer stands, a nil return too."
            )
        ],
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def publish_return(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        release = publish(
            platform, data_return, context.partition_keys, run_id=context.run.run_id, progress=context.log.info
        )
        yield from told_alone(context, list(reported_checks(platform, data_return, context.partition_keys)))
        yield from release_events.publication_results(data_return, release, edges_of(platform))

    return publish_return


def told_alone(
    context: dg.AssetExecutionContext, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> Iterator[dg.AssetCheckResult]:
    """One check's result for each partition of a run, and the one that Dagster demands of it."""
    if len(evaluations) > 1:
        for one in evaluations:
            context.log_event(one)
    first = evaluations[0]
    yield dg.AssetCheckResult(
        asset_key=first.asset_key,
        check_name=first.check_name,
        passed=all(one.passed for one in evaluations),
        severity=first.severity,
        metadata=first.metadata if len(evaluations) == 1 else {},
    )
