import pickle
from pathlib import Path

import pytest

from lgdp_pipelines.collection.secrets import Secret, expand_variables, resolve_secret
from lgdp_pipelines.errors import SourceRefused
from lgdp_pipelines.register.model.sources import SecretReference


def test_a_secret_shows_nothing_of_itself() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {vars(type(secret)).keys()}"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret.reveal() == "hunter2"


def test_a_reference_leads_to_a_variable_or_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "FIF").write_text("from a file\n")
    environment = {"TOKEN_FIF": "from a variable", "HERE": str(tmp_path)}
    assert (
        resolve_secret(SecretReference("env:TOKEN_{council}"), environment, council_code="FIF").reveal()
        == "from a variable"
    )
    assert (
        resolve_secret(SecretReference("file:${HERE}/{council}"), environment, council_code="FIF").reveal()
        == "from a file"
    )


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}/x", "a/x"),
        ("${B:-b}/x", "b/x"),
        ("${A:-b}", "a"),
        ("${B:-}x", "x"),
        ("{council}-{council_lower}", "FIF-fif"),
        ("plain", "plain"),
    ],
)
def test_variables_and_the_council_are_filled_in(text: str, filled: str) -> None:
    assert expand_variables(text, {"A": "a"}, council_code="FIF") == filled


@pytest.mark.parametrize("reference", ["env:NOT_SET", "file:/nowhere/at/all", "file:${NOT_SET}/key", "word"])
def test_a_reference_that_leads_nowhere_is_refused_with_a_remedy(reference: str) -> None:
    with pytest.raises(SourceRefused) as refusal:
        resolve_secret(SecretReference(reference), {})
    assert refusal.value.remedy


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SourceRefused, match="empty"):
        resolve_secret(SecretReference(f"file:{tmp_path / 'empty'}"), {})
