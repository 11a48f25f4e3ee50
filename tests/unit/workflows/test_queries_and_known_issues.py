"""Queries and known issues through the command line, from a council's figures to reports and SQL.

ALLOTMENT's plots may not fall by more than 10 percent from one year to the next without a word, each grade by itself.
Fife had 100 and 50 plots in CY2022, 80 and 30 in CY2023 (both fell by too much), 60 and 29 in CY2024 (one did).
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from lgdp_pipelines.workflows.publishing import refresh_lake_copies, write_analyst_catalogue
from lgdp_pipelines.workflows.report_delivery import deliver_reports, locate_report_folder
from tests.support.command_line import CommandLine
from tests.support.contracts import allotment_v1, write_register

DOES_NOT_FALL = {
    "id": "plots_do_not_fall",
    "name": "Plots do not fall",
    "description": "Compare with the year before.",
    "severity": "query",
    "type": "custom",
    "engine": "lgdp",
    "implementation": {
        "rule": "earlier_period", "item": "plots", "by": ["site", "grade"], "periodsBack": 1, "fallPct": 10,
    },
    "customProperties": [{"property": "lgdpScope", "value": ["grade"]}],
}  # fmt: skip
HOSTILE = '=HYPERLINK("http://x","y") <script>alert(1)</script> [red]no[/red] {{ 7*7 }}'
FIRST, SECOND = "ALLOTMENT.FIF.CY2023.Q001", "ALLOTMENT.FIF.CY2023.Q002"
NEXT = "ALLOTMENT.FIF.CY2024.Q001"
ANSWER = ("--code", "correct-as-sent", "--by", "A. Officer", "--words")
RECIPIENT = ("--by", "scottish-government, B. Analyst")


@dataclass(frozen=True)
class World:
    """A platform with three years of Fife's plots, and its command line."""

    platform: Platform
    lgdp: CommandLine
    folder: Path

    def send(self, period: str, *rows: str) -> None:
        """Hand Fife's plots in, judge them and deliver the report."""
        file = self.folder / "plots.csv"
        file.write_text("Council,Site,Grade,Plots\n" + "".join(f"Fife,North,{row}\n" for row in rows), encoding="utf-8")
        register, platform = self.platform.register, self.platform
        data_return, when = register.returns["ALLOTMENT"], parse_period(period)
        hand_in(
            data_return,
            register.councils.by_code["FIF"],
            when,
            [file],
            inbox=Inbox(platform.ledger, platform.received_bytes),
        )
        process(platform, ProcessRequest(data_return, when, ["FIF"]), f"run {period} {rows}")
        deliver_reports(platform)

    def query_lake(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SQL statement; make the catalogue if it is missing."""
        if not self.platform.settings.catalogue.exists():
            write_analyst_catalogue(self.platform)
        return [tuple(row.values()) for row in self.lgdp.query_lake(sql)]

    def queries(self) -> dict[str, dict[str, Any]]:
        """Return every query as the command lists it, by id."""
        return {row["query"]: row for row in self.lgdp("query", "list", "--format", "json").rows}

    def outbox(self, submission: str, name: str = "report.html") -> str:
        """Return the text of a file in Fife's outbox."""
        return (locate_report_folder(self.platform.settings.home, submission) / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home_with_queries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the three years, and nothing answered; never written to."""
    folder = tmp_path_factory.mktemp("queries")
    schemas = write_register(folder / "schemas", allotment_v1("1.0.0", "CY2022", DOES_NOT_FALL))
    shutil.copy(PROJECT / "schemas" / "codelists" / "query-answers.yaml", schemas / "codelists")
    world = _world(folder)
    for period, rows in {"CY2022": ("1,100", "2,50"), "CY2023": ("1,80", "2,30"), "CY2024": ("1,60", "2,29")}.items():
        world.send(period, *rows)
    world.platform.ledger.close()
    return folder


def _world(folder: Path) -> World:
    return World(
        Platform(Settings.from_folder(folder / "home", folder / "schemas")),
        CommandLine(folder / "home", folder / "schemas"),
        folder,
    )


@pytest.fixture(scope="module")
def fixed_world(home_with_queries: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world for refusals, which change nothing in it."""
    folder = tmp_path_factory.mktemp("still")
    shutil.copytree(home_with_queries, folder, dirs_exist_ok=True)
    return _world(folder)


@pytest.fixture
def world(home_with_queries: Path, tmp_path: Path) -> World:
    shutil.copytree(home_with_queries, tmp_path, dirs_exist_ok=True)
    return _world(tmp_path)


def test_a_query_is_reported_answered_and_accepted(world: World) -> None:
    states = {key: (row["state"], row["scope"], row["failed"]) for key, row in world.queries().items()}
    assert states == {FIRST: ("open", "grade=1", 1), SECOND: ("open", "grade=2", 1), NEXT: ("open", "grade=1", 1)}
    page = world.outbox("ALLOTMENT.FIF.CY2023.001")
    assert f"lgdp query answer {FIRST} --code" in page
    assert f"lgdp query answer {SECOND} --code" in page

    output = world.lgdp("query", "answer", FIRST.lower(), *ANSWER, "A site was sold.")
    assert output.out == f"{FIRST}: answered, correct-as-sent\n"
    assert "A site was sold." in world.outbox("ALLOTMENT.FIF.CY2023.001"), "the report in the outbox says so at once"
    statement = "SELECT id, state, answer_code FROM ledger.query WHERE period = 'CY2023' ORDER BY id"
    assert world.query_lake(statement) == [(FIRST, "answered", "correct-as-sent"), (SECOND, "open", None)]
    assert [row["open_queries"] for row in world.lgdp("status", "--format", "json").rows] == [0, 1, 1]

    world.lgdp("query", "send-back", FIRST, "--words", "Which site?", *RECIPIENT)
    assert world.queries()[FIRST]["state"] == "open"
    assert "Sent back by scottish-government, B. Analyst" in world.outbox("ALLOTMENT.FIF.CY2023.001")
    assert world.query_lake(statement)[0] == (FIRST, "open", None)
    world.lgdp("query", "answer", FIRST, *ANSWER, "The northern one.")
    refused = world.lgdp("query", "accept", FIRST, "--by", "A. Officer", expect=2)
    assert "is not a recipient of ALLOTMENT" in refused.err
    world.lgdp("query", "accept", FIRST, "--by", "Scottish Government, B. Analyst")
    assert "accepted by scottish-government, B. Analyst" in world.lgdp("query", "show", FIRST).out
    assert world.platform.ledger.balance.find_problems() == []


def test_last_years_answer_is_offered_and_repeated(world: World) -> None:
    refusal = world.lgdp("query", "answer", NEXT, "--as-last-year", "--by", "A. Officer", expect=2)
    assert "FIF has not answered this before." in refusal.err
    world.lgdp("query", "answer", FIRST, *ANSWER, "A site was sold.")
    output = world.lgdp("query", "show", NEXT).out
    assert "For CY2023 the answer was correct-as-sent: “A site was sold.”" in output
    assert f"lgdp query answer {NEXT} --as-last-year" in output
    assert "--as-last-year" in world.lgdp("report", "ALLOTMENT.FIF.CY2024.001").out

    result = world.lgdp("query", "answer", NEXT, "--as-last-year", "--by", "C. Officer")
    assert result.out == f"{NEXT}: answered, correct-as-sent, as for {FIRST}\n"
    row = world.queries()[NEXT]
    assert (row["words"], row["by"], row["origin"]) == ("A site was sold.", "C. Officer", FIRST)


def test_words_are_never_executed(world: World) -> None:
    world.lgdp("query", "answer", FIRST, *ANSWER, HOSTILE)
    page = world.outbox("ALLOTMENT.FIF.CY2023.001")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert "[red]no[/red]" in world.lgdp("query", "show", FIRST).out
    assert world.queries()[FIRST]["words"] == HOSTILE
    output = world.lgdp("query", "list", "--format", "csv").out
    assert "'=HYPERLINK" in output
    assert ",=HYPERLINK" not in output.replace('"', "")
    assert world.lgdp("query", "answer", SECOND, *ANSWER, "clear \x1b[2J", expect=1).err.count("\x1b[2J") == 0


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("--code", "nonsense", "--words", "w"), "“nonsense” is not a code for an answer."),
        ((), "An answer is a code with words"),
        (("--code", "not-known", "--words", "w", "--as-last-year"), "An answer is a code with words"),
    ],
)
def test_an_invalid_answer_is_refused(fixed_world: World, words: tuple[str, ...], output: str) -> None:
    assert output in fixed_world.lgdp("query", "answer", FIRST, "--by", "A. Officer", *words, expect=2).err
    assert fixed_world.queries()[FIRST]["state"] == "open"


