"""Synthetic sample extracts of every return, kept with the project to show what an extract looks like.

Belongs here: council, period and number of rows of each sample. Belongs elsewhere: the scenario's own files.
"""

from collections.abc import Mapping
from pathlib import Path

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.model.table_model import Grain
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.simulator.extract_writers import write_extract
from lgdp_pipelines.simulator.scenario import DEFAULT_SEED, ROW_GENERATORS
from lgdp_pipelines.simulator.story import PERIODS
from lgdp_pipelines.simulator.synthetic_rows import contract_rows
from lgdp_pipelines.vocabulary.periods import Period, parse_period

COUNCIL = "FIF"
MOST_ROWS = 25
"""Rows of a case table in a sample; tables of figures are kept whole, because their rows rest on each other."""


def samples(register: Register) -> Mapping[str, bytes]:
    """Return sample files by name: one for each table with its own file, of every return."""
    return {
        name: content
        for data_return in register.returns.values()
        for name, content in _return_samples(register, data_return).items()
    }


def _return_samples(register: Register, data_return: Return) -> Mapping[str, bytes]:
    period = _period(data_return)
    contract = data_return.contract_for(period)
    council = register.councils.by_code[COUNCIL]
    rows = ROW_GENERATORS.get(data_return.code, contract_rows)(register, contract, council, period, seed=DEFAULT_SEED)
    sample_rows = {
        name: table_rows[:MOST_ROWS] if contract.by_name[name].grain is Grain.CASE else table_rows
        for name, table_rows in rows.items()
    }
    ending = contract.extract.format.value
    return {
        f"{'_'.join(filter(None, (data_return.slug, file.table, COUNCIL, period.id)))}.{ending}": file.content
        for file in write_extract(contract, sample_rows)
    }


def _period(data_return: Return) -> Period:
    return parse_period(PERIODS[data_return.code][0]) if data_return.code in PERIODS else data_return.first_period


def write_samples(register: Register, folder: Path) -> None:
    """Write every sample into a folder and replace those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in samples(register).items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write_samples(load_register(Settings.from_environment().schemas), PROJECT / "data" / "samples")
