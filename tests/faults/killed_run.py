"""A script that kills a run at every step and repeats it.

``python killed_run.py FOLDER`` writes beside each home the signal that ended the run, and the content of ledger and
lake after the run was repeated; it does the same for undisturbed runs. ``python killed_run.py HOME POINT WORDS…``
runs ``lgdp`` and kills it at a point.

The modules are imported once; each run is a fork of this process, which does no work before. A run is killed by SIGKILL
around the platform's own functions.
"""

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lgdp_pipelines import cli
from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.ledger.judgements import JudgementRepository
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.receipts import ReceiptRepository
from lgdp_pipelines.ledger.releases import ReleaseRepository
from lgdp_pipelines.ledger.submissions import SubmissionRepository
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.byte_store import ByteStore
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.pseudonym_keys import load_pseudonym_key
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows import publishing
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from tests.faults.state import read_state
from tests.support.contracts import add_contract, library, rule, write_register
from tests.support.dbt_projects import share_dbt_projects
from tests.support.trusted_extension import trust_extensions

PERIOD = parse_period("CY2023")
PROCESS_COUNT = 2
UNLIKELY_BOOKS = rule("busy", "More than 5,000 books are unlikely", "books > 5000", severity="query")


@dataclass(frozen=True)
class Effect:
    """A call by which a run changes ledger or lake.

    Attributes:
        owner: class or module of the function.
        function: name of the function.
        table: the lake's table, if the function writes several.
        call: number of the call, from 1.
    """

    owner: Any
    function: str
    table: str = ""
    call: int = 1


@dataclass(frozen=True)
class Point:
    """Moment at which a run is killed, with its start and end.

    Attributes:
        effect: name in :data:`EFFECTS`.
        when: ``before`` or ``after`` the effect.
        start: home that the run begins with: ``nothing``, ``released``, or ``judged`` with new extracts.
        end: last stage of the repeated run: ``processed`` or ``published``.
    """

    effect: str
    when: str
    start: str
    end: str

    def __str__(self) -> str:
        return f"{self.when} {self.effect}"


class Notifier:
    """Receiver of outcomes."""

    @staticmethod
    def notify(outcomes: object) -> None:
        """Do nothing."""


def _build_slice_effect(table: str) -> Effect:
    """Return the effect of replacing a table's slice."""
    return Effect(Lake, "replace_slice", table)


EFFECTS = {
    "raw put": Effect(ByteStore, "put", call=2),
    "receipt recorded": Effect(ReceiptRepository, "record", call=2),
    "submissions opened": Effect(SubmissionRepository, "open"),
    "landed written": _build_slice_effect("landed/library__loan__v1"),
    "findings written": _build_slice_effect("judged/finding"),
    "first validated table written": Effect(Lake, "replace_councils", "validated/library__branch__v1"),
    "second validated table written": Effect(Lake, "replace_councils", "validated/library__loan__v1"),
    "councils notified": Effect(Notifier, "notify"),
    "judgements recorded": Effect(JudgementRepository, "record"),
    "judgements mirrored": _build_slice_effect("ledger/judgement"),
    "mirrored": Effect(Ledger, "mirror"),
    "council dimension written": _build_slice_effect("conformed/council"),
    "period dimension written": _build_slice_effect("conformed/period"),
    "observations written": _build_slice_effect("conformed/observation"),
    "first published table written": _build_slice_effect("published/library_branch"),
    "second published table written": _build_slice_effect("published/library_loan"),
    "lineage written": Effect(publishing, "write_column_edges"),
    "catalogue written": Effect(publishing, "write_catalogue"),
    "release recorded": Effect(ReleaseRepository, "record"),
    "releases mirrored": Effect(Ledger, "mirror", call=2),
}
PROCESSING = list(EFFECTS)[:11]
POINTS_TO_PUBLICATION = {"after first validated table written"}
EFFECTS_FROM_NOTHING = {"council dimension written", "period dimension written", "lineage written"}


def _list_points() -> Iterator[Point]:
    """Yield a point after each effect, and before the first effect of each start.

    A point after one effect is before the next.
    """
    seen_starts: set[str] = set()
    for effect in EFFECTS:
        start = "released" if effect in PROCESSING else "nothing" if effect in EFFECTS_FROM_NOTHING else "judged"
        for when in ("before", "after") if start not in seen_starts else ("after",):
            end = (
                "processed" if start == "released" and f"{when} {effect}" not in POINTS_TO_PUBLICATION else "published"
            )
            yield Point(effect, when, start, end)
        seen_starts.add(start)


POINTS = {str(point): point for point in _list_points()}

FIRST_EXTRACTS = {
    "FIF": (["Cupar,1200", "Leven,300"], ["Cupar,1,10", "Leven,1,4"]),
    "GLG": (["Gorbals,4000"], ["Gorbals,1,99"]),
}
"""Each council's rows of the two files that the first release has."""

