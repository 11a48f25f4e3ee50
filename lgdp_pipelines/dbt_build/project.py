"""The dbt project: an immutable folder for each content, parsed once.

Handwritten files and generated models are written together into a folder named by the hash of its content. So a run
keeps its project while the register changes, and any number of processes share one parse. Belongs here: making and
opening such folders. Belongs elsewhere: running models (``invocation``), and their text (``conformance``,
``publication``).
"""

import fcntl
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lgdp_pipelines.handover.scratch_folders import open_scratch_folder
from lgdp_pipelines.settings import Settings

_MANIFEST = "manifest.msgpack"
_COMPILED = "compiled.json"
_IGNORED_FOLDERS = {"target", "logs", "dbt_packages"}


@dataclass(frozen=True)
class CompiledModel:
    """One model of the project, compiled.

    Attributes:
        unique_id: dbt's id, such as ``model.lgdp.council``.
        schema: of its relation in the scratch database.
        alias: of its relation in the scratch database.
        table: ``layer/name`` of the Delta table that it writes; empty without one.
        tags: slug of the return, or ``shared``.
        sql: compiled; empty for a Python model.
        depends_on: unique ids of the models and sources that it reads.
        columns: names that its properties declare.
    """

    unique_id: str
    schema: str
    alias: str
    table: str
    tags: tuple[str, ...]
    sql: str
    depends_on: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """A dbt project on disk.

    Attributes:
        folder: of its files, which never change.
    """

    folder: Path

    @cached_property
    def encoded_manifest(self) -> bytes:
        """Bytes of the parsed project's manifest."""
        return (self.folder / _MANIFEST).read_bytes()

    @cached_property
    def models(self) -> Mapping[str, CompiledModel]:
        """Models by unique id, compiled for a slice without rows."""
        models: list[dict[str, Any]] = json.loads((self.folder / _COMPILED).read_text(encoding="utf-8"))
        list_fields = ("tags", "depends_on", "columns")
        return {
            model["unique_id"]: CompiledModel(**model | {name: tuple(model[name]) for name in list_fields})
            for model in models
        }


def write_project(settings: Settings, models: Mapping[str, str]) -> Project:
    """Return the dbt project, written and parsed unless already on disk.

    It holds generated models and handwritten files.

    Args:
        settings: places of the handwritten project and of the parsed ones (``dbt/`` under home).
        models: text by path. A handwritten model takes the place of a generated one of the same name.

    Raises:
        BuildFailed: dbt cannot parse it.
    """
    files = _read_handwritten_files(settings.dbt_project)
    handwritten_names = {Path(path).stem for path in files if _is_model(path)}
    files |= {
        path: text.encode()
        for path, text in models.items()
        if not (_is_model(path) and Path(path).stem in handwritten_names)
    }
    folder = settings.home / "dbt" / _hash_files(files)[:16]
    if not (folder / _COMPILED).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (settings.home / "dbt.lock").open("a") as lock:
            # A parse costs many seconds, and one is enough for all processes.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / _COMPILED).exists():
                _make_project(folder, files)
    return Project(folder)


def _read_handwritten_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the project's own files, by path."""
    paths = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
    return {
        path.as_posix(): (folder / path).read_bytes()
        for path in paths
        if not any(part.startswith(".") or part in _IGNORED_FOLDERS for part in path.parts)
    }


def _is_model(path: str) -> bool:
    """Return whether a path is that of a model."""
    return path.startswith("models/") and path.endswith((".sql", ".py"))


def _hash_files(files: Mapping[str, bytes]) -> str:
    """Return the sha256 of all files and of dbt's and DuckDB's versions."""
    digest = hashlib.sha256()
    for name in ("dbt-core", "dbt-duckdb", "duckdb"):
        digest.update(f"{name}=={version(name)}\n".encode())
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _make_project(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write and parse the project in a draft folder, then rename it."""
    with open_scratch_folder(folder.parent, "draft") as scratch:
        draft = scratch / "project"
        for path, content in files.items():
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        _parse(draft, scratch)
        draft.rename(folder)


def _parse(draft: Path, scratch: Path) -> None:
    """Parse and compile a draft project; write its manifest and models."""
    from lgdp_pipelines.dbt_build import dbt_runner  # noqa: PLC0415 - dbt takes seconds to load, and is rarely needed

    output = {"type": "duckdb", "path": ":memory:"}
    manifest = dbt_runner.invoke_dbt(["parse", "--no-partial-parse"], draft, scratch, output)
    (draft / _MANIFEST).write_bytes(dbt_runner.encode_manifest(manifest))
    no_slice = json.dumps({"periods": ["-"]})
    arguments = ["compile", "--vars", no_slice, "--no-populate-cache"]
    compilation = dbt_runner.invoke_dbt(arguments, draft, scratch, output, manifest)
    models = [_describe_model(result.node) for result in compilation.results if result.node.resource_type == "model"]
    models.sort(key=lambda model: str(model["unique_id"]))
    (draft / _COMPILED).write_text(json.dumps(models, indent=1), encoding="utf-8")


def _describe_model(node: Any) -> dict[str, object]:  # noqa: ANN401 - dbt's nodes have no common type
    """Return the fields of a :class:`CompiledModel` for JSON."""
    return {
        "unique_id": node.unique_id,
        "schema": node.schema,
        "alias": node.alias,
        "table": (node.config.meta or {}).get("table", ""),
        "tags": sorted(node.config.tags),
        "sql": (node.compiled_code or "") if str(node.language) == "sql" else "",
        "depends_on": sorted(node.depends_on.nodes),
        "columns": list(node.columns),
    }
