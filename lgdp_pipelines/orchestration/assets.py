"""Asset factories: an asset of each source with its check, and the assets of each stage.

The body of a stage's assets is one call of a workflow. Belongs here: wiring, and reporting results to Dagster partition
by partition. Belongs elsewhere: descriptions and events of an asset (``asset_specs``, ``asset_events``), connecting to
an account (``collection.account_checks``) and the work itself (``workflows``).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from lgdp_pipelines.collection.account_checks import UNHEALTHY, AccountHealth, AccountState, check_accounts
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.ledger.obligations import index_statuses, list_period_obligations
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.orchestration import asset_events, asset_specs, policy
from lgdp_pipelines.orchestration.event_log import batch_events
from lgdp_pipelines.orchestration.policy import (
    build_council_period_grid,
    build_period_grid,
    group_councils_by_period,
    make_partition_key,
)
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.job_names import name_judging_step
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, RunScope, SubmissionOutcome, process
from lgdp_pipelines.workflows.publishing import (
    ensure_analyst_catalogue,
    list_conformed_models,
    load_column_edges,
    publish,
)


def build_source_spec(source: Source) -> dg.AssetSpec:
    """Return the spec of ``[source, id]``, which no run makes."""
    returns = ", ".join(source_return.return_code for source_return in source.returns)
    return dg.AssetSpec(
        asset_specs.make_source_key(source),
        description=f"**{source.title}.** Gives {returns}, for {len(source.councils)} councils.",
        group_name="sources",
        kinds={str(source.transport)},
    )


def build_source_check(source: Source) -> dg.AssetChecksDefinition:
    """Return a source's ``accounts_answer``, which warns of accounts that cannot be used."""

    @dg.asset_check(
        asset=asset_specs.make_source_key(source),
        description="Every council's account can be used: it answers, knows us, and has room where it is ours.",
    )
    def accounts_answer(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        """Connect to every account of the source, and report each one's health."""
        transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
        return build_check_result(check_accounts(transport))

    return accounts_answer


def build_check_result(health: Sequence[AccountHealth]) -> dg.AssetCheckResult:
    """Return a check result with state, latency and remedy of each account."""
    unhealthy_accounts = [account for account in health if account.state in UNHEALTHY]
    healthy_count = sum(account.state is AccountState.WELL for account in health)
    types = {"council": "string", "state": "string", "seconds": "float", "what": "string", "remedy": "string"}
    records = [
        dg.TableRecord(
            {
                "council": account.council_code,
                "state": str(account.state),
                "seconds": round(account.probe_seconds, 3),
                "what": account.what,
                "remedy": account.remedy,
            }
        )
        for account in sorted(health, key=lambda account: (account.state not in UNHEALTHY, account.council_code))
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, type_) for name, type_ in types.items()])
    return dg.AssetCheckResult(
        passed=not unhealthy_accounts,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{healthy_count} of {len(health)} accounts answer.",
        metadata={
            "well": healthy_count,
            "not well": ", ".join(account.council_code for account in unhealthy_accounts) or "none",
            "slowest, in seconds": round(max((account.probe_seconds for account in health), default=0.0), 3),
            "accounts": dg.MetadataValue.table(records, schema),
        },
    )


class ProcessConfig(dg.Config):
    """The submissions that a processing run judges.

    Attributes:
        scope: ``news`` for unjudged submissions; ``everything`` for current ones too, by today's rules.
    """

    scope: str = RunScope.EVERYTHING.value


def build_received_asset(data_return: Return, platform: Platform) -> dg.AssetSpec:
    """Return the spec of ``[received, return]``, which only collection materialises."""
    register = platform.register
    grid = build_council_period_grid(data_return, register, platform.today)
    return asset_specs.build_received_spec(data_return, register, grid)


