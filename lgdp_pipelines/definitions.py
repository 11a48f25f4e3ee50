"""The definitions that Dagster loads (``workspace.yaml``)."""

from lgdp_pipelines.orchestration.definitions_builder import build_definitions
from lgdp_pipelines.settings import Settings

defs = build_definitions(Settings.from_environment())
