"""Refused requests, which leave neither a receipt nor bytes."""

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.portal.access_tokens import issue_token, list_push_sources
from lgdp_pipelines.portal.app import start_server
from lgdp_pipelines.portal.problem_documents import RequestRefused
from lgdp_pipelines.portal.request_limits import RateLimiter, RequestLimits
from lgdp_pipelines.workflows.platform import Platform
from tests.support.intake import LIMITS, RunningIntake, write_stay

ASK = {"return": "RESPITE", "period": "CY2022"}


def bytes_kept(served: RunningIntake) -> set[str]:
    return {path.name for path in (served.platform.settings.lake / "received").rglob("*") if path.is_file()}


@pytest.fixture
def nothing_left(served: RunningIntake) -> Iterator[None]:
    """Check that a test leaves no further receipt or bytes."""
    state = (served.receipts(), bytes_kept(served))
    yield
    assert (served.receipts(), bytes_kept(served)) == state


@pytest.mark.parametrize(
    ("header", "case"),
    [
        ({}, "no token"),
        ({"Authorization": "Bearer"}, "an empty token"),
        ({"Authorization": "Bearer lgdp_0000000000000000000000000000000000000000000"}, "an unknown token"),
        ({"Authorization": "Basic RklGOng="}, "another way"),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_unknown_token_is_refused(served: RunningIntake, header: dict[str, str], case: str) -> None:
    with httpx2.Client(base_url=served.url, headers=header) as client:
        answers = [
            client.post("/submissions", params=ASK, content=write_stay("X")),
            client.get("/submissions/1"),
            client.get("/submissions/1/report.csv"),
            client.get("/calendar"),
        ]

    assert [response.status_code for response in answers] == [401] * 4, case
    assert all(response.headers["content-type"] == "application/problem+json" for response in answers)
    assert answers[0].headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["GLG", "Glasgow City", "S12000049", "Atlantis"])
@pytest.mark.usefixtures("nothing_left")
def test_claim_to_be_another_council_is_refused(served: RunningIntake, name: str) -> None:
    with served.client("FIF") as client:
        answer = client.post("/submissions", params=ASK | {"council": name}, content=write_stay("X"))

    assert answer.status_code == 403
    assert answer.json()["remedy"]


def test_request_may_name_its_own_council(served: RunningIntake) -> None:
    with served.client("FIF") as client:
        answer = client.post("/submissions", params=ASK | {"council": "Fife"}, content=write_stay("NAMED"))

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"return": "NOSUCH"}, 400),
        ({"return": ""}, 400),
        ({"period": ""}, 400),
        ({"period": "FY2022-23"}, 400),
        ({"period": "CY2021"}, 400),
        ({"period": "CY2999"}, 400),
        ({"period": "CY2022' OR 1=1"}, 400),
        ({"return": "ALLOTMENT"}, 403),
        ({"return": "LIBRARY"}, 400),
        ({"return": "LIBRARY", "table": "../branch"}, 400),
        ({"file": "../../etc/passwd"}, 400),
        ({"file": "a\\b.csv"}, 400),
        ({"file": "nul\x00.csv"}, 400),
        ({"file": "n" * 201}, 400),
        ({"file": ".."}, 400),
        ({"nil": "perhaps"}, 400),
        ({"system": "no-such-system"}, 400),
        ({"colour": "blue"}, 400),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_wrong_parameters_are_refused(served: RunningIntake, changes: dict[str, str], status: int) -> None:
    with served.client() as client:
        answer = client.post("/submissions", params=ASK | changes, content=write_stay("X"))

    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert problem["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("nothing_left")
def test_parameter_given_twice_is_refused(served: RunningIntake) -> None:
    with served.client() as client:
        answer = client.post("/submissions?return=RESPITE&period=CY2022&period=CY2023", content=write_stay("X"))

    assert answer.status_code == 400


@pytest.mark.usefixtures("nothing_left")
def test_declared_oversize_file_is_refused_before_its_body(served: RunningIntake) -> None:
    head = f"POST /submissions?return=RESPITE&period=CY2022 HTTP/1.1\r\nHost: x\r\nContent-Length: {10**12}\r\n"
    with open_connection(served, head) as connection:
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("nothing_left")
def test_oversize_file_is_refused_while_it_comes(served: RunningIntake) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(LIMITS.largest_bytes // 65536 + 2):
            yield b"x" * 65536

    with served.client() as client:
        answer = client.post("/submissions", params=ASK, content=endless())

    assert answer.status_code == 413


@pytest.mark.usefixtures("nothing_left")
def test_content_encoding_is_refused(served: RunningIntake) -> None:
    with served.client() as client:
        answer = client.post("/submissions", params=ASK, content=b"x", headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415


def open_connection(served: RunningIntake, head: str, council: str = "FIF") -> socket.socket:
    """Open a connection to the intake, and send the head of a request."""
    host, port = served.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(f"{head}Authorization: Bearer {served.tokens[council]}\r\n\r\n".encode())
    return connection


LENGTH = "POST /submissions?return=RESPITE&period=CY2022 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
CHUNKED = "POST /submissions?return=RESPITE&period=CY2022 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("head", "beginning"), [(LENGTH, b"Person,Sur"), (CHUNKED, b"a\r\nPerson,Sur\r\n"), (LENGTH, b"")]
)
@pytest.mark.usefixtures("nothing_left")
def test_interrupted_upload_leaves_nothing(served: RunningIntake, head: str, beginning: bytes) -> None:
    with open_connection(served, head) as connection:
        connection.sendall(beginning)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)


@pytest.mark.usefixtures("nothing_left")
def test_idle_upload_is_refused(served: RunningIntake) -> None:
    with open_connection(served, LENGTH) as connection:
        connection.sendall(b"Person,")
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_resumed_upload_is_complete(served: RunningIntake) -> None:
    content = write_stay("SLOW")
    head = f"POST /submissions?return=RESPITE&period=CY2022 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n"
    with open_connection(served, head) as connection:
        for start in range(0, len(content), 40):
            connection.sendall(content[start : start + 40])
            time.sleep(0.05)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b'"verdict":"accepted"' in answer


def test_large_file_is_stored_without_inline_judgement(served: RunningIntake) -> None:
    content = write_stay("LARGE") + b"\n" * (LIMITS.inline_judging_bytes + 1)
    with served.client("GLG") as client:
        document = client.post("/submissions", params=ASK | {"period": "CY2024"}, content=content).json()

    assert document["verdict"] is None
    assert "too large" in document["message"]
    assert document["receipt"]["size"] == len(content)


def test_every_response_has_security_headers(served: RunningIntake) -> None:
    with served.client() as client:
        for path in ("/", "/health", "/openapi.json", "/calendar", "/nowhere"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "set-cookie" not in headers
            assert "server" not in headers


def test_rate_limit_says_when_to_retry() -> None:
    now = [0.0]
    limiter = RateLimiter(2, clock=lambda: now[0])
    limiter.count("FIF")
    now[0] = 20.0
    limiter.count("FIF")
    limiter.count("GLG")

    with pytest.raises(RequestRefused) as error:
        limiter.count("FIF")
    now[0] = 61.0
    limiter.count("FIF")

    assert error.value.status == 429
    assert error.value.headers["Retry-After"] == "40"


def test_unreachable_ledger_returns_503(platform_at: Callable[[Path], Platform], tmp_path: Path) -> None:
    platform = platform_at(tmp_path)
    token = issue_token(list_push_sources(platform.register)[0], "FIF", platform.environment)[0]
    with (
        start_server(platform, limits=RequestLimits()) as url,
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client,
    ):
        assert client.get("/health").status_code == 200
        platform.ledger.close()
        (tmp_path / "ledger.sqlite").unlink()
        for path in tmp_path.glob("ledger.sqlite-*"):
            path.unlink()
        (tmp_path / "ledger.sqlite").mkdir()
        health, submission = client.get("/health"), client.post("/submissions", params=ASK, content=write_stay("X"))

    assert (health.status_code, submission.status_code) == (503, 503)
    assert "ledger.sqlite" not in health.text + submission.text


SERVE = """
import sys
from pathlib import Path
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.portal.app import start_server
from lgdp_pipelines.settings import Settings

platform = Platform(Settings.from_folder(Path(sys.argv[1]), Path(sys.argv[2])), environment={})
platform.ledger
with start_server(platform) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def test_full_disk_returns_507_and_records_nothing(
    platform_at: Callable[[Path], Platform], schemas: Path, tmp_path: Path
) -> None:
    """The kernel refuses the server files above 12 MiB, as it would on a full disk."""
    platform = platform_at(tmp_path)
    token = issue_token(list_push_sources(platform.register)[0], "FIF", platform.environment)[0]
    largest = 12 * 1024**2
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path), str(schemas)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),  # noqa: PLW1509 - no threads yet
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            answer = client.post("/submissions", params=ASK, content=b"x" * (largest + 1024**2))
            small = client.post("/submissions", params=ASK, content=write_stay("ROOM"))
        server.communicate("", timeout=30)

    assert answer.status_code == 507
    assert "storage is full" in answer.json()["detail"]
    assert small.json()["id"] == "1"
    ledger = Ledger.open(platform.settings.database_url)
    assert ledger.balance.find_problems() == []
    ledger.close()
