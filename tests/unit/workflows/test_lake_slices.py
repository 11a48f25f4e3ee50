"""A new major version that is valid from a period which councils have answered already.

What stands is the submission that was accepted, in the tables of the version that accepted it, until another one is
accepted by the new version. No figure is ever in two majors at once, and none is lost.
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
from lgdp_pipelines.workflows.lake_slices import find_inconsistent_slices
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, RunScope, SubmissionOutcome, process
from tests.support.contracts import add_contract, allotment_v1, allotment_v2, write_register

PERIOD = parse_period("CY2023")
OLD = "Council,Site,Grade,Plots\nFife,Beach,1,12\nFife,Beach,2,7\n"
NEW = "Local authority,Site name,Water,Plots let,People waiting\nFife,Beach,1,12.5,3\n"
NEWER = NEW.replace("12.5", "13.5")
WRONG = NEW.replace(",1,12.5", ",9,12.5")


@dataclass(frozen=True)
class World:
    """A platform whose register changes between runs.

    Attributes:
        folder: everything of it.
    """

    folder: Path

    @property
    def platform(self) -> Platform:
        return Platform(Settings.from_folder(self.folder / "home", self.folder / "register"))

    @property
    def asked(self) -> Return:
        return self.platform.register.returns["ALLOTMENT"]

    def run(self, content: str = "", *, scope: RunScope = RunScope.NEWS) -> tuple[SubmissionOutcome, ...]:
        """Hand something in, if there is anything, and judge."""
        platform = self.platform
        if content:
            file = self.folder / "allotments.csv"
            file.write_text(content)
            fife = platform.register.councils.by_code["FIF"]
            hand_in(self.asked, fife, PERIOD, [file], inbox=Inbox(platform.ledger, platform.received_bytes))
        return process(platform, ProcessRequest(self.asked, PERIOD, ["FIF"], scope), "test")

    def stands(self) -> dict[int, list[tuple[str, float]]]:
        """Submission and figures that stand, by major."""
        platform, found = self.platform, {}
        for major, contract in self.asked.majors.items():
            (table,) = contract.tables
            measure = next(item.name for item in table.items if item.urn.endswith(":plots"))
            rows = platform.lake.read(define_validated_table(contract, table), {"period": PERIOD.id})
            if rows.height:
                found[major] = sorted(rows.select("_submission_id", measure).rows())
        return found

    def agrees(self) -> bool:
        return not find_inconsistent_slices(self.platform.lake, self.platform.ledger, self.asked, PERIOD)


FIRST, SECOND, THIRD = (f"ALLOTMENT.FIF.CY2023.00{number}" for number in (1, 2, 3))
FIRST_STANDS = {1: [(FIRST, 7), (FIRST, 12)]}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The old version has answers for a year from which a new one is valid by now."""
    folder = tmp_path_factory.mktemp("answered")
    register = write_register(folder / "register", allotment_v1())
    world = World(folder)
    world.run(OLD)
    assert world.stands() == FIRST_STANDS
    add_contract(register, allotment_v2("CY2023"))
    return world


@pytest.fixture
def world(answered: World, tmp_path: Path) -> World:
    return World(Path(shutil.copytree(answered.folder, tmp_path / "world")))


def test_accepted_slices_stay_in_their_major(world: World) -> None:
    assert world.agrees()
    assert world.run() == ()
    assert world.stands() == FIRST_STANDS


def test_a_slice_accepted_by_a_new_major_leaves_the_old_one(world: World) -> None:
    world.run(NEW)
    assert world.stands() == {2: [(SECOND, 12.5)]}
    assert world.agrees()
    world.run(NEWER)
    assert world.stands() == {2: [(THIRD, 13.5)]}
    assert world.agrees()


def test_a_submission_rejected_by_a_new_major_leaves_the_old_slice(world: World) -> None:
    (outcome,) = world.run(WRONG)
    assert outcome.judgement.verdict == "rejected"
    assert world.stands() == FIRST_STANDS
    assert world.agrees()


def test_judging_again_by_another_major_removes_nothing(world: World) -> None:
    (outcome,) = world.run(scope=RunScope.EVERYTHING)
    assert outcome.judgement.verdict == "rejected"
    assert world.stands() == FIRST_STANDS
    assert world.agrees()


def test_a_run_that_died_between_majors_is_recovered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Died(Exception):
        pass

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("lgdp_pipelines.workflows.lake_slices.SliceWriter.remove_other_majors", die)
        with pytest.raises(Died):
            world.run(NEW)
    assert set(world.stands()) == {1, 2}
    assert not world.agrees()
    world.run()
    assert world.stands() == {2: [(SECOND, 12.5)]}
    assert world.agrees()


def test_a_lost_slice_is_made_again_by_the_version_that_accepted_it(world: World) -> None:
    platform, contract = world.platform, world.asked.majors[1]
    platform.lake.remove_slice(
        define_validated_table(contract, contract.tables[0]), {"period": PERIOD.id, "council_code": ["FIF"]}
    )
    assert not world.agrees()
    world.run()
    assert world.stands() == FIRST_STANDS
    assert world.agrees()
