"""``schemas/notices.yaml``: read whole or refused, and nobody's address in it."""

from pathlib import Path

import pytest

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.files.notification_file import Notices, Reminders, load_notices
from lgdp_pipelines.register.model.sources import SecretReference
from lgdp_pipelines.settings import PROJECT


def test_without_the_file_there_are_files_alone(tmp_path: Path) -> None:
    assert load_notices(tmp_path) == Notices(Reminders((14, 3), (1, 7, 28)), None, None)


def test_the_shipped_file_is_read() -> None:
    shipped = load_notices(PROJECT / "schemas")
    assert shipped.email is not None
    assert shipped.email.councils == SecretReference("file:${LGDP_HOME}/contacts/{council}")


def test_days_are_put_in_order(tmp_path: Path) -> None:
    (tmp_path / "notices.yaml").write_text("reminders: { daysBefore: [3, 21], daysLate: [9, 2] }\n")
    assert load_notices(tmp_path) == Notices(Reminders((21, 3), (2, 9)))


@pytest.mark.parametrize(
    "wrong",
    [
        "reminders: { daysBefore: [0], daysLate: [1] }",
        "reminders: { daysBefore: [], daysLate: [1], daysAfter: [1] }",
        "email: { server: mail, security: starttls, sender: a }",
        "reminders: { daysBefore: [], daysLate: [] }\nwebhook: { engineers: 'https://hooks.example/secret' }",
        (
            "reminders: { daysBefore: [], daysLate: [] }\n"
            "email: { server: m, security: none, sender: a, councils: officer@fife.example }"
        ),
        "reminders: { daysBefore: [], daysLate: [] }\nemail: { server: m, security: plain, sender: a }",
        "- 1",
        "reminders: [",
    ],
)
def test_what_is_not_of_the_shape_is_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "notices.yaml").write_text(wrong)
    with pytest.raises(RegisterError) as error:
        load_notices(tmp_path)
    assert all(contradiction.file == "notices.yaml" for contradiction in error.value.contradictions)
    assert "officer@" not in str(error.value)
