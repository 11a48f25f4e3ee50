"""However a register is spoilt, loading it ends in a register or in contradictions: never in a stumble."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lgdp_pipelines.errors import Contradiction, RegisterError
from lgdp_pipelines.register.loader import load_register
from tests.support.small_register import FILES, SmallRegister

VALUES = ["null", "[]", "{}", "3", "-1.5", "true", '""', '"x"', "[1, {a: b}]", "{property: 3}", "2024-04-31"]


@st.composite
def spoilings(draw: st.DrawFn) -> tuple[str, str]:
    """A file, and its text with one line gone or its value changed."""
    file = draw(st.sampled_from(sorted(FILES)))
    lines = FILES[file].splitlines(keepends=True)
    at = draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    value = draw(st.sampled_from(VALUES))
    instead = draw(
        st.sampled_from(
            [
                "",
                f"{line.split(':', 1)[0]}: {value}\n",
                f"{line.rsplit('value: ', 1)[0]}value: {value} }}\n",
                f"{line.rstrip()}\n{line}",
            ]
        )
    )
    return file, "".join([*lines[:at], instead, *lines[at + 1 :]])


def contradictions_of(small: SmallRegister) -> tuple[Contradiction, ...]:
    try:
        load_register(small.root)
    except RegisterError as error:
        return error.contradictions
    return ()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiling=spoilings())
def test_a_spoilt_line_ends_in_a_register_or_in_contradictions(tmp_path: Path, spoiling: tuple[str, str]) -> None:
    small = SmallRegister(tmp_path)
    for file, text in FILES.items():
        small.write(file, text)
    small.write(*spoiling)
    for contradiction in contradictions_of(small):
        assert contradiction.what
        assert contradiction.remedy
        assert 0 <= contradiction.line <= len(small.read(contradiction.file).splitlines()) + 1
