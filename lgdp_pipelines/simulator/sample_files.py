"""Synthetic sample extracts of every return, kept with the project as examples.

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
from lgdp_pipelines.simulator.synthetic_rows import RowRequest, generate_contract_rows
from lgdp_pipelines.vocabulary.periods import parse_period

COUNCIL = "FIF"
MOST_ROWS = 25
"""Rows of a case table in a sample; tables of figures are kept whole, because their rows rest on each other."""


def build_samples(register: Register) -> Mapping[str, bytes]:
    """Return every return's sample files by name; case tables are shortened."""
    return {
        name: content
        for data_return in register.returns.values()
        for name, content in _build_return_samples(register, data_return).items()
    }


def _build_return_samples(register: Register, data_return: Return) -> Mapping[str, bytes]:
    """Return the sample files of one return, by name."""
    code = data_return.code
    period = parse_period(PERIODS[code][0]) if code in PERIODS else data_return.first_period
    contract = data_return.contract_for(period)
    request = RowRequest(register, contract, register.councils.by_code[COUNCIL], period, DEFAULT_SEED)
    sample_rows = {
        name: rows[:MOST_ROWS] if contract.by_name[name].grain is Grain.CASE else rows
        for name, rows in ROW_GENERATORS.get(code, generate_contract_rows)(request).items()
    }
    ending = contract.extract.format.value
    return {
        f"{'_'.join(filter(None, (data_return.slug, file.table, COUNCIL, period.id)))}.{ending}": file.content
        for file in write_extract(contract, sample_rows)
    }


def write_samples(register: Register, folder: Path) -> None:
    """Write every sample into a folder and replace those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in build_samples(register).items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write_samples(load_register(Settings.from_environment().schemas), PROJECT / "data" / "samples")
