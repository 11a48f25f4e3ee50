"""The simulated council systems: the platform's own clients collect from both servers."""

import socket
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.collection_run import CollectionReport, CollectionScope, collect_source
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.simulator import council_systems
from lgdp_pipelines.simulator.council_systems import SimulatedSystems, run_simulator
from lgdp_pipelines.simulator.scenario import ScenarioOptions
from lgdp_pipelines.storage.byte_store import ByteStore

TODAY = date(2024, 11, 21)
OPTIONS = ScenarioOptions(TODAY, seed=7)
COUNCILS = ["ABD", "ABE", "ELS", "FIF", "ORK", "ZET"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def systems(home: Path, few: Register) -> Iterator[SimulatedSystems]:
    with run_simulator(Settings.from_folder(home), few, OPTIONS, sftp_port=0, api_port=0) as running_systems:
        yield running_systems


@pytest.fixture
def collect(tmp_path: Path, systems: SimulatedSystems, few: Register) -> Iterator[Any]:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")

    def collect_from(source: str) -> CollectionReport:
        transport = create_transport(few.sources[source], few, systems.environment, TODAY)
        return collect_source(
            transport, Inbox(ledger, ByteStore(tmp_path / "lake")), CollectionScope(councils=COUNCILS)
        )

    collect_from.ledger = ledger  # type: ignore[attr-defined]
    yield collect_from
    ledger.close()


def test_everything_on_sftp_is_collected_once(collect: Any, few: Register, systems: SimulatedSystems) -> None:
    first = collect("simulated-sftp")
    assert first.failures == ()
    assert Counter(receipt.state.value for receipt in first.receipts) == Counter(
        # Six councils send ten extracts each, two of them of schools; Orkney's, Shetland's and the Western Isles'
        # last HL1 is not there.
        {"waiting": 6 * 10 - 3, "duplicate": 1, "unrecognised": 1}
    )
    assert {receipt.council_code for receipt in first.receipts if receipt.state.value == "unrecognised"} == {"ELS"}
    assert {receipt.council_code for receipt in first.receipts if receipt.state.value == "duplicate"} == {"FIF"}
    assert [(account.council_code, account.skipped[0].name) for account in first.accounts if account.skipped] == [
        ("ORK", "HL1_2024-25_Q2.csv.part")
    ]
    second = collect("simulated-sftp")
    assert (second.receipts, second.failures) == ((), ())
    news = find_news(create_transport(few.sources["simulated-sftp"], few, systems.environment, TODAY), collect.ledger)
    assert set(news.councils) == {"GLG"}


def test_everything_at_a_busy_api_is_collected_once(collect: Any) -> None:
    first = collect("simulated-api")
    assert first.failures == ()
    assert Counter(receipt.period for receipt in first.receipts) == {"CY2016": 6, "CY2017": 6, "CY2018": 6}
    assert all(receipt.etag for receipt in first.receipts)
    second = collect("simulated-api")
    assert (second.receipts, second.failures) == ((), ())
    assert {account.unchanged_count for account in second.accounts} == {14}


def test_the_api_asks_clients_to_retry_now_and_then(systems: SimulatedSystems, home: Path) -> None:
    token = (home / "simulator" / "tokens" / "ABD").read_text()
    statuses = Counter(
        httpx2.get(
            f"{systems.api_address}/councils/ABD/waste?year=2017",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        ).status_code
        for _ in range(20)
    )
    assert statuses == {200: 18, 429: 2}


@pytest.mark.parametrize(
    ("path", "whose", "status"),
    [
        ("/councils/FIF/waste?year=2017", "FIF", 200),
        ("/councils/GLG/waste?year=2017", "FIF", 403),
        ("/councils/FIF/waste?year=2017", None, 401),
        ("/councils/FIF/waste?year=2023", "FIF", 204),
        ("/councils/FIF/waste?year=2017&page=99", "FIF", 404),
        ("/councils/FIF/waste?year=2017&page=x", "FIF", 404),
        ("/councils/FIF/../GLG/waste?year=2017", "FIF", 404),
        ("/../../tokens/GLG", "FIF", 404),
    ],
)
def test_a_council_sees_its_own_data_alone(
    path: str, whose: str | None, status: int, systems: SimulatedSystems, home: Path
) -> None:
    token = (home / "simulator" / "tokens" / whose).read_text() if whose else "made up"
    with socket.create_connection(systems.api_address.removeprefix("http://").split(":")) as line:  # type: ignore[arg-type]
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        line.sendall(request.encode())  # as typed: no client tidies the path up
        answer = line.recv(65536)
    assert int(answer.split()[1]) == status


def test_the_servers_listen_on_this_machine_alone(systems: SimulatedSystems) -> None:
    assert systems.sftp_address.startswith("127.0.0.1:")
    assert systems.api_address.startswith("http://127.0.0.1:")


def test_the_environment_holds_no_secret(systems: SimulatedSystems, home: Path) -> None:
    text = " ".join(systems.environment.values())
    for path in [*(home / "simulator" / "tokens").iterdir(), *(home / "simulator" / "keys").iterdir()]:
        assert path.read_text() not in text
    assert set(systems.environment) == {"LGDP_HOME", "LGDP_SIMULATOR_SFTP", "LGDP_SIMULATOR_API"}


def test_free_ports_replace_ports_in_use(home: Path, few: Register) -> None:
    with socket.socket() as busy_socket:
        busy_socket.bind(("127.0.0.1", 0))
        busy_socket.listen()
        port = busy_socket.getsockname()[1]
        with run_simulator(Settings.from_folder(home), few, OPTIONS, sftp_port=port, api_port=port) as other_systems:
            ports = {
                int(address.rpartition(":")[2]) for address in (other_systems.sftp_address, other_systems.api_address)
            }
            assert len(ports) == 2
            assert port not in ports
            assert other_systems.environment["LGDP_SIMULATOR_SFTP"] == other_systems.sftp_address
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", max(ports))) != 0


def test_the_default_ports_are_those_that_the_register_names(few: Register) -> None:
    addresses = [getattr(source, "address", "") for source in few.sources.values()]
    assert f"${{LGDP_SIMULATOR_SFTP:-127.0.0.1:{council_systems.SFTP_PORT}}}" in addresses
    assert f"${{LGDP_SIMULATOR_API:-http://127.0.0.1:{council_systems.API_PORT}}}" in addresses
