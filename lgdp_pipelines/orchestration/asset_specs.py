"""Specs of the assets: description, owners, kinds, tags and columns that Dagster shows, from the contract.

Belongs here: pure functions from the register to asset specs. Belongs elsewhere: the work of an asset (``assets``).
"""

import re
from collections.abc import Iterable, Sequence

import dagster as dg

from lgdp_pipelines.orchestration.policy import follow_upstream, map_period_to_councils
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.model.table_model import Item, Table

RECEIVED, LANDED, VALIDATED, CONFORMED, PUBLISHED = "received", "landed", "validated", "conformed", "published"


def make_stage_key(stage: str, data_return: Return) -> dg.AssetKey:
    """Return ``[received | landed | validated | published, return]``."""
    return dg.AssetKey([stage, data_return.slug])


def make_conformed_key(model: str, data_return: Return) -> dg.AssetKey:
    """Return ``[conformed, model, return]``: a return's slices of a model."""
    return dg.AssetKey([CONFORMED, model, data_return.slug])


def make_source_key(source: Source) -> dg.AssetKey:
    """Return ``[source, id]``, with underscores for the hyphens of the id."""
    return dg.AssetKey(["source", source.id.replace("-", "_")])


def build_received_spec(data_return: Return, register: Register, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Return the spec of the bytes as sent, fed by sources."""
    sources = [
        source
        for source in register.sources.values()
        if any(source_return.return_code == data_return.code for source_return in source.returns)
    ]
    titles = "; ".join(f"{source.title} ({source.transport})" for source in sources) or "handed in"
    return _build_spec(
        data_return,
        make_stage_key(RECEIVED, data_return),
        f"Extracts as councils sent them, kept under their sha256 with a receipt each. From: {titles}.",
        {"bytes", *(str(source.transport) for source in sources)},
        grid,
        [make_source_key(source) for source in sources],
    )


def build_landed_spec(data_return: Return, register: Register, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Return the spec of the landed asset: every cell as text."""
    spec = _build_spec(
        data_return,
        make_stage_key(LANDED, data_return),
        "Every cell of every extract as text, exactly as sent, with the row a person would see in the file.",
        {"deltalake", "bronze"},
        grid,
        [make_stage_key(RECEIVED, data_return)],
    )
    return _add_columns(spec, data_return.latest, register, as_text=True)


def build_validated_spec(data_return: Return, register: Register, grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Return the spec of the typed slices of accepted submissions."""
    spec = _build_spec(
        data_return,
        make_stage_key(VALIDATED, data_return),
        "Typed by the contract and judged by its rules. A council's slice is replaced by an accepted submission only.",
        {"deltalake", "pandera", "silver"},
        grid,
        [make_stage_key(LANDED, data_return)],
    )
    return _add_columns(spec, data_return.latest, register, as_text=False)


def build_conformed_specs(
    data_return: Return, models: Sequence[str], grid: dg.PartitionsDefinition
) -> list[dg.AssetSpec]:
    """Return a spec for each conformed model, remade after upstream changes."""
    validated_dep = dg.AssetDep(make_stage_key(VALIDATED, data_return), partition_mapping=map_period_to_councils())
    return [
        _build_spec(
            data_return,
            make_conformed_key(model, data_return),
            f"{data_return.code}'s slices of the shared table conformed.{model}: comparable over councils and returns, "
            "without direct identifiers.",
            {"dbt", "duckdb", "gold"},
            grid,
            [validated_dep],
        ).replace_attributes(automation_condition=follow_upstream())
        for model in models
    ]


def build_published_spec(data_return: Return, models: Sequence[str], grid: dg.PartitionsDefinition) -> dg.AssetSpec:
    """Return the spec of the published asset, remade after upstream changes."""
    return _build_spec(
        data_return,
        make_stage_key(PUBLISHED, data_return),
        "Generalised and disclosure-controlled, as a versioned release: what analysts see.",
        {"dbt", "duckdb", "release"},
        grid,
        [make_conformed_key(model, data_return) for model in models],
    ).replace_attributes(automation_condition=follow_upstream())


def _build_spec(
    data_return: Return,
    key: dg.AssetKey,
    text: str,
    kinds: set[str],
    grid: dg.PartitionsDefinition,
    deps: Iterable[dg.AssetKey | dg.AssetDep],
) -> dg.AssetSpec:
    """Return a spec with the contract's description, owner, tags and metadata."""
    contract = data_return.latest
    return dg.AssetSpec(
        key,
        description=f"**{contract.title}.** {text}\n\n{contract.purpose}",
        group_name=re.sub(r"\W+", "_", contract.subject).lower(),
        owners=[contract.owner] if "@" in contract.owner else [],
        kinds=kinds,
        tags={"lgdp/return": data_return.slug},
        partitions_def=grid,
        deps=deps,
        metadata={
            "contract": f"{contract.path.name} (version {contract.version})",
            "recipients": ", ".join(contract.recipients),
            "legal basis": contract.legal_basis,
            "asked by": str(contract.period_kind),
            "due": f"{contract.due_days} days after the period's end",
            "provenance": f"{contract.provenance.verified}: {contract.provenance.source}".rstrip(": "),
        },
    )


def _add_columns(spec: dg.AssetSpec, contract: Contract, register: Register, *, as_text: bool) -> dg.AssetSpec:
    """Return the spec with the contract's columns, marked as skippable.

    Skippable, as a run may leave partitions as they are.
    """
    has_several_tables = len(contract.tables) > 1
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=f"{table.name}.{item.name}" if has_several_tables else item.name,
                type="text" if as_text else str(item.type),
                description=_describe_item(item, register),
                constraints=dg.TableColumnConstraints(nullable=not item.required),
            )
            for table in contract.tables
            for item in (table.items if as_text else table.all_items)
        ]
    )
    return spec.merge_attributes(metadata={"dagster/column_schema": schema}).replace_attributes(skippable=True)


def _describe_item(item: Item, register: Register) -> str:
    """Return an item's title, definition, URN, code list and verification."""
    codes = register.code_lists[item.code_list].title if item.code_list else ""
    parts = [f"{item.title}. {item.definition}", item.urn, f"Codes: {codes}" if codes else "", item.provenance.verified]
    return " — ".join(part for part in parts if part)


def list_open_items(table: Table) -> list[str]:
    """Return the names of non-personal items, whose values Dagster may show."""
    return [item.name for item in table.items if not item.privacy.is_personal]