NEW_EXTRACTS = {
    "FIF": (["Cupar,1250", "Leven,310"], ["Cupar,1,11", "Leven,1,5", "Leven,2,6"]),
    "EDH": (["Leith,6000"], ["Leith,1,70"]),
    "ABE": (["Torry,many"], ["Torry,1,1"]),
}
"""Rows of a resubmission, of a first submission with a query, and of a rejected submission."""


def open_platform(home: Path) -> Platform:
    """Return the platform of a home, with the home's own register or else the shared one."""
    own_register = home / "register"
    schemas = own_register if own_register.exists() else home.parent / "register"
    platform = Platform(Settings.from_folder(home, schemas))
    platform.code_version = "test"  # a commit between two runs would make them differ
    return platform


def hand_in_extracts(platform: Platform, extracts: dict[str, tuple[list[str], list[str]]]) -> None:
    """Hand in two files for each council."""
    data_return = platform.register.returns["LIBRARY"]
    folder = platform.settings.home / "outbox"
    for council, (branches, loans) in extracts.items():
        folder.mkdir(exist_ok=True)
        files = folder / f"branches_{council}.csv", folder / f"loans_{council}.csv"
        files[0].write_text("\n".join(["Branch,Books", *branches, ""]), encoding="utf-8")
        files[1].write_text("\n".join(["Branch,Month,Loans", *loans, ""]), encoding="utf-8")
        authority = platform.register.councils.by_code[council]
        hand_in(data_return, authority, PERIOD, files, inbox=Inbox(platform.ledger, platform.received_bytes))


def process_pending(platform: Platform) -> None:
    """Process all pending work, as the command line does, without Dagster."""
    for work in platform.ledger.submissions.list_pending_work():
        data_return = platform.register.returns[work.return_code]
        process(
            platform,
            ProcessRequest(data_return, parse_period(work.period), work.councils),
            str(os.getpid()),
            notify=Notifier.notify,
        )


def publish_changed(platform: Platform) -> None:
    """Publish all changed periods, as the command line does, without Dagster."""
    for data_return in platform.register.returns.values():
        periods = publishing.list_changed_periods(platform, data_return)
        if periods:
            publishing.publish(platform, data_return, periods, run_id=str(os.getpid()))
    publishing.refresh_lake_copies(platform)


def run(platform: Platform, start: str, end: str) -> None:
    """Hand extracts in, process them, and publish if the run ends there."""
    if start != "judged":
        hand_in_extracts(platform, FIRST_EXTRACTS if start == "nothing" else NEW_EXTRACTS)
    process_pending(platform)
    if end == "processed":
        publishing.refresh_lake_copies(platform)
    else:
        publish_changed(platform)


def install_kill(point: Point) -> None:
    """Replace the point's function by one that kills this process."""
    effect = EFFECTS[point.effect]
    real: Callable[..., Any] = getattr(effect.owner, effect.function)
    calls = 0

    @wraps(real)
    def call_and_kill(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        is_counted = not effect.table or str(arguments[1]) == effect.table
        calls += is_counted
        if is_counted and calls == effect.call and point.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **options)
        if is_counted and calls == effect.call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(effect.owner, effect.function, call_and_kill)


def run_in_fork(work: Callable[[], None]) -> int:
    """Run work in a process of its own.

    Returns:
        The signal that ended the process, or 0; 1 if the work failed.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except Exception:  # noqa: BLE001 - printed in the output of the test
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def save_state(home: Path) -> None:
    """Write a home's state beside it."""
    home.with_suffix(".json").write_text(json.dumps(read_state(open_platform(home))), encoding="utf-8")


def prepare_starts(folder: Path) -> None:
    """Make the starting homes, and the states after undisturbed runs from them."""
    write_register(folder / "register", library(UNLIKELY_BOOKS))
    load_pseudonym_key(Settings.from_folder(folder / "nothing").secrets)
    run_undisturbed(folder, "nothing", "published", "released")
    run_undisturbed(folder, "released", "processed", "judged")
    known = {("nothing", "published"), ("released", "processed")}
    routes = sorted({(point.start, point.end) for point in POINTS.values()} - known)
    run_side_by_side(
        [lambda start=start, end=end: run_undisturbed(folder, start, end, f"{start} {end}") for start, end in routes]
    )


def run_undisturbed(folder: Path, start: str, end: str, name: str) -> None:
    """Run without a kill in a home of the given name, and save its state."""
    home = folder / name
    shutil.copytree(folder / start, home)
    if run_in_fork(lambda: (run(open_platform(home), start, end), save_state(home))):
        raise SystemExit("An undisturbed run failed.")
    home.with_suffix(".json").rename(folder / f"undisturbed {start} {end}.json")


def run_killed(folder: Path, point: Point) -> None:
    """Run until the point kills the process, and write the signal beside the home."""
    home = folder / f"killed {point}"
    shutil.copytree(folder / point.start, home)
    signal_number = run_in_fork(lambda: (install_kill(point), run(open_platform(home), point.start, point.end)))
    home.with_suffix(".ended").write_text(str(signal_number), encoding="utf-8")


def repeat_runs(folder: Path, points: Sequence[Point]) -> None:
    """Repeat killed runs in one process, each with its own home and platform."""
    for point in points:
        home = folder / f"killed {point}"
        run(open_platform(home), point.start, point.end)
        save_state(home)
        shutil.rmtree(home)