def test_an_accepted_answer_holds_while_the_figures_do(world: World) -> None:
    for query in (FIRST, SECOND):
        world.lgdp("query", "answer", query, *ANSWER, "Sold.")
        world.lgdp("query", "accept", query, *RECIPIENT)
    world.send("CY2023", "2,20", "1,80")  # in another order, and the second has fallen further
    queries_by_id = world.queries()
    assert (queries_by_id[FIRST]["state"], queries_by_id[SECOND]["state"]) == ("accepted", "answered")
    assert queries_by_id[FIRST]["submission"] == "ALLOTMENT.FIF.CY2023.002"
    assert "changed" in world.lgdp("query", "show", SECOND).out
    world.send("CY2023", "1,95", "2,20")
    queries_by_id = world.queries()
    assert (queries_by_id[FIRST]["state"], queries_by_id[SECOND]["state"]) == ("expired", "answered")
    assert world.platform.ledger.balance.find_problems() == []


def test_the_ledger_holds_no_fingerprint_that_can_be_guessed(fixed_world: World) -> None:
    with fixed_world.platform.ledger._database.read() as connection:
        tokens = [str(row[0]) for row in connection.exec_driver_sql("SELECT fingerprint FROM query").all()]
    assert len(set(tokens)) == 3
    assert all(len(token) == 32 for token in tokens), "a keyed token, not the sha256 of a few figures"


