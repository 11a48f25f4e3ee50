"""The shipped register, read once a process: reading and proving it takes seconds, and nobody can change it."""

from functools import cache

from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import PROJECT


@cache
def shipped_register() -> Register:
    """What ``schemas/`` holds."""
    return load_register(PROJECT / "schemas")