@dataclass(frozen=True)
class StricterCase:
    """Run killed after it wrote slices, and repeated with a rule that rejects its submission.

    Attributes:
        effect: effect after which the run is killed.
        rows: Fife's rows of the two files.
        recovery_effect: effect after which the repeated run is killed too; empty: it is not killed.
    """

    effect: str
    rows: tuple[list[str], list[str]]
    recovery_effect: str = ""


STRICTER_CASES = {
    "both tables written": StricterCase("second validated table written", NEW_EXTRACTS["FIF"]),
    "one table written": StricterCase("first validated table written", NEW_EXTRACTS["FIF"]),
    "one table emptied": StricterCase("first validated table written", ([], ["Cupar,1,11"])),
    "recovery killed too": StricterCase(
        "second validated table written", NEW_EXTRACTS["FIF"], recovery_effect="first validated table written"
    ),
}


def build_stricter_library() -> dict[str, Any]:
    """Return a contract that rejects Fife's :data:`NEW_EXTRACTS`, and submissions without branches."""
    few_books = rule("few_books", "No branch has more than 1,220 books, or Fife's had", "books > 1220 AND books < 4000")
    has_branches = {
        "id": "some_branch", "name": "There is a branch", "description": "Export it again.", "severity": "error",
        "type": "library", "metric": "rowCount", "mustBeGreaterOrEqualTo": 1, "unit": "rows",
    }  # fmt: skip
    text = json.dumps({**library(UNLIKELY_BOOKS, few_books, has_branches), "version": "1.1.0"})
    return json.loads(text.replace('"CY2022"', f'"{PERIOD.id}"'))


def run_stricter_case(folder: Path, name: str) -> None:
    """Kill a run, make the contract stricter, and repeat the run."""
    case = STRICTER_CASES[name]
    home = folder / f"stricter {name}"
    shutil.copytree(folder / "released", home)
    shutil.copytree(folder / "register", home / "register")

    def process_until_killed() -> None:
        install_kill(Point(case.effect, "after", "", ""))
        hand_in_extracts(open_platform(home), {"FIF": case.rows})
        process_pending(open_platform(home))

    signal_number = run_in_fork(process_until_killed)
    home.with_suffix(".ended").write_text(str(signal_number), encoding="utf-8")
    add_contract(home / "register", build_stricter_library())
    if case.recovery_effect:
        point = Point(case.recovery_effect, "after", "", "")
        run_in_fork(lambda: (install_kill(point), process_pending(open_platform(home))))
    if run_in_fork(
        lambda: (
            process_pending(open_platform(home)),
            publishing.refresh_lake_copies(open_platform(home)),
            save_state(home),
        )
    ):
        home.with_suffix(".json").write_text(json.dumps({"failed": 1}), encoding="utf-8")


def run_side_by_side(work: Sequence[Callable[[], None]]) -> None:
    """Run each piece of work in a process of its own, two at a time."""
    running = 0
    for task in work:
        if running == PROCESS_COUNT:
            os.wait()
            running -= 1
        if os.fork() == 0:
            run_in_fork(task)
            os._exit(0)
        running += 1
    while running:
        os.wait()
        running -= 1


def main(folder: Path) -> None:
    """Make all starts, kill all runs, and repeat them."""
    prepare_starts(folder)
    points = list(POINTS.values())
    run_side_by_side([lambda point=point: run_killed(folder, point) for point in points])
    run_side_by_side(
        [
            *(lambda part=part: repeat_runs(folder, points[part::PROCESS_COUNT]) for part in range(PROCESS_COUNT)),
            *(lambda name=name: run_stricter_case(folder, name) for name in STRICTER_CASES),
        ]
    )
    shutil.rmtree(folder / "nothing")


SLOW_TO_LOAD = (
    "lgdp_pipelines.dbt_build.dbt_runner",
    "lgdp_pipelines.dbt_build.lake_plugin",
    "dbt.task.build",
    "dbt.adapters.duckdb.environments.local",
    "dbt.adapters.duckdb.impl",
    "dbt_common.clients.agate_helper",
    "deltalake.fs",
    "hypothesis",
    "open_data_contract_standard",
    "sqlglot.dialects.duckdb",
    "sqlglot.optimizer",
)
"""Modules that take seconds to import, once for all forks."""


def run_lgdp_killed(home: Path, point: str, words: list[str]) -> None:
    """Run ``lgdp``, and kill it at a point."""
    when, effect = point.split(" ", 1)
    install_kill(Point(effect, when, "", ""))
    os.environ |= {"LGDP_HOME": str(home), "LGDP_SCHEMAS": str(home.parent / "register")}
    sys.argv = ["lgdp", *words]
    cli.main()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run_lgdp_killed(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
    else:
        for module in SLOW_TO_LOAD:
            importlib.import_module(module)
        with tempfile.TemporaryDirectory() as projects, share_dbt_projects(Path(projects)), trust_extensions():
            main(Path(sys.argv[1]))
