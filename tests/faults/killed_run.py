"""A run that is killed at every step, and then done again: a script, because what it kills is its own process.

``python killed_run.py FOLDER`` writes beside each home what ended the run and what ledger and lake held when it had
been done again; and the same of runs that nobody disturbed. ``python killed_run.py HOME POINT WORDS…`` is ``lgdp``,
killed at a point.

The modules are imported once; each run is a fork of this process that has done nothing else yet, and a run is killed by
SIGKILL around the product's own functions.
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
from tests.faults.state import state
from tests.support.contracts import add_contract, library, rule, write_register
from tests.support.dbt_projects import share_dbt_projects
from tests.support.trusted_extension import trust_extensions

PERIOD = parse_period("CY2023")
AT_ONCE = 2
BUSY = rule("busy", "More than 5,000 books are unlikely", "books > 5000", severity="query")


@dataclass(frozen=True)
class Effect:
    """Something that a run does to the world.

    Attributes:
        owner: class or module that holds the function.
        function: its name.
        table: of the lake, where the function writes several.
        call: which call of it, counted from 1.
    """

    owner: Any
    function: str
    table: str = ""
    call: int = 1


@dataclass(frozen=True)
class Point:
    """Where a run is killed, and what follows.

    Attributes:
        effect: name in :data:`EFFECTS`.
        when: before or after it.
        start: what is there when the run begins: nothing, a first release, or news that were judged already.
        end: how far the repeated run goes: ``processed`` or ``published``.
    """

    effect: str
    when: str
    start: str
    end: str

    def __str__(self) -> str:
        return f"{self.when} {self.effect}"


class Listener:
    """Who is told of outcomes."""

    @staticmethod
    def told(outcomes: object) -> None:
        """Nobody listens."""


def _replaced(table: str) -> Effect:
    return Effect(Lake, "replace_slice", table)


EFFECTS = {
    "raw put": Effect(ByteStore, "put", call=2),
    "receipt recorded": Effect(ReceiptRepository, "record", call=2),
    "submissions opened": Effect(SubmissionRepository, "open"),
    "landed written": _replaced("landed/library__loan__v1"),
    "findings written": _replaced("judged/finding"),
    "first validated table written": Effect(Lake, "replace_councils", "validated/library__branch__v1"),
    "second validated table written": Effect(Lake, "replace_councils", "validated/library__loan__v1"),
    "told": Effect(Listener, "told"),
    "settled": Effect(JudgementRepository, "record"),
    "judgements mirrored": _replaced("ledger/judgement"),
    "mirrored": Effect(Ledger, "mirror"),
    "council dimension written": _replaced("conformed/council"),
    "period dimension written": _replaced("conformed/period"),
    "observations written": _replaced("conformed/observation"),
    "first published table written": _replaced("published/library_branch"),
    "second published table written": _replaced("published/library_loan"),
    "lineage written": Effect(publishing, "write_column_edges"),
    "catalogue written": Effect(publishing, "write_catalogue"),
    "release recorded": Effect(ReleaseRepository, "record"),
    "releases mirrored": Effect(Ledger, "mirror", call=2),
}
PROCESSING = list(EFFECTS)[:11]
TO_THE_END = {"after first validated table written"}
FROM_NOTHING = {"council dimension written", "period dimension written", "lineage written"}


def _points() -> Iterator[Point]:
    """After each effect; and before the first of each kind of start, for what is after one is before the next."""
    begun: set[str] = set()
    for effect in EFFECTS:
        start = "released" if effect in PROCESSING else "nothing" if effect in FROM_NOTHING else "judged"
        for when in ("before", "after") if start not in begun else ("after",):
            end = "processed" if start == "released" and f"{when} {effect}" not in TO_THE_END else "published"
            yield Point(effect, when, start, end)
        begun.add(start)


POINTS = {str(point): point for point in _points()}

FIRST = {
    "FIF": (["Cupar,1200", "Leven,300"], ["Cupar,1,10", "Leven,1,4"]),
    "GLG": (["Gorbals,4000"], ["Gorbals,1,99"]),
}
"""Each council's rows of the two files: first those that are released when the killed run begins."""

