"""A new major version that is valid from a period which councils have answered already.

The accepted submission stays in the tables of the version that accepted it, until the new version accepts another. No
figure is ever in two majors at once, and no figure is lost.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake_tables import define_validated_table
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, RunScope, SubmissionOutcome, process
from lgdp_pipelines.workflows.withdrawal_and_recovery import find_inconsistent_slices
from tests.support.contracts import add_contract, allotment_v1, allotment_v2, write_register

PERIOD = parse_period("CY2023")
OLD_FILE = "Council,Site,Grade,Plots\nFife,Beach,1,12\nFife,Beach,2,7\n"
NEW_FILE = "Local authority,Site name,Water,Plots let,People waiting\nFife,Beach,1,12.5,3\n"
CORRECTED_FILE = NEW_FILE.replace("12.5", "13.5")
WRONG_FILE = NEW_FILE.replace(",1,12.5", ",9,12.5")


@dataclass(frozen=True)
class World:
    """A platform whose register changes between runs.

    Attributes:
        folder: of its home and register.
    """

    folder: Path

    @property
    def platform(self) -> Platform:
        return Platform(Settings.from_folder(self.folder / "home", self.folder / "register"))

    @property
    def data_return(self) -> Return:
        return self.platform.register.returns["ALLOTMENT"]

    def run(self, content: str = "", *, scope: RunScope = RunScope.NEWS) -> tuple[SubmissionOutcome, ...]:
        """Hand a file's content in, if given, and judge."""
        platform = self.platform
        if content:
            file = self.folder / "allotments.csv"
            file.write_text(content)
            fife = platform.register.councils.by_code["FIF"]
            hand_in(self.data_return, fife, PERIOD, [file], inbox=Inbox(platform.ledger, platform.received_bytes))
        return process(platform, ProcessRequest(self.data_return, PERIOD, ["FIF"], scope), "test")

    def read_standing(self) -> dict[int, list[tuple[str, float]]]:
        """Return current submissions and figures, by major."""
        platform, rows_by_major = self.platform, {}
        for major, contract in self.data_return.majors.items():
            (table,) = contract.tables
            measure = next(item.name for item in table.items if item.urn.endswith(":plots"))
            rows = platform.lake.read(define_validated_table(contract, table), {"period": PERIOD.id})
            if rows.height:
                rows_by_major[major] = sorted(rows.select("_submission_id", measure).rows())
        return rows_by_major

    def is_consistent(self) -> bool:
        return not find_inconsistent_slices(self.platform.lake, self.platform.ledger, self.data_return, PERIOD)


FIRST, SECOND, THIRD = (f"ALLOTMENT.FIF.CY2023.00{number}" for number in (1, 2, 3))
FIRST_SLICE = {1: [(FIRST, 7), (FIRST, 12)]}


@pytest.fixture(scope="module")
def world_with_answers(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world in which a new version is valid from a year already answered."""
    folder = tmp_path_factory.mktemp("answered")
    register = write_register(folder / "register", allotment_v1())
    world = World(folder)
    world.run(OLD_FILE)
    assert world.read_standing() == FIRST_SLICE
    add_contract(register, allotment_v2("CY2023"))
    return world


@pytest.fixture
def world(world_with_answers: World, tmp_path: Path) -> World:
    return World(Path(shutil.copytree(world_with_answers.folder, tmp_path / "world")))


def test_accepted_slices_stay_in_their_major(world: World) -> None:
    assert world.is_consistent()
    assert world.run() == ()
    assert world.read_standing() == FIRST_SLICE


def test_a_slice_accepted_by_a_new_major_leaves_the_old_one(world: World) -> None:
    world.run(NEW_FILE)
    assert world.read_standing() == {2: [(SECOND, 12.5)]}
    assert world.is_consistent()
    world.run(CORRECTED_FILE)
    assert world.read_standing() == {2: [(THIRD, 13.5)]}
    assert world.is_consistent()


def test_a_submission_rejected_by_a_new_major_leaves_the_old_slice(world: World) -> None:
    (outcome,) = world.run(WRONG_FILE)
    assert outcome.judgement.verdict == "rejected"
    assert world.read_standing() == FIRST_SLICE
    assert world.is_consistent()


def test_judging_again_by_another_major_removes_nothing(world: World) -> None:
    (outcome,) = world.run(scope=RunScope.EVERYTHING)
    assert outcome.judgement.verdict == "rejected"
    assert world.read_standing() == FIRST_SLICE
    assert world.is_consistent()


def test_a_run_that_died_between_majors_is_recovered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Died(Exception):
        pass

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("lgdp_pipelines.workflows.lake_slices.SliceWriter.remove_other_majors", die)
        with pytest.raises(Died):
            world.run(NEW_FILE)
    assert set(world.read_standing()) == {1, 2}
    assert not world.is_consistent()
    world.run()
    assert world.read_standing() == {2: [(SECOND, 12.5)]}
    assert world.is_consistent()


def test_a_lost_slice_is_made_again_by_the_version_that_accepted_it(world: World) -> None:
    platform, contract = world.platform, world.data_return.majors[1]
    platform.lake.remove_slice(
        define_validated_table(contract, contract.tables[0]), {"period": PERIOD.id, "council_code": ["FIF"]}
    )
    assert not world.is_consistent()
    world.run()
    assert world.read_standing() == FIRST_SLICE
    assert world.is_consistent()
