"""Responses to a council's system when it sends a file, and when it asks for the status."""

import csv
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.intake import RunningIntake, write_stay, write_stays

ASK = {"return": "RESPITE", "period": "CY2022"}


def test_good_file_is_stored_and_its_verdict_returned(served: RunningIntake) -> None:
    content = write_stay("G1")
    with served.client() as client:
        answer = client.post("/submissions", params=ASK | {"file": "stays 2022.csv"}, content=content)

    document = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/submissions/{document['id']}"
    assert (document["state"], document["verdict"], document["preliminary"], document["rows"]) == (
        "waiting",
        "accepted",
        True,
        1,
    )
    assert document["receipt"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert document["receipt"]["size"] == len(content)
    receipt = served.platform.ledger.receipts.get(int(document["id"]))
    assert (receipt.council_code, receipt.file_name, receipt.transport) == ("FIF", "stays 2022.csv", "push")
    assert served.platform.received_bytes.get(receipt.sha256) == content


def test_findings_name_rows_without_cell_values(served: RunningIntake) -> None:
    with served.client() as client:
        answer = client.post(
            "/submissions",
            params=ASK,
            content=write_stays("ZZPERSON,ZZSURNAME,31/02/1950,03/04/2022,F,7", "P2,Reid,01/01/1950,04/04/2022,ZZC,x"),
        )

    document = answer.json()
    assert (answer.status_code, document["verdict"]) == (202, "rejected")
    assert {(finding["row"], finding["column"]) for finding in document["findings"]} == {
        (2, "Born"),
        (3, "Carer"),
        (3, "Nights"),
    }
    assert {rule["rule"]: rule["result"] for rule in document["rules"]}["respite.born.type"] == "failed"
    for cell in ("ZZPERSON", "ZZSURNAME", "31/02/1950", "ZZC"):
        assert cell not in answer.text


def test_unreadable_file_has_a_receipt(served: RunningIntake) -> None:
    content = b"\xff\xfe\x00broken\x00\x01"
    with served.client() as client:
        document = client.post("/submissions", params=ASK | {"period": "CY2023"}, content=content).json()

    assert document["verdict"] == "rejected"
    assert [finding["rule"] for finding in document["findings"]] == ["respite.readable"]
    assert served.platform.received_bytes.get(document["receipt"]["sha256"]) == content


def test_same_bytes_again_are_a_duplicate_with_the_earlier_result(served: RunningIntake) -> None:
    with served.client("GLG") as client:
        first = client.post("/submissions", params=ASK, content=write_stays("P1,A,01/01/1950,01/01/2022,F,x"))
        served.judge("RESPITE", "CY2022")
        repeated = client.post("/submissions", params=ASK, content=write_stays("P1,A,01/01/1950,01/01/2022,F,x"))

    document = repeated.json()
    assert (repeated.status_code, document["state"], document["duplicate_of"]) == (200, "duplicate", first.json()["id"])
    assert (document["verdict"], document["preliminary"]) == ("rejected", False)
    assert document["findings"] == first.json()["findings"]


def test_processing_reaches_the_same_judgement_as_the_response(served: RunningIntake) -> None:
    ask = ASK | {"period": "CY2024"}
    with served.client() as client:
        first = client.post("/submissions", params=ask, content=write_stays("P1,A,01/01/1950,01/01/2024,Q,5")).json()
        waiting = client.get(f"/submissions/{first['id']}").json()
        served.judge("RESPITE", "CY2024")
        processed = client.get(f"/submissions/{first['id']}").json()
        by_id = client.get("/submissions/RESPITE.FIF.CY2024.001").json()

    assert (waiting["state"], waiting["preliminary"]) == ("waiting", True)
    assert (processed["state"], processed["preliminary"], processed["submission"]) == (
        "part",
        False,
        "RESPITE.FIF.CY2024.001",
    )
    for name in ("verdict", "findings", "rules", "rows", "tables"):
        assert first[name] == waiting[name] == processed[name] == by_id[name], name
    assert processed["verdict"] == "rejected"


def test_report_is_available_in_each_form_before_and_after_processing(served: RunningIntake) -> None:
    ask = ASK | {"period": "CY2025"}
    with served.client() as client:
        document = client.post("/submissions", params=ask, content=write_stays("P1,A,01/01/1950,01/01/2025,F,x")).json()
        links = document["links"]
        preliminary = client.get(links["report_html"])
        served.judge("RESPITE", "CY2025")
        reports = {form: client.get(links[f"report_{form}"]) for form in ("html", "json", "csv")}

    assert preliminary.status_code == 200
    assert "<!doctype html>" in preliminary.text
    assert "receipt-" in preliminary.text
    assert "RESPITE.FIF.CY2025.001" in reports["html"].text
    assert reports["json"].json()["verdict"] == "rejected"
    rows = list(csv.DictReader(io.StringIO(reports["csv"].content.decode("utf-8-sig"))))
    assert [(row["rule"], row["row"]) for row in rows] == [("respite.nights.type", "2")]
    assert "attachment" in reports["csv"].headers["content-disposition"]


def test_files_sent_separately_are_judged_together(served: RunningIntake) -> None:
    ask = {"return": "LIBRARY", "period": "CY2023"}
    with served.client() as client:
        first = client.post("/submissions", params=ask | {"table": "branch"}, content=b"Branch,Books\nMain,5\n").json()
        second = client.post(
            "/submissions", params=ask | {"file": "loans.csv"}, content=b"Branch,Month,Loans\nMain,x,5\n"
        ).json()

    assert first["verdict"] is None
    assert "loan" in first["message"]
    assert second["verdict"] == "rejected"
    assert {table["table"]: table["rows"] for table in second["tables"]} == {"branch": 1, "loan": 1}
    assert [(finding["table"], finding["row"]) for finding in second["findings"]] == [("loan", 2)]


def test_nil_return_is_accepted_where_the_contract_takes_one(served: RunningIntake) -> None:
    with served.client("GLG") as client:
        document = client.post("/submissions", params=ASK | {"period": "CY2023", "nil": "true"}, content=b"").json()
        refused_nil = client.post(
            "/submissions", params={"return": "LIBRARY", "period": "CY2022", "nil": "true"}, content=b"none"
        ).json()

    assert (document["verdict"], document["rows"]) == ("accepted", 0)
    assert served.platform.ledger.receipts.get(int(document["id"])).nil
    assert refused_nil["verdict"] == "rejected"


def test_one_council_sees_nothing_of_another(served: RunningIntake) -> None:
    with served.client("FIF") as fife, served.client("GLG") as glasgow:
        document = fife.post("/submissions", params=ASK, content=write_stay("ONLY-FIFE")).json()
        served.judge("RESPITE", "CY2022")
        submission = fife.get(f"/submissions/{document['id']}").json()["submission"]
        addresses = [
            f"/submissions/{name}{suffix}" for name in (document["id"], submission) for suffix in ("", "/report.json")
        ]
        responses = [glasgow.get(address) for address in addresses]
        unknown = glasgow.get("/submissions/999999")

    assert [response.status_code for response in responses] == [404] * 4
    assert {response.text for response in responses} == {unknown.text}


def test_calendar_shows_the_councils_own_obligations(served: RunningIntake) -> None:
    with served.client("GLG") as client:
        document = client.get("/calendar").json()

    assert document["council"] == "GLG"
    assert {obligation["return"] for obligation in document["returns"]} >= {"RESPITE", "LIBRARY"}


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0.csv", "<script>alert(1)</script>.csv", "a;b'\".csv"])
def test_hostile_file_name_is_recorded_exactly_and_shown_escaped(served: RunningIntake, name: str) -> None:
    with served.client() as client:
        if "/" in name:
            assert client.post("/submissions", params=ASK | {"file": name}, content=b"x").status_code == 400
            name = name.replace("/", "")
        document = client.post("/submissions", params=ASK | {"file": name}, content=write_stay(name[:3])).json()
        report = client.get(document["links"]["report_html"])

    assert served.platform.ledger.receipts.get(int(document["id"])).file_name == name
    assert "<script>" not in report.text
    assert "default-src 'none'" in report.headers["content-security-policy"]


def test_same_file_sent_concurrently_counts_once(served: RunningIntake) -> None:
    def send(_: int) -> str:
        with served.client() as client:
            state: str = client.post("/submissions", params=ASK, content=write_stay("AT-ONCE")).json()["state"]
            return state

    with ThreadPoolExecutor(4) as pool:
        states = sorted(pool.map(send, range(4)))

    assert states == ["duplicate", "duplicate", "duplicate", "waiting"]


def test_ledger_balances_after_all_requests(served: RunningIntake) -> None:
    assert served.platform.ledger.balance.find_problems() == []