NEWS = {
    "FIF": (["Cupar,1250", "Leven,310"], ["Cupar,1,11", "Leven,1,5", "Leven,2,6"]),
    "EDH": (["Leith,6000"], ["Leith,1,70"]),
    "ABE": (["Torry,many"], ["Torry,1,1"]),
}
"""Then a resubmission, a first submission with a query, and one that is rejected."""


def platform_at(home: Path) -> Platform:
    """The platform over a home; its register lies beside all homes, unless it has one of its own."""
    own = home / "register"
    platform = Platform(Settings.from_folder(home, own if own.exists() else home.parent / "register"))
    platform.code_version = "test"  # somebody may commit between two runs
    return platform


def handed_in(platform: Platform, extracts: dict[str, tuple[list[str], list[str]]]) -> None:
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


def processed(platform: Platform) -> None:
    """What the command line does with what is waiting, without Dagster."""
    for work in platform.ledger.submissions.list_pending_work():
        data_return = platform.register.returns[work.return_code]
        process(
            platform,
            ProcessRequest(data_return, parse_period(work.period), work.councils),
            str(os.getpid()),
            notify=Listener.told,
        )


def published(platform: Platform) -> None:
    """What the command line does with what has changed, without Dagster."""
    for data_return in platform.register.returns.values():
        periods = publishing.list_changed_periods(platform, data_return)
        if periods:
            publishing.publish(platform, data_return, periods, run_id=str(os.getpid()))
    publishing.refresh_lake_copies(platform)


def run(platform: Platform, start: str, end: str) -> None:
    """A run, as often as it is needed: from what is handed in to as far as it goes."""
    if start != "judged":
        handed_in(platform, FIRST if start == "nothing" else NEWS)
    processed(platform)
    if end == "processed":
        publishing.refresh_lake_copies(platform)
    else:
        published(platform)


def killing(point: Point) -> None:
    """Have this process killed at a point."""
    effect = EFFECTS[point.effect]
    real: Callable[..., Any] = getattr(effect.owner, effect.function)
    calls = 0

    @wraps(real)
    def killed(*args: Any, **more: Any) -> Any:
        nonlocal calls
        is_meant = not effect.table or str(args[1]) == effect.table
        calls += is_meant
        if is_meant and calls == effect.call and point.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        given = real(*args, **more)
        if is_meant and calls == effect.call:
            os.kill(os.getpid(), signal.SIGKILL)
        return given

    setattr(effect.owner, effect.function, killed)


def in_a_fork(work: Callable[[], None]) -> int:
    """Do something in a process of its own.

    Returns:
        The signal that ended it, or 0; 1 where it failed.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except Exception:  # noqa: BLE001 - told in the output of the test
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def saved(home: Path) -> None:
    """Write a home's state beside it."""
    home.with_suffix(".json").write_text(json.dumps(state(platform_at(home))), encoding="utf-8")


def prepared(folder: Path) -> None:
    """The starts, and what comes of an undisturbed run from each."""
    write_register(folder / "register", library(BUSY))
    load_pseudonym_key(Settings.from_folder(folder / "nothing").secrets)
    undisturbed(folder, "nothing", "published", "released")
    undisturbed(folder, "released", "processed", "judged")
    known = {("nothing", "published"), ("released", "processed")}
    missing_routes = sorted({(point.start, point.end) for point in POINTS.values()} - known)
    side_by_side(
        [
            lambda start=start, end=end: undisturbed(folder, start, end, f"{start} {end}")
            for start, end in missing_routes
        ]
    )


def undisturbed(folder: Path, start: str, end: str, name: str) -> None:
    """A run that nobody disturbs, in a home of that name."""
    home = folder / name
    shutil.copytree(folder / start, home)
    if in_a_fork(lambda: (run(platform_at(home), start, end), saved(home))):
        raise SystemExit("An undisturbed run failed.")
    home.with_suffix(".json").rename(folder / f"undisturbed {start} {end}.json")


def killed(folder: Path, point: Point) -> None:
    """A run that is killed."""
    home = folder / f"killed {point}"
    shutil.copytree(folder / point.start, home)
    ended = in_a_fork(lambda: (killing(point), run(platform_at(home), point.start, point.end)))
    home.with_suffix(".ended").write_text(str(ended), encoding="utf-8")