def test_an_answer_survives_a_lake_that_refuses_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("The disk is full.")

    state = f"SELECT state FROM ledger.query WHERE id = '{FIRST}'"
    assert world.query_lake(state) == [("open",)]
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "mirror", fail)
        assert "The disk is full." in world.lgdp("query", "answer", FIRST, *ANSWER, "Sold.", expect=1).err
    assert world.queries()[FIRST]["state"] == "answered"
    assert world.query_lake(state) == [("open",)]
    refresh_lake_copies(world.platform)
    assert world.query_lake(state) == [("answered",)]


def test_rules_are_counted_with_the_noisiest_first(world: World) -> None:
    world.lgdp("query", "answer", FIRST, *ANSWER, "Sold.")
    world.lgdp("query", "accept", FIRST, *RECIPIENT)
    first = world.lgdp("query", "rules", "--format", "json").rows[0]
    assert (first["rule"], first["judged"], first["findings"], first["opened"]) == (
        "allotment.plots_do_not_fall", 2, 3, 3,
    ), "in the first year there was nothing to compare with"  # fmt: skip
    assert (first["accepted"], first["settled"], first["noise_share"]) == (1, 1, 1.0)
    assert first["answered"] == {"correct-as-sent": 1}
    assert "█" * 20 in world.lgdp("query", "rules").out
    assert world.query_lake("SELECT rule, noise_share FROM ledger.rule_noise LIMIT 1") == [
        ("allotment.plots_do_not_fall", 1.0)
    ]


