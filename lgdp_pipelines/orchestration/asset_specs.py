"""What Dagster shows of an asset before it is made: description, owners, kinds, tags and columns, from the contract.

What belongs here: pure functions from the register to asset specs. What does not: what an asset does (``assets``).
"""

import re
from collections.abc import Sequence
from typing import Any

import dagster as dg

from lgdp_pipelines.orchestration.policy import follows_upstream, period_of_every_council
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.model.table_model import Item, Table
from lgdp_pipelines.workflows.platform import Platform

RECEIVED, LANDED, VALIDATED, CONFORMED, PUBLISHED = "received", "landed", "validated", "conformed", "published"


def stage_key(stage: str, ret: Return) -> dg.AssetKey:
    """``[received | landed | validated | published, return]``."""
    return dg.AssetKey([stage, ret.slug])


def conformed_key(model: str, ret: Return) -> dg.AssetKey:
    """``[conformed, model, return]``: the slices that one return writes into a model's table."""
    return dg.AssetKey([CONFORMED, model, ret.slug])


def source_key(source: Source) -> dg.AssetKey:
    """``[source, id]``."""
    return dg.AssetKey(["source", source.id.replace("-", "_")])


def received_spec(ret: Return, platform: Platform, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """The bytes as sent. Collection makes them, council by council; nothing else may."""
    sources = [s for s in platform.register.sources.values() if any(r.return_code == ret.code for r in s.returns)]
    named = "; ".join(f"{s.title} ({s.transport})" for s in sources) or "handed in"
    return _spec(
        ret,
        stage_key(RECEIVED, ret),
        f"Extracts as councils sent them, kept under their sha256 with a receipt each. From: {named}.",
        kinds={"bytes", *(str(source.transport) for source in sources)},
        partitions_def=grid,
        deps=[source_key(source) for source in sources],
    )


def landed_spec(ret: Return, platform: Platform, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Every cell as text."""
    return _spec(
        ret,
        stage_key(LANDED, ret),
        "Every cell of every extract as text, exactly as sent, with the row a person would see in the file.",
        kinds={"deltalake", "bronze"},
        partitions_def=grid,
        deps=[stage_key(RECEIVED, ret)],
        columns=_columns(ret.latest, platform.register, as_text=True),
        skippable=True,
    )


def validated_spec(ret: Return, platform: Platform, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Typed and judged; only an accepted submission replaces a slice."""
    return _spec(
        ret,
        stage_key(VALIDATED, ret),
        "Typed by the contract and judged by its rules. A council's slice is replaced by an accepted submission only.",
        kinds={"deltalake", "pandera", "silver"},
        partitions_def=grid,
        deps=[stage_key(LANDED, ret)],
        columns=_columns(ret.latest, platform.register, as_text=False),
        skippable=True,
    )


def conformed_specs(ret: Return, models: Sequence[str], grid: dg.PartitionsDefinition) -> list[dg.AssetSpec]:
    """One for each model that the return writes slices into."""
    validated = dg.AssetDep(stage_key(VALIDATED, ret), partition_mapping=period_of_every_council())
    return [
        _spec(
            ret,
            conformed_key(model, ret),
            f"{ret.code}'s slices of the shared table conformed.{model}: comparable over councils and returns, "
            "without direct identifiers.",
            kinds={"dbt", "duckdb", "gold"},
            partitions_def=grid,
            deps=[validated],
            automation_condition=follows_upstream(),
        )
        for model in models
    ]


def published_spec(ret: Return, models: Sequence[str], grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """The released slice."""
    return _spec(
        ret,
        stage_key(PUBLISHED, ret),
        "Generalised and disclosure-controlled, as a versioned release: what analysts see.",
        kinds={"dbt", "duckdb", "release"},
        partitions_def=grid,
        deps=[conformed_key(model, ret) for model in models],
        automation_condition=follows_upstream(),
    )


def group_of(ret: Return) -> str:
    """The return's subject, as Dagster spells group names."""
    return re.sub(r"\W+", "_", ret.latest.subject).lower()


def _spec(
    ret: Return,
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
    contract = ret.latest
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
        group_name=group_of(ret),
        owners=[contract.owner] if "@" in contract.owner else [],
        kinds=kinds,
        tags={"lgdp/return": ret.slug},
        partitions_def=partitions_def,
        deps=list(deps),
        metadata=metadata,
        skippable=skippable,
        automation_condition=automation_condition,
    )


def _columns(contract: Contract, register: Register, *, as_text: bool) -> dg.TableSchema:
    several = len(contract.tables) > 1
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=f"{table.name}.{item.name}" if several else item.name,
                type="text" if as_text else str(item.type),
                description=_described(item, register),
                constraints=dg.TableColumnConstraints(nullable=not item.required),
            )
            for table in contract.tables
            for item in (table.items if as_text else table.all_items)
        ]
    )


def _described(item: Item, register: Register) -> str:
    codes = register.code_lists[item.code_list].title if item.code_list else ""
    parts = [f"{item.title}. {item.definition}", item.urn, f"Codes: {codes}" if codes else "", item.provenance.verified]
    return " — ".join(part for part in parts if part)


def open_items(table: Table) -> list[str]:
    """Names of the items whose values may be shown to whoever watches runs."""
    return [item.name for item in table.items if not item.privacy.is_personal]