def build_process_assets(data_return: Return, platform: Platform) -> dg.AssetsDefinition:
    """Return the landed and validated assets: one step for many councils."""
    grid = build_council_period_grid(data_return, platform.register, platform.today)
    validated_key = asset_specs.make_stage_key(asset_specs.VALIDATED, data_return)
    descriptions = {str(name): text for name, text in policy.CHECK_DESCRIPTIONS.items()}
    descriptions[policy.SUBMISSION_ON_TIME] = "The submission arrived by the day it was due."

    @dg.multi_asset(
        name=name_judging_step(data_return),
        specs=[
            asset_specs.build_landed_spec(data_return, platform.register, grid),
            asset_specs.build_validated_spec(data_return, platform.register, grid),
        ],
        check_specs=[
            policy.build_partitioned_check(name, validated_key, grid, text) for name, text in descriptions.items()
        ],
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def process_return(
        context: dg.AssetExecutionContext, config: ProcessConfig, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        reporter = DagsterReporter(context, data_return, list(descriptions))
        for period_id, councils in group_councils_by_period(context.partition_keys).items():
            process(
                platform,
                ProcessRequest(data_return, parse_period(period_id), councils, RunScope(config.scope)),
                context.run.run_id,
                notify=reporter.report_outcomes,
                notify_withdrawn=reporter.report_withdrawals,
                progress=context.log.info,
            )
        # Also where the first submission was rejected: its council looks up the findings there.
        ensure_analyst_catalogue(platform)
        yield from reporter.list_declared_checks()

    return process_return


class DagsterReporter:
    """Reports results to Dagster by partition, then each declared check once.

    Dagster demands the latter. A council with two submissions in one run has one result of each check: that of its
    latest submission. In a run of one partition Dagster takes the yielded result as that partition's, so no other is
    logged.
    """

    def __init__(self, context: dg.AssetExecutionContext, data_return: Return, checks: Sequence[str]) -> None:
        self._context = context
        self._data_return = data_return
        self._validated = asset_specs.make_stage_key(asset_specs.VALIDATED, data_return)
        self._has_one_partition = len(context.partition_keys) == 1
        self._outcomes: dict[str, list[tuple[SubmissionOutcome, asset_events.CheckOutcome]]] = {
            name: [] for name in checks
        }

    def report_outcomes(self, outcomes: Sequence[SubmissionOutcome]) -> None:
        """Log every submission's materialisations, and each council's latest submission's checks."""
        latest_outcomes = {outcome.council: outcome for outcome in outcomes}
        with batch_events(self._context.instance):
            for outcome in outcomes:
                contract = self._data_return.contract_for(parse_period(outcome.submission.period))
                for event in asset_events.build_materialisations(self._data_return, contract, outcome):
                    self._context.log_event(event)
                if latest_outcomes[outcome.council] is outcome:
                    rules = {rule.id: rule for rule in list_rules(contract)}
                    for check in asset_events.list_check_outcomes(outcome, rules):
                        self._report_check(outcome, check)

    def report_withdrawals(self, submissions: Sequence[Submission]) -> None:
        """Log that the slices of withdrawn submissions are empty."""
        for event in asset_events.build_withdrawal_events(self._data_return, submissions):
            self._context.log_event(event)

    def _report_check(self, outcome: SubmissionOutcome, check: asset_events.CheckOutcome) -> None:
        """Keep a check's outcome; log it unless the run has one partition."""
        self._outcomes[check.name].append((outcome, check))
        if not self._has_one_partition:
            self._context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=self._validated,
                    check_name=check.name,
                    passed=check.passed,
                    severity=check.severity,
                    metadata=check.metadata,
                    partition=make_partition_key(outcome.council, outcome.submission.period),
                )
            )

    def list_declared_checks(self) -> Iterator[dg.AssetCheckResult]:
        """Yield each declared check once: a partition's result, or the run's summary."""
        for name, outcomes in self._outcomes.items():
            if self._has_one_partition and outcomes:
                _, check = outcomes[-1]
                yield dg.AssetCheckResult(
                    asset_key=self._validated,
                    check_name=name,
                    passed=check.passed,
                    severity=check.severity,
                    metadata=check.metadata,
                )
            else:
                yield dg.AssetCheckResult(
                    asset_key=self._validated,
                    check_name=name,
                    passed=all(check.passed for _, check in outcomes),
                    severity=dg.AssetCheckSeverity.WARN,
                    description=f"{len(outcomes)} councils judged in this run; each partition has its own result.",
                    metadata=asset_events.summarise_failed_checks(outcomes),
                )


def build_publish_assets(data_return: Return, platform: Platform) -> dg.AssetsDefinition:
    """Return the conformed and published assets: one dbt call per run."""
    grid = build_period_grid(data_return, platform.today)
    models = list_conformed_models(data_return)
    keys = [asset_specs.make_conformed_key(model, data_return) for model in models]
    published_key = asset_specs.make_stage_key(asset_specs.PUBLISHED, data_return)
    checks = [
        (policy.SLICE_TESTS_HOLD, key, "The dbt tests of the slice hold: keys, codes, references.")
        for key in [*keys, published_key]
    ]
    checks.append(
        (policy.ALL_COUNCILS_REPORTED, published_key, "Every council has an accepted answer; a nil return counts.")
    )

    @dg.multi_asset(
        name=f"conform_and_release_{data_return.slug}",
        specs=[
            *asset_specs.build_conformed_specs(data_return, models, grid),
            asset_specs.build_published_spec(data_return, models, grid),
        ],
        check_specs=[policy.build_partitioned_check(name, key, grid, text) for name, key, text in checks],
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def publish_return(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        periods = context.partition_keys
        publication = publish(platform, data_return, periods, run_id=context.run.run_id, progress=context.log.info)
        yield from report_checks(context, list(evaluate_reported(platform, data_return, periods)))
        yield from asset_events.build_publication_results(data_return, publication, load_column_edges(platform))

    return publish_return


def report_checks(
    context: dg.AssetExecutionContext, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> Iterator[dg.AssetCheckResult]:
    """Log each partition's result if several, and yield their combined result."""
    if len(evaluations) > 1:
        for evaluation in evaluations:
            context.log_event(evaluation)
    first_evaluation = evaluations[0]
    yield dg.AssetCheckResult(
        asset_key=first_evaluation.asset_key,
        check_name=first_evaluation.check_name,
        passed=all(evaluation.passed for evaluation in evaluations),
        severity=first_evaluation.severity,
        metadata=first_evaluation.metadata if len(evaluations) == 1 else {},
    )


def evaluate_reported(
    platform: Platform, data_return: Return, periods: Sequence[str]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield each period's check that all councils have reported."""
    for period in periods:
        statuses = index_statuses(platform.ledger.submissions.list_statuses(data_return.code, period))
        councils = platform.register.councils.codes
        obligations = list(
            list_period_obligations(data_return, parse_period(period), councils, statuses, platform.day_in_scotland)
        )
        yield asset_events.evaluate_all_councils_reported(data_return, obligations)