class TestKnownIssues:
    """Notes on figures."""

    def test_a_known_issue_is_shown_with_its_query_and_does_not_close_it(self, world: World) -> None:
        put = ("known-issue", "put", "ALLOTMENT", "--council", "Fife", "--period", "CY2023", "--by", "B. Analyst")
        world.lgdp(*put, "--item", "plots", "--role", "owner", "--words", "A site is being rebuilt.")
        world.lgdp(*put, "--words", "Counted by hand.")
        output = world.lgdp("report", "ALLOTMENT.FIF.CY2023.001").out
        assert output.count("Known issue 1 is about the same: “A site is being rebuilt.”") == 2
        assert "Known issue 2 is about the same" not in output
        assert "Known issue 2, on the return as a whole: Counted by hand." in output
        assert world.queries()[FIRST]["state"] == "open"
        note_counts = {row["period"]: row["noted"] for row in world.lgdp("status", "--format", "json").rows}
        assert note_counts == {"CY2022": 0, "CY2023": 2, "CY2024": 0}
        statement = "SELECT number, item, words FROM ledger.known_issue WHERE lifted_at IS NULL ORDER BY number"
        assert world.query_lake(statement) == [
            (1, "urn:lgdp:item:allotment:plots", "A site is being rebuilt."), (2, "", "Counted by hand."),
        ]  # fmt: skip
        world.lgdp("known-issue", "lift", "1", "--by", "B. Analyst", "--reason", "It is open again.")
        assert [row[0] for row in world.query_lake(statement)] == [2]
        issues = world.lgdp("known-issue", "list", "--lifted", "--format", "json").rows
        assert [(issue["number"], issue["lift_reason"]) for issue in issues] == [(1, "It is open again."), (2, "")]

    @pytest.mark.parametrize(
        ("words", "output"),
        [
            (("--role", "visitor"), "“visitor” may not add a known issue"),
            (("--item", "urn:lgdp:item:allotment:none"), "is no data item of ALLOTMENT"),
            (("--words", "\x07"), "not text"),
        ],
    )
    def test_unknown_names_are_refused(self, fixed_world: World, words: tuple[str, ...], output: str) -> None:
        put = ("known-issue", "put", "ALLOTMENT", "-c", "Fife", "-p", "CY2023", "--by", "b", "--words", "w")
        refused = fixed_world.lgdp(*put, *words, expect=1 if "--words" in words else 2)
        assert output in refused.err
        assert fixed_world.lgdp("known-issue", "list", "--format", "json").rows == []

    def test_a_file_is_added_whole_or_refused_with_every_problem(
        self, world: World, write: Callable[[str], Path]
    ) -> None:
        header = "return,council,period,item,words,source"
        valid_lines = 'ALLOTMENT,Fife,2023,plots,"Late,\nbut right.",minutes\nallotment,GLG,CY2023,,\'=1+1 sites,\n'
        wrong_lines = "ALLOTMENT,Nowhere,CY2023,,w,\nALLOTMENT,Fife,CY1999,,w,\nALLOTMENT,Fife,CY2023,none,,\n"
        refused = world.lgdp(
            "known-issue", "import", write(f"{header}\n{valid_lines}{wrong_lines}"), "--by", "b", expect=2
        )
        assert "4 problems" in refused.err
        for line, problem in (
            (5, "“Nowhere”"),
            (6, "CY1999"),
            (7, "“none” is no data item"),
            (7, "words may not be empty"),
        ):
            assert any(f"file.csv:{line}:" in text and problem in text for text in refused.err.splitlines()), (
                line,
                problem,
            )
        assert world.lgdp("known-issue", "list", "--format", "json").rows == []

        for _ in range(2):  # the same again changes nothing
            world.lgdp("known-issue", "import", write(f"{header}\n{valid_lines}"), "--by", "b")
        rows = world.lgdp("known-issue", "list", "--format", "json").rows
        assert [(row["council"], row["item"], row["words"], row["role"]) for row in rows] == [
            ("FIF", "urn:lgdp:item:allotment:plots", "Late, but right.", "improvement-service"),
            ("GLG", "", "=1+1 sites", "improvement-service"),
        ]
        exported = world.lgdp("known-issue", "list", "--format", "csv").out
        assert "'=1+1 sites" in exported, "no spreadsheet takes it for a formula"

    @pytest.mark.parametrize(
        "text",
        [
            "return,council,period\nALLOTMENT,Fife,CY2023\n",
            "return,council,period,words,colour\nALLOTMENT,Fife,CY2023,w,red\n",
            "return,council,period,words\nALLOTMENT,Fife,CY2023,a,b\n",
            'return,council,period,words\nALLOTMENT,Fife,CY2023,"a"b\n',
            "",
        ],
    )
    def test_a_file_of_another_shape_is_refused(
        self, fixed_world: World, write: Callable[[str], Path], text: str
    ) -> None:
        fixed_world.lgdp("known-issue", "import", write(text), "--by", "b", expect=2)

    @pytest.fixture
    def write(self, tmp_path: Path) -> Callable[[str], Path]:
        def write_file(text: str) -> Path:
            file = tmp_path / "file.csv"
            file.write_text(text, encoding="utf-8")
            return file

        return write_file
