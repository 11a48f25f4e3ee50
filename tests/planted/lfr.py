"""Made-up extracts of LFR with defects of every kind that its contract can tell. **Every figure is made up.**

The forms hang together: a service is the sum of its lines, and a control total that of its services. Each sum is made
of what can be read below it once that is spoilt, so that a defect stays one. Belongs here: good forms with a ledger
behind them, and what breaks the rules between them. Belongs elsewhere: rules about a single cell (``cells``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import polars as pl

from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.planted.cell_defects import one_of
from tests.planted.planted_extracts import SHARE, Extract, ExtractTarget, border_of, extract_of, table_events
from tests.planted.table_drafts import FIRST_ROW, TRUTH, Draft, Event, N, PlantedFinding, planted, with_events

GROSS, INCOME, NET = "gross_gbp_thousand", "income_gbp_thousand", "net_gbp_thousand"
FIGURES = (GROSS, INCOME, NET)
ROW_72, ROW_12 = "lfr00_row_72_gbp_thousand", "lfra0_row_12_gbp_thousand"
_NOT_THERE = "LFR09.17"
"""A line without a row, in extracts with a ledger."""
_ALONE = ("TRADING", "HRA")
"""Services without lines: whatever is wrong with one of them is wrong with nothing else."""
_COMPARED, _FELL, _ROSE = 8, 5, 6
"""How many services are held against the year before; which cost much less by now, and which much more."""
_PENCE = 100_000
"""Of a thousand pounds."""
_AT_HALF = 5
"""One line in so many has a ledger that lies just half a thousand from its figures."""
_OFF_BY_TWO = {7: "gross", 23: "income"}
"""Lines that their ledger does not add up to, and which figure."""


def lfr_extract(target: ExtractTarget, rows: int, *, seed: int = 3) -> Extract:
    """Forms with a ledger, of which two postings in a hundred have a defect, and as many lie at the border of one."""
    (table,) = (table for table in target.contract.tables if table.name == "ledger")
    leave = frozenset({("amount_gbp", RuleKind.RANGE)})
    events = [
        *table_events(target, table, leave),
        *_of_postings(target),
        *border_of(target, table, ("amount_gbp", "kind_code", "line_code")),
        *_postings_at_the_border(target),
    ]
    codes = [code for code in target.register.code_lists["lfr-line"].by_code if code != _NOT_THERE]
    # A line is held against all its postings: some lines have none with a defect, so that what is wrong is told.
    among = pl.int_range(rows, eager=True)
    among = among.filter(~(among % len(codes)).is_in([place for place in range(len(codes)) if _is_clean(place)]))
    good = _postings(target, codes, rows)
    ledger = _closed(planted("ledger", good, events, share=SHARE, among=among, seed=seed), codes)
    off = [(_off_by_two(word), place) for place, word in _OFF_BY_TWO.items()]
    forms = _forms(target, _lines(target, codes, _sums(ledger)), {"line": off})
    return _beside_last_year(target, {**forms, "ledger": ledger})


def lfr_forms(target: ExtractTarget) -> Iterator[Extract]:
    """Extracts without a ledger, which between them have every defect that the forms can have."""
    by_name = target.contract.by_name
    codes = list(target.register.code_lists["lfr-line"].by_code)
    of_lines = [*_cells_of_figures(target, by_name["line"], "line"), *_of_lines()]
    of_services = [*_cells_of_figures(target, by_name["service"], "service"), *_of_services()]
    of_control = [*table_events(target, by_name["control"]), *_of_control()]
    # What repeats a row needs one that is good, and there are two.
    repeating = [event for event in of_control if event.repeats]
    controls = [*_in_groups([event for event in of_control if not event.repeats], 2), repeating]
    for lines, services, control in zip_longest(
        _in_groups(of_lines, 4), _in_groups(of_services, 2), controls, fillvalue=()
    ):
        dealt = {
            "line": list(zip(lines, (30, 38, 45, 60), strict=False)),
            "service": [
                *zip(services, (8, 9), strict=False),
                *((service, row) for row, service in enumerate(_of_sums())),
            ],
            "control": list(zip(control, (1, 0), strict=False)),
        }
        extract = _beside_last_year(target, _forms(target, _lines(target, codes, {}), dealt))
        takes_one_away = any(event.repeats or event.is_ragged for event in services)
        yield _missing_a_service(extract) if takes_one_away else extract
    # Two lines of one service that make up for each other.
    nets = [(_net_off_by(7), 20), (_net_off_by(-7), 21)]
    dealt = {"line": [(_OF_NO_SERVICE, 3), *nets]}
    yield _missing_a_service(
        _beside_last_year(target, _forms(target, _lines(target, codes, {}), dealt, without="TRADING"))
    )


def _missing_a_service(extract: Extract) -> Extract:
    """An extract, and that one of its services is missing."""
    missing = pl.DataFrame([("lfr.every_service_is_there", "error", "service", None, "service")], TRUTH, orient="row")
    return replace(extract, truth=pl.concat([extract.truth, missing]))


def _in_groups(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    return [events[first : first + size] for first in range(0, len(events), size)]


def _named(target: ExtractTarget, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their place, council and year."""
    return rows.with_columns(
        pl.int_range(pl.len()).alias(N),
        pl.lit(target.council.name).alias("sending_council"),
        pl.lit(target.period.id.removeprefix("FY")).alias("financial_year"),
    )