def repeated(folder: Path, points: Sequence[Point]) -> None:
    """The runs that were killed, done again. One process does many: each has a home, and a platform, of its own."""
    for point in points:
        home = folder / f"killed {point}"
        run(platform_at(home), point.start, point.end)
        saved(home)
        shutil.rmtree(home)


@dataclass(frozen=True)
class Stricter:
    """A run killed after its slices were written; before it is done again, a new rule rejects what it accepted.

    Attributes:
        effect: after which it is killed.
        news: Fife's rows of the two files.
        recovery_killed_after: where the run that puts things right is killed too; empty where it is not.
    """

    effect: str
    news: tuple[list[str], list[str]]
    recovery_killed_after: str = ""


STRICTER = {
    "both tables written": Stricter("second validated table written", NEWS["FIF"]),
    "one table written": Stricter("first validated table written", NEWS["FIF"]),
    "one table emptied": Stricter("first validated table written", ([], ["Cupar,1,11"])),
    "recovery killed too": Stricter(
        "second validated table written", NEWS["FIF"], recovery_killed_after="first validated table written"
    ),
}


def stricter_library() -> dict[str, Any]:
    """A version of the contract that refuses :data:`NEWS` of Fife, and a submission without any branch."""
    few = rule("few_books", "No branch has more than 1,220 books, or Fife's had", "books > 1220 AND books < 4000")
    some = {
        "id": "some_branch", "name": "There is a branch", "description": "Export it again.", "severity": "error",
        "type": "library", "metric": "rowCount", "mustBeGreaterOrEqualTo": 1, "unit": "rows",
    }  # fmt: skip
    text = json.dumps({**library(BUSY, few, some), "version": "1.1.0"})
    return json.loads(text.replace('"CY2022"', f'"{PERIOD.id}"'))


def made_stricter(folder: Path, name: str) -> None:
    """Killed, then judged by a stricter rule: the slice must be undone."""
    case = STRICTER[name]
    home = folder / f"stricter {name}"
    shutil.copytree(folder / "released", home)
    shutil.copytree(folder / "register", home / "register")

    def hand() -> None:
        handed_in(platform_at(home), {"FIF": case.news})

    ended = in_a_fork(lambda: (killing(Point(case.effect, "after", "", "")), hand(), processed(platform_at(home))))
    home.with_suffix(".ended").write_text(str(ended), encoding="utf-8")
    add_contract(home / "register", stricter_library())
    if case.recovery_killed_after:
        point = Point(case.recovery_killed_after, "after", "", "")
        in_a_fork(lambda: (killing(point), processed(platform_at(home))))
    if in_a_fork(
        lambda: (processed(platform_at(home)), publishing.refresh_lake_copies(platform_at(home)), saved(home))
    ):
        home.with_suffix(".json").write_text(json.dumps({"failed": 1}), encoding="utf-8")


def side_by_side(work: Sequence[Callable[[], None]]) -> None:
    """Do each piece of work in a process of its own, two at a time."""
    running = 0
    for point in work:
        if running == AT_ONCE:
            os.wait()
            running -= 1
        if os.fork() == 0:
            in_a_fork(point)
            os._exit(0)
        running += 1
    while running:
        os.wait()
        running -= 1


def main(folder: Path) -> None:
    """Everything."""
    prepared(folder)
    points = list(POINTS.values())
    side_by_side([lambda point=point: killed(folder, point) for point in points])
    side_by_side(
        [
            *(lambda part=part: repeated(folder, points[part::AT_ONCE]) for part in range(AT_ONCE)),
            *(lambda name=name: made_stricter(folder, name) for name in STRICTER),
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
"""Seconds, once for all forks."""


def submit(home: Path, point: str, words: list[str]) -> None:
    """``lgdp``, killed at a point."""
    when, effect = point.split(" ", 1)
    killing(Point(effect, when, "", ""))
    os.environ |= {"LGDP_HOME": str(home), "LGDP_SCHEMAS": str(home.parent / "register")}
    sys.argv = ["lgdp", *words]
    cli.main()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        submit(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
    else:
        for module in SLOW_TO_LOAD:
            importlib.import_module(module)
        with tempfile.TemporaryDirectory() as projects, share_dbt_projects(Path(projects)), trust_extensions():
            main(Path(sys.argv[1]))
