"""Sample extracts of every return, made up, kept with the project so that people can see what an extract looks like.

What belongs here: which council and period each sample is of, and its few rows. What does not: the simulator's
own files.
"""

from collections.abc import Mapping
from pathlib import Path

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.model.table_model import Grain
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.simulator.scenario import MAKERS
from lgdp_pipelines.simulator.story import PERIODS
from lgdp_pipelines.simulator.synthetic_extracts import plain_rows, written
from lgdp_pipelines.simulator.system_files import SEED
from lgdp_pipelines.vocabulary.periods import Period, parse_period

COUNCIL = "FIF"
MOST_ROWS = 25
"""Rows of a case table in a sample; tables of figures are kept whole, because their rows rest on each other."""


def samples(register: Register) -> Mapping[str, bytes]:
    """The sample files by name: one for each table that has a file of its own, of every return in the register."""
    return {name: content for asked in register.returns.values() for name, content in _of(register, asked).items()}


def _of(register: Register, asked: Return) -> Mapping[str, bytes]:
    period = _period(asked)
    contract = asked.contract_for(period)
    council = register.councils.by_code[COUNCIL]
    rows = MAKERS.get(asked.code, plain_rows)(register, contract, council, period, seed=SEED)
    kept = {
        name: some[:MOST_ROWS] if contract.by_name[name].grain is Grain.CASE else some for name, some in rows.items()
    }
    ending = contract.extract.format.value
    return {
        f"{'_'.join(filter(None, (asked.slug, file.table, COUNCIL, period.id)))}.{ending}": file.content
        for file in written(contract, kept)
    }


def _period(asked: Return) -> Period:
    return parse_period(PERIODS[asked.code][0]) if asked.code in PERIODS else asked.first_period


def write_samples(register: Register, folder: Path) -> None:
    """Write every sample into a folder, over the ones that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in samples(register).items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write_samples(load_register(Settings.from_environment().schemas), PROJECT / "data" / "samples")