def _postings(target: ExtractTarget, codes: Sequence[str], rows: int) -> pl.DataFrame:
    number = pl.col(N)
    pence = number * 7_919 % 99_991
    amount = pl.format("{}.{}", pence // 100, (pence % 100).cast(pl.String).str.zfill(2))
    is_income = number // len(codes) % 4 == 3
    return _named(target, pl.DataFrame({"_": pl.repeat(0, rows, eager=True)})).select(
        N,
        "sending_council",
        "financial_year",
        pl.format("J{}", number).alias("posting_ref"),
        one_of(codes).alias("line_code"),
        pl.format("C{}", (number % 700).cast(pl.String).str.zfill(5)).alias("cost_centre"),
        pl.when(is_income).then(pl.lit("I")).otherwise(pl.lit("E")).alias("kind_code"),
        (pl.lit(target.period.start) + pl.duration(days=number % 365)).dt.to_string().alias("posted_date"),
        pl.when(is_income).then(pl.lit("-") + amount).otherwise(amount).alias("amount_gbp"),
        one_of(["", "Fuel", "Repairs to a roof"]).alias("note"),
    )


def _sums(ledger: Draft) -> Mapping[tuple[str, str], int]:
    """Pence of the postings that can be read, by line and kind."""
    amount = pl.col("amount_gbp").str.strip_chars()
    reads = amount.str.contains(r"^-?[0-9]{1,12}(\.[0-9]{1,2})?$")
    pence = (pl.when(reads).then(amount).cast(pl.Float64) * 100).round().cast(pl.Int64)
    whole = ledger.rows.filter(~pl.col(N).is_in(list(ledger.ragged)))
    by = (pl.col(name).str.strip_chars().alias(name) for name in ("line_code", "kind_code"))
    sums = whole.select(*by, pence.alias("pence")).group_by("line_code", "kind_code").agg(pl.col("pence").sum())
    return {(line, kind): pence for line, kind, pence in sums.iter_rows()}


def _closed(ledger: Draft, codes: Sequence[str]) -> Draft:
    """The ledger with further postings, by which some lines come to just half a thousand more than a whole number."""
    sums = _sums(ledger)
    wanted = [(code, "E", (_PENCE // 2 - sums[code, "E"]) % _PENCE) for code in codes[::_AT_HALF]]
    more = ledger.rows.head(len(wanted)).with_columns(
        pl.Series(N, range(ledger.rows.height, ledger.rows.height + len(wanted))),
        pl.Series("posting_ref", [f"CLOSING-{code}" for code, *_ in wanted]),
        pl.Series("line_code", [code for code, *_ in wanted]),
        pl.Series("kind_code", [kind for _, kind, _ in wanted]),
        pl.Series("amount_gbp", [f"{pence // 100}.{pence % 100:02d}" for *_, pence in wanted]),
    )
    return Draft(pl.concat([ledger.rows, more]), ledger.truth, ledger.ragged)


def _lines(target: ExtractTarget, codes: Sequence[str], sums: Mapping[tuple[str, str], int]) -> pl.DataFrame:
    """A good row for each line, rounded from its postings; where there are none, made up."""

    def figure(code: str, kind: str, place: int, instead: int) -> int:
        if (code, kind) not in sums:
            return instead
        # Half a thousand may be rounded either way.
        return (sums[code, kind] + _PENCE // 2 - place % 2) // _PENCE

    gross = [figure(code, "E", place, 900 + 13 * place) for place, code in enumerate(codes)]
    income = [figure(code, "I", place, -7 * place) for place, code in enumerate(codes)]
    frame = pl.DataFrame({"line_code": codes, GROSS: gross, INCOME: income})
    return _named(target, frame).with_columns(
        pl.col("line_code").str.split(".").list.first().alias("service_code"),
        (pl.col(GROSS) + pl.col(INCOME)).alias(NET),
    )


def _forms(
    target: ExtractTarget, lines: pl.DataFrame, dealt: Mapping[str, Sequence[tuple[Event, int]]], without: str = ""
) -> Mapping[str, Draft]:
    """Lines, services and control totals with events in some of their rows, each made of what can be read below it."""
    line = _spoilt("line", lines, dealt)
    services = [code for code in target.register.code_lists["lfr-service"].by_code if code != without]
    alone = pl.DataFrame({"service_code": list(_ALONE), GROSS: [310, 5_200], INCOME: [-30, -5_000], NET: [280, 200]})
    added = pl.concat([_added(line, "service_code", FIGURES), alone])
    service_rows = pl.DataFrame({"service_code": services}).join(
        added, on="service_code", how="left", maintain_order="left"
    )
    hra = pl.col("service_code") == "HRA"
    account = pl.when(hra).then(pl.lit("HRA")).otherwise(pl.lit("GF")).alias("account_code")
    service = _spoilt("service", _named(target, service_rows).with_columns(account), dealt)
    totals = _added(service, "account_code", (NET,)).rename({NET: ROW_72})
    accounts = pl.DataFrame({"account_code": ["GF", "HRA"]})
    control_rows = accounts.join(totals, on="account_code", how="left", maintain_order="left").with_columns(
        pl.col(ROW_72).fill_null(0), pl.col(ROW_72).fill_null(0).alias(ROW_12)
    )
    control = _spoilt("control", _named(target, control_rows), dealt)
    return {"control": control, "service": service, "line": line}


def _beside_last_year(target: ExtractTarget, drafts: Mapping[str, Draft]) -> Extract:
    """An extract, and what the services cost the year before: one much more, one much less, one just twice as much."""
    net = pl.col(NET).cast(pl.Int64)
    place = pl.int_range(pl.len())
    service = drafts["service"]
    before = service.rows.head(_COMPARED).select(
        "service_code",
        pl.when(place == _FELL).then(net * 3).when(place == _ROSE).then(net // 4).otherwise(net * 2).alias(NET),
    )
    rule, rows = "lfr.service_is_like_last_year", (_FELL + FIRST_ROW, _ROSE + FIRST_ROW)
    changed = [(rule, "query", "service", row, "net_expenditure") for row in rows]
    truth = pl.concat([service.truth, pl.DataFrame(changed, TRUTH, orient="row")])
    extract = extract_of(target, {**drafts, "service": Draft(service.rows, truth, service.ragged)})
    return replace(extract, before={"service": before})


def _spoilt(table: str, rows: pl.DataFrame, dealt: Mapping[str, Sequence[tuple[Event, int]]]) -> Draft:
    """Rows as text, with events planted in some of them."""
    some = [(event, pl.Series([row])) for event, row in dealt.get(table, ())]
    taken = {row for _, row in dealt.get(table, ())}
    untouched = pl.Series([row for row in range(rows.height) if row not in taken], dtype=pl.Int64)
    return with_events(table, rows.with_columns(pl.exclude(N).cast(pl.String)), some, untouched)


def _added(draft: Draft, by: str, figures: Sequence[str]) -> pl.DataFrame:
    """Sums of figures that can be read, over rows whose cells can be told apart."""
    whole = draft.rows.filter(~pl.col(N).is_in(list(draft.ragged)))
    read = [
        pl.when(pl.col(name).str.strip_chars().str.contains(r"^-?[0-9]+$")).then(pl.col(name).str.strip_chars())
        for name in figures
    ]
    numbers = [text.cast(pl.Int64).alias(name) for text, name in zip(read, figures, strict=True)]
    return whole.select(pl.col(by).str.strip_chars(), *numbers).group_by(by, maintain_order=True).sum()


def _found(rule: str, column: str, changes: Mapping[str, pl.Expr], severity: str = "error") -> Event:
    return Event((PlantedFinding(f"lfr.{rule}", severity, column),), changes)


def _plus(name: str, more: int) -> pl.Expr:
    return (pl.col(name).cast(pl.Int64) + more).cast(pl.String)


def _cells_of_figures(target: ExtractTarget, table: Table, of: str) -> list[Event]:
    """What can be wrong with a row of figures. Where one cannot be read, the net is that of the other."""
    leave = frozenset((name, kind) for name in FIGURES for kind in (RuleKind.REQUIRED, RuleKind.TYPE, RuleKind.RANGE))
    zero, nothing = pl.lit("0"), {"": "required", "1.5": "type"}
    events = list(table_events(target, table, leave))
    for text, kind in nothing.items():
        cell = pl.lit(text)
        events += [
            _found(f"{of}_gross_expenditure.{kind}", "gross_expenditure", {GROSS: cell, NET: pl.col(INCOME)}),
            _found(f"{of}_income.{kind}", "total_income", {INCOME: cell, NET: pl.col(GROSS)}),
            _found(f"{of}_net_expenditure.{kind}", "net_expenditure", {GROSS: zero, INCOME: zero, NET: cell}),
        ]
    return [
        *events,
        _found(f"{of}_income.range", "total_income", {INCOME: pl.lit("1"), NET: _plus(GROSS, 1)}),
        _found(
            f"{of}_gross_expenditure.range", "gross_expenditure", {GROSS: pl.lit("-1"), NET: _plus(INCOME, -1)}, "query"
        ),
        Event((), {GROSS: zero, INCOME: zero, NET: zero}),
    ]


def _of_lines() -> Iterator[Event]:
    yield _found("line_is_of_its_service", "service", {"service_code": pl.lit("LFR02")})


def _net_off_by(more: int) -> Event:
    return _found("line_net_is_gross_and_income", "net_expenditure", {NET: _plus(NET, more)})


def _of_services() -> Iterator[Event]:
    other = pl.when(pl.col("account_code") == "HRA").then(pl.lit("GF")).otherwise(pl.lit("HRA"))
    yield _found("only_council_housing_is_in_hra", "account", {"account_code": other})


def _of_sums() -> Iterator[Event]:
    """What can be wrong between the figures of a service and of its lines."""
    gross = PlantedFinding("lfr.lines_add_up_to_gross", "error", "gross_expenditure")
    income = PlantedFinding("lfr.lines_add_up_to_income", "error", "total_income")
    net = PlantedFinding("lfr.lines_add_up_to_net", "error", "net_expenditure")
    yield Event((gross, income), {GROSS: _plus(GROSS, 1), INCOME: _plus(INCOME, -1)})
    yield Event((gross, net), {GROSS: _plus(GROSS, 1), NET: _plus(NET, 1)})
    yield Event(
        (net, PlantedFinding("lfr.service_net_is_gross_and_income", "error", "net_expenditure")), {NET: _plus(NET, -1)}
    )


def _of_control() -> Iterator[Event]:
    yield _found("controls_agree", "lfr00_row_72", {ROW_12: _plus(ROW_12, 1)})
    yield _found("services_add_up_to_row_72", "lfr00_row_72", {ROW_72: _plus(ROW_72, 1), ROW_12: _plus(ROW_12, 1)})


_OF_NO_SERVICE = Event(
    (
        PlantedFinding("lfr.line.service.relationship", "error", "service"),
        PlantedFinding("lfr.line_is_of_its_service", "error", "service"),
    ),
    {"service_code": pl.lit("TRADING")},
)


def _is_clean(place: int) -> bool:
    """Whether no posting of a line has a defect."""
    return place in _OFF_BY_TWO or place % _AT_HALF == 0


def _off_by_two(word: str) -> Event:
    name, column = {"gross": (GROSS, "gross_expenditure"), "income": (INCOME, "total_income")}[word]
    return _found(f"ledger_adds_up_to_{word}", column, {name: _plus(name, -2), NET: _plus(NET, -2)})


def _of_postings(target: ExtractTarget) -> Iterator[Event]:
    def spelt(*days: object) -> pl.Expr:
        return one_of([str(day) for day in days])

    before, after = target.period.shift(-1).end, target.period.shift(1).start
    yield _found("posted_in_the_year", "posted", {"posted_date": spelt(before, after)})
    yield _found("ledger.line.relationship", "line", {"line_code": pl.lit(_NOT_THERE)})
    yield _found("amount.range", "amount", {"amount_gbp": pl.lit("50000000.01"), "kind_code": pl.lit("E")})
    yield _found("amount.range", "amount", {"amount_gbp": pl.lit("-50000000.01"), "kind_code": pl.lit("I")})


def _postings_at_the_border(target: ExtractTarget) -> Iterator[Event]:
    first, last = target.period.start, target.period.end
    yield Event((), {"posted_date": one_of([str(first), f" {last} "])})
    yield Event((), {"amount_gbp": one_of(["50000000", "50000000.00", "0.00", "-0.01"]), "kind_code": pl.lit("E")})
    yield Event((), {"amount_gbp": one_of(["-50000000", "-0.10", "0"]), "kind_code": pl.lit(" I ")})
