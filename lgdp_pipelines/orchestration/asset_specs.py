"""What Dagster shows of an asset before it is made: description, owners, kinds, tags and columns, from the contract.

What belongs here: pure functions from the register to asset specs. What does not: what an asset does (``assets``).
"""

import re
from collections.abc import Sequence
from typing import Any

import dagster as dg

from lgdp_pipelines.orchestration.policy import follow_upstream, map_period_to_councils
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.model.table_model import Item, Table
from lgdp_pipelines.workflows.platform import Platform

RECEIVED, LANDED, VALIDATED, CONFORMED, PUBLISHED = "received", "landed", "validated", "conformed", "published"


def make_stage_key(stage: str, data_return: Return) -> dg.AssetKey:
    """``[received | landed | validated | published, return]``."""
    return dg.AssetKey([stage, data_return.slug])


def make_conformed_key(model: str, data_return: Return) -> dg.AssetKey:
    """``[conformed, model, return]``: the slices that one return writes into a model's table."""
    return dg.AssetKey([CONFORMED, model, data_return.slug])


def make_source_key(source: Source) -> dg.AssetKey:
    """``[source, id]``."""
    return dg.AssetKey(["source", source.id.replace("-", "_")])


def build_received_spec(data_return: Return, platform: Platform, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """The bytes as sent. Collection makes them, council by council; nothing else may."""
    sources = [
        s for s in platform.register.sources.values() if any(r.return_code == data_return.code for r in s.returns)
    ]
    named = "; ".join(f"{s.title} ({s.transport})" for s in sources) or "handed in"
    return _build_spec(
        data_return,
        make_stage_key(RECEIVED, data_return),
        f"Extracts as councils sent them, kept under their sha256 with a receipt each. From: {named}.",
        kinds={"bytes", *(str(source.transport) for source in sources)},
        partitions_def=grid,
        deps=[make_source_key(source) for source in sources],
    )


def build_landed_spec(data_return: Return, platform: Platform, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Every cell as text."""
    return _build_spec(
        data_return,
        make_stage_key(LANDED, data_return),
        "Every cell of every extract as text, exactly as sent, with the row a person would see in the file.",
        kinds={"deltalake", "bronze"},
        partitions_def=grid,
        deps=[make_stage_key(RECEIVED, data_return)],
        columns=_build_columns(data_return.latest, platform.register, as_text=True),
        skippable=True,
    )


def build_validated_spec(data_return: Return, platform: Platform, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Typed and judged; only an accepted submission replaces a slice."""
    return _build_spec(
        data_return,
        make_stage_key(VALIDATED, data_return),
        "Typed by the contract and judged by its rules. A council's slice is replaced by an accepted submission only.",
        kinds={"deltalake", "pandera", "silver"},
        partitions_def=grid,
        deps=[make_stage_key(LANDED, data_return)],
        columns=_build_columns(data_return.latest, platform.register, as_text=False),
        skippable=True,
    )


def build_conformed_specs(
    data_return: Return, models: Sequence[str], grid: dg.PartitionsDefinition
) -> list[dg.AssetSpec]:
    """One for each model that the return writes slices into."""
    validated = dg.AssetDep(make_stage_key(VALIDATED, data_return), partition_mapping=map_period_to_councils())
    return [
        _build_spec(
            data_return,
            make_conformed_key(model, data_return),
            f"{data_return.code}'s slices of the shared table conformed.{model}: comparable over councils and returns, "
            "without direct identifiers.",
            kinds={"dbt", "duckdb", "gold"},
            partitions_def=grid,
            deps=[validated],
            automation_condition=follow_upstream(),
        )
        for model in models
    ]


def build_published_spec(data_return: Return, models: Sequence[str], grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """The released slice."""
    return _build_spec(
        data_return,
        make_stage_key(PUBLISHED, data_return),
        "Generalised and disclosure-controlled, as a versioned release: what analysts see.",
        kinds={"dbt", "duckdb", "release"},
        partitions_def=grid,
        deps=[make_conformed_key(model, data_return) for model in models],
        automation_condition=follow_upstream(),
    )


def derive_group_name(data_return: Return) -> str:
    """The return's subject, as Dagster spells group names."""
    return re.sub(r"\W+", "_", data_return.latest.subject).lower()


def _build_spec(
    data_return: Return,
    key: dg.AssetKey,
    what: str,
    *,
    kinds: set[str],
    partitions_def: dg.PartitionsDefinition,
    deps: Sequence[dg.AssetKey | dg.AssetDep] = (),
    columns: dg.TableSchema | None = None,
    skippable: bool = False,
    automation_condition: dg.AutomationCondition[Any] | None = None,
) -> dg.AssetSpec:
    contract = data_return.latest
    metadata: dict[str, object] = {
        "contract": f"{contract.path.name} (version {contract.version})",
        "recipients": ", ".join(contract.recipients),
        "legal basis": contract.legal_basis,
        "asked by": str(contract.period_kind),
        "due": f"{contract.due_days} days after the period's end",
        "provenance": f"{contract.provenance.verified}: {contract.provenance.source}".rstrip(": "),
    }
    if columns is not None:
        metadata["dagster/column_schema"] = columns
    return dg.AssetSpec(
        key,
        description=f"**{contract.title}.** {what}\n\n{contract.purpose}",
        group_name=derive_group_name(data_return),
        owners=[contract.owner] if "@" in contract.owner else [],
        kinds=kinds,
        tags={"lgdp/return": data_return.slug},
        partitions_def=partitions_def,
        deps=list(deps),
        metadata=metadata,
        skippable=skippable,
        automation_condition=automation_condition,
    )


def _build_columns(contract: Contract, register: Register, *, as_text: bool) -> dg.TableSchema:
    several = len(contract.tables) > 1
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=f"{table.name}.{item.name}" if several else item.name,
                type="text" if as_text else str(item.type),
                description=_describe_item(item, register),
                constraints=dg.TableColumnConstraints(nullable=not item.required),
            )
            for table in contract.tables
            for item in (table.items if as_text else table.all_items)
        ]
    )


def _describe_item(item: Item, register: Register) -> str:
    codes = register.code_lists[item.code_list].title if item.code_list else ""
    parts = [f"{item.title}. {item.definition}", item.urn, f"Codes: {codes}" if codes else "", item.provenance.verified]
    return " — ".join(part for part in parts if part)


def list_open_items(table: Table) -> list[str]:
    """Names of the items whose values may be shown to whoever watches runs."""
    return [item.name for item in table.items if not item.privacy.is_personal]
