"""The dbt project: an immutable folder for each content, parsed once.

Handwritten files and generated models are laid together in a folder that is named by the hash of what is in it, so that
a run that began keeps its project while the register changes, and any number of processes share one parse. What belongs
here: making and opening such folders. What does not: running models (``build``), what they say (``models``).
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from lgdp_pipelines.settings import Settings

DATABASE = "memory"
"""DuckDB's name for a database in memory. One on disk must have a file of that name, for the same parse to fit both."""

_MANIFEST = "manifest.msgpack"
_COMPILED = "compiled.json"
_LEFT_OUT = {"target", "logs", "dbt_packages"}


@dataclass(frozen=True)
class CompiledModel:
    """One model of the project, with its SQL as it would run.

    Attributes:
        unique_id: dbt's name for it.
        name: its own.
        schema: layer of the scratch database that it is read from.
        alias: its table there.
        table: ``layer/name`` in the lake, where it is written there; empty otherwise.
        tags: return and kind.
        sql: compiled; empty for a Python model.
        depends_on: unique ids of models and sources that it reads.
        columns: names that its properties declare.
    """

    unique_id: str
    name: str
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
        folder: where it lies; nothing in it changes.
        sha256: of its content.
    """

    folder: Path
    sha256: str

    @cached_property
    def packed_manifest(self) -> bytes:
        """The parse of the project, as dbt reads it back."""
        return (self.folder / _MANIFEST).read_bytes()

    @cached_property
    def models(self) -> Mapping[str, CompiledModel]:
        """Every model by unique id, compiled once for a slice that is nobody's."""
        listed = json.loads((self.folder / _COMPILED).read_text(encoding="utf-8"))
        return {one["unique_id"]: _model(one) for one in listed}


def _model(saved: dict[str, Any]) -> CompiledModel:
    listed = {name: tuple(saved[name]) for name in ("tags", "depends_on", "columns")}
    return CompiledModel(**{**saved, **listed})


def write_project(settings: Settings, models: Mapping[str, str]) -> Project:
    """The project of these generated models and the handwritten files, made if it is not there.

    Args:
        settings: where the handwritten project is, and where made ones are kept (``dbt/`` under home).
        models: text by path. A handwritten model takes the place of a generated one of the same name.

    Raises:
        BuildFailed: dbt cannot parse it.
    """
    files = _handwritten(settings.dbt_project)
    overridden = {Path(path).stem for path in files if _is_model(path)}
    files |= {
        path: text.encode() for path, text in models.items() if not (_is_model(path) and Path(path).stem in overridden)
    }
    sha256 = _content_hash(files)
    home = settings.home / "dbt"
    folder = home / sha256[:16]
    if not (folder / _COMPILED).exists():
        with _alone(settings.home / "dbt.lock"):
            if not (folder / _COMPILED).exists():
                _make(folder, files)
    return Project(folder, sha256)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is at it: a parse costs many seconds, and one is enough for all."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def quiet(folder: Path, scratch: Path) -> list[str]:
    """The arguments of every call: nothing printed, nothing sent, nothing written outside the scratch folder."""
    return [
        "--project-dir", str(folder),
        "--profiles-dir", str(scratch),
        "--target-path", str(scratch / "target"),
        "--log-path", str(scratch / "logs"),
        "--log-level", "none",
        "--log-level-file", "none",
        "--quiet",
        "--no-use-colors",
        "--no-print",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
    ]  # fmt: skip


def _handwritten(folder: Path) -> dict[str, bytes]:
    found = {}
    for file in sorted(folder.rglob("*")):
        place = file.relative_to(folder)
        hidden = any(part.startswith(".") or part in _LEFT_OUT for part in place.parts)
        if file.is_file() and not hidden:
            found[place.as_posix()] = file.read_bytes()
    return found


def _is_model(path: str) -> bool:
    return path.startswith("models/") and path.endswith((".sql", ".py"))


def _content_hash(files: Mapping[str, bytes]) -> str:
    parts = hashlib.sha256()
    for name in ("dbt-core", "dbt-duckdb", "duckdb"):
        parts.update(f"{name}=={version(name)}\n".encode())
    for path, content in sorted(files.items()):
        parts.update(f"{path}\0{len(content)}\0".encode())
        parts.update(content)
    return parts.hexdigest()


def _make(folder: Path, files: Mapping[str, bytes]) -> None:
    """Lay the project in a folder of its own and rename it into place whole; whoever is second throws theirs away."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.{uuid4().hex[:8]}")
    scratch = draft.with_name(f"{draft.name}.scratch")
    try:
        for path, content in files.items():
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        scratch.mkdir(parents=True)
        _parse(draft, scratch)
        try:
            draft.rename(folder)
        except OSError:
            if not (folder / _COMPILED).exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)


def _parse(draft: Path, scratch: Path) -> None:
    from lgdp_pipelines.dbt_build import dbt_client  # noqa: PLC0415 - dbt takes seconds to load, and is rarely needed

    profile = {"lgdp": {"target": "s", "outputs": {"s": {"type": "duckdb", "path": ":memory:"}}}}
    (scratch / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    manifest = dbt_client.run(["parse", "--no-partial-parse", *quiet(draft, scratch)])
    (draft / _MANIFEST).write_bytes(dbt_client.packed(manifest))
    nobody = json.dumps({"periods": ["-"]})
    compiled = dbt_client.run(["compile", "--vars", nobody, "--no-populate-cache", *quiet(draft, scratch)], manifest)
    models = [_compiled(one.node) for one in compiled.results if one.node.resource_type == "model"]
    listed = json.dumps(sorted(models, key=lambda one: str(one["unique_id"])), indent=1)
    (draft / _COMPILED).write_text(listed, encoding="utf-8")


def _compiled(node: Any) -> dict[str, object]:  # noqa: ANN401 - dbt's nodes have no common type
    is_sql = str(node.language) == "sql"
    return {
        "unique_id": node.unique_id,
        "name": node.name,
        "schema": node.schema,
        "alias": node.alias,
        "table": (node.config.meta or {}).get("table", ""),
        "tags": sorted(node.config.tags),
        "sql": (node.compiled_code or "") if is_sql else "",
        "depends_on": sorted(node.depends_on.nodes),
        "columns": list(node.columns),
    }
