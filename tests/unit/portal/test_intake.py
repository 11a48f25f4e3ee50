"""What a council's system is told when it sends a file, and when it asks again."""

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

    told = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/submissions/{told['id']}"
    assert (told["state"], told["verdict"], told["preliminary"], told["rows"]) == ("waiting", "accepted", True, 1)
    assert told["receipt"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["receipt"]["size"] == len(content)
    receipt = served.platform.ledger.receipts.get(int(told["id"]))
    assert (receipt.council_code, receipt.file_name, receipt.transport) == ("FIF", "stays 2022.csv", "push")
    assert served.platform.received_bytes.get(receipt.sha256) == content


def test_findings_name_rows_without_cell_values(served: RunningIntake) -> None:
    with served.client() as client:
        answer = client.post(
            "/submissions",
            params=ASK,
            content=write_stays("ZZPERSON,ZZSURNAME,31/02/1950,03/04/2022,F,7", "P2,Reid,01/01/1950,04/04/2022,ZZC,x"),
        )

    told = answer.json()
    assert (answer.status_code, told["verdict"]) == (202, "rejected")
    assert {(finding["row"], finding["column"]) for finding in told["findings"]} == {
        (2, "Born"),
        (3, "Carer"),
        (3, "Nights"),
    }
    assert {rule["rule"]: rule["result"] for rule in told["rules"]}["respite.born.type"] == "failed"
    for cell in ("ZZPERSON", "ZZSURNAME", "31/02/1950", "ZZC"):
        assert cell not in answer.text


def test_unreadable_file_has_a_receipt(served: RunningIntake) -> None:
    content = b"\xff\xfe\x00broken\x00\x01"
    with served.client() as client:
        told = client.post("/submissions", params=ASK | {"period": "CY2023"}, content=content).json()

    assert told["verdict"] == "rejected"
    assert [finding["rule"] for finding in told["findings"]] == ["respite.readable"]
    assert served.platform.received_bytes.get(told["receipt"]["sha256"]) == content


def test_same_bytes_again_are_a_duplicate_with_the_earlier_result(served: RunningIntake) -> None:
    with served.client("GLG") as client:
        first = client.post("/submissions", params=ASK, content=write_stays("P1,A,01/01/1950,01/01/2022,F,x"))
        served.judge("RESPITE", "CY2022")
        again = client.post("/submissions", params=ASK, content=write_stays("P1,A,01/01/1950,01/01/2022,F,x"))

    told = again.json()
    assert (again.status_code, told["state"], told["duplicate_of"]) == (200, "duplicate", first.json()["id"])
    assert (told["verdict"], told["preliminary"]) == ("rejected", False)
    assert told["findings"] == first.json()["findings"]


def test_processing_reaches_the_same_judgement_as_the_response(served: RunningIntake) -> None:
    ask = ASK | {"period": "CY2024"}
    with served.client() as client:
        before = client.post("/submissions", params=ask, content=write_stays("P1,A,01/01/1950,01/01/2024,Q,5")).json()
        waiting = client.get(f"/submissions/{before['id']}").json()
        served.judge("RESPITE", "CY2024")
        after = client.get(f"/submissions/{before['id']}").json()
        by_name = client.get("/submissions/RESPITE.FIF.CY2024.001").json()

    assert (waiting["state"], waiting["preliminary"]) == ("waiting", True)
    assert (after["state"], after["preliminary"], after["submission"]) == ("part", False, "RESPITE.FIF.CY2024.001")
    for name in ("verdict", "findings", "rules", "rows", "tables"):
        assert before[name] == waiting[name] == after[name] == by_name[name], name
    assert after["verdict"] == "rejected"


def test_report_is_available_in_each_form_before_and_after_processing(served: RunningIntake) -> None:
    ask = ASK | {"period": "CY2025"}
    with served.client() as client:
        told = client.post("/submissions", params=ask, content=write_stays("P1,A,01/01/1950,01/01/2025,F,x")).json()
        links = told["links"]
        early = client.get(links["report_html"])
        served.judge("RESPITE", "CY2025")
        late = {form: client.get(links[f"report_{form}"]) for form in ("html", "json", "csv")}

    assert early.status_code == 200
    assert "<!doctype html>" in early.text
    assert "receipt-" in early.text
    assert "RESPITE.FIF.CY2025.001" in late["html"].text
    assert late["json"].json()["verdict"] == "rejected"
    rows = list(csv.DictReader(io.StringIO(late["csv"].content.decode("utf-8-sig"))))
    assert [(row["rule"], row["row"]) for row in rows] == [("respite.nights.type", "2")]
    assert "attachment" in late["csv"].headers["content-disposition"]


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
        told = client.post("/submissions", params=ASK | {"period": "CY2023", "nil": "true"}, content=b"").json()
        other = client.post(
            "/submissions", params={"return": "LIBRARY", "period": "CY2022", "nil": "true"}, content=b"none"
        ).json()

    assert (told["verdict"], told["rows"]) == ("accepted", 0)
    assert served.platform.ledger.receipts.get(int(told["id"])).nil
    assert other["verdict"] == "rejected"


def test_one_council_sees_nothing_of_another(served: RunningIntake) -> None:
    with served.client("FIF") as mine, served.client("GLG") as theirs:
        told = mine.post("/submissions", params=ASK, content=write_stay("ONLY-FIFE")).json()
        served.judge("RESPITE", "CY2022")
        submission = mine.get(f"/submissions/{told['id']}").json()["submission"]
        addresses = [f"/submissions/{name}{rest}" for name in (told["id"], submission) for rest in ("", "/report.json")]
        found = [theirs.get(address) for address in addresses]
        nowhere = theirs.get("/submissions/999999")

    assert [response.status_code for response in found] == [404] * 4
    assert {response.text for response in found} == {nowhere.text}


def test_calendar_shows_the_councils_own_obligations(served: RunningIntake) -> None:
    with served.client("GLG") as client:
        told = client.get("/calendar").json()

    assert told["council"] == "GLG"
    assert {owed["return"] for owed in told["returns"]} >= {"RESPITE", "LIBRARY"}


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0.csv", "<script>alert(1)</script>.csv", "a;b'\".csv"])
def test_hostile_file_name_is_recorded_exactly_and_shown_escaped(served: RunningIntake, name: str) -> None:
    with served.client() as client:
        if "/" in name:
            assert client.post("/submissions", params=ASK | {"file": name}, content=b"x").status_code == 400
            name = name.replace("/", "")
        told = client.post("/submissions", params=ASK | {"file": name}, content=write_stay(name[:3])).json()
        shown = client.get(told["links"]["report_html"])

    assert served.platform.ledger.receipts.get(int(told["id"])).file_name == name
    assert "<script>" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]


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
