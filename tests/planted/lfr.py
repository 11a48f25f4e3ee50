"""Synthetic extracts of LFR with defects of every kind that its contract can find. **Every figure is synthetic.**

The forms are related: a service is the sum of its lines, and a control total that of its services. Each sum is made of
the figures that can be read below it after defects are planted, so that a defect is found once. Belongs here: good
forms with a ledger, and defects for the rules between them. Belongs elsewhere: rules about a single cell
(``cell_defects``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import polars as pl

from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.planted.cell_defects import cycle_texts
from tests.planted.planted_extracts import (
    SHARE,
    Extract,
    ExtractTarget,
    build_extract,
    list_table_border_events,
    list_table_events,
)
from tests.planted.table_drafts import FIRST_ROW, TRUTH, Draft, Event, N, PlantedFinding, place_events, plant_events

GROSS, INCOME, NET = "gross_gbp_thousand", "income_gbp_thousand", "net_gbp_thousand"
FIGURES = (GROSS, INCOME, NET)
ROW_72, ROW_12 = "lfr00_row_72_gbp_thousand", "lfra0_row_12_gbp_thousand"
_MISSING_LINE = "LFR09.17"
"""A line without a row, in extracts with a ledger."""
_SERVICES_WITHOUT_LINES = ("TRADING", "HRA")
"""Services without lines, whose defects affect no other row."""
_COMPARED_SERVICES, _FALLING_SERVICE, _RISING_SERVICE = 8, 5, 6
"""Number of services compared with the year before, and the positions of one that falls and one that rises."""
_PENCE = 100_000
"""Pence in a thousand pounds."""
_LINES_PER_HALF = 5
"""One line in this number has a ledger that is half a thousand pounds from its figures."""
_LINES_OFF_BY_TWO = {7: "gross", 23: "income"}
"""Positions of lines that differ from their ledger, and the figure that differs."""


def generate_lfr_extract(target: ExtractTarget, rows: int, *, seed: int = 3) -> Extract:
    """Return forms with a ledger, of which 2% of postings have a defect and as many lie at a border."""
    (table,) = (table for table in target.contract.tables if table.name == "ledger")
    excluded = frozenset({("amount_gbp", RuleKind.RANGE)})
    events = [
        *list_table_events(target, table, excluded),
        *_list_posting_defects(target),
        *list_table_border_events(target, table, ("amount_gbp", "kind_code", "line_code")),
        *_list_posting_borders(target),
    ]
    codes = [code for code in target.register.code_lists["lfr-line"].by_code if code != _MISSING_LINE]
    # A line is compared with all its postings: some lines have no posting with a defect, so that their sums are tested.
    candidates = pl.int_range(rows, eager=True)
    candidates = candidates.filter(
        ~(candidates % len(codes)).is_in([position for position in range(len(codes)) if _is_defect_free(position)])
    )
    good = _generate_postings(target, codes, rows)
    ledger = _add_closing_postings(
        plant_events("ledger", good, events, share=SHARE, candidates=candidates, seed=seed), codes
    )
    line_events = [(_make_ledger_defect(figure_name), position) for position, figure_name in _LINES_OFF_BY_TWO.items()]
    forms = _build_forms(target, _generate_lines(target, codes, _sum_pence(ledger)), {"line": line_events})
    return _add_prior_figures(target, {**forms, "ledger": ledger})


def generate_lfr_forms(target: ExtractTarget) -> Iterator[Extract]:
    """Yield extracts without a ledger, which together have every defect of the forms."""
    by_name = target.contract.by_name
    codes = list(target.register.code_lists["lfr-line"].by_code)
    line_defects = [*_list_figure_defects(target, by_name["line"], "line"), *_list_line_defects()]
    service_defects = [*_list_figure_defects(target, by_name["service"], "service"), *_list_service_defects()]
    control_defects = [*list_table_events(target, by_name["control"]), *_list_control_defects()]
    # An event that repeats a row needs one good row, and there are two rows.
    repeating_events = [event for event in control_defects if event.repeats]
    controls = [*_group_events([event for event in control_defects if not event.repeats], 2), repeating_events]
    for lines, services, control in zip_longest(
        _group_events(line_defects, 4), _group_events(service_defects, 2), controls, fillvalue=()
    ):
        placements = {
            "line": list(zip(lines, (30, 38, 45, 60), strict=False)),
            "service": [
                *zip(services, (8, 9), strict=False),
                *((service, row) for row, service in enumerate(_list_sum_defects())),
            ],
            "control": list(zip(control, (1, 0), strict=False)),
        }
        extract = _add_prior_figures(target, _build_forms(target, _generate_lines(target, codes, {}), placements))
        loses_service = any(event.repeats or event.is_ragged for event in services)
        yield _add_missing_service(extract) if loses_service else extract
    # Two lines of one service whose defects cancel each other out.
    nets = [(_make_net_defect(7), 20), (_make_net_defect(-7), 21)]
    placements = {"line": [(_UNRELATED_LINE, 3), *nets]}
    yield _add_missing_service(
        _add_prior_figures(
            target, _build_forms(target, _generate_lines(target, codes, {}), placements, excluded_service="TRADING")
        )
    )


def _add_missing_service(extract: Extract) -> Extract:
    """Return an extract with the finding that one of its services is missing."""
    missing = pl.DataFrame([("lfr.every_service_is_there", "error", "service", None, "service")], TRUTH, orient="row")
    return replace(extract, truth=pl.concat([extract.truth, missing]))


def _group_events(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    return [events[first : first + size] for first in range(0, len(events), size)]


def _add_identity(target: ExtractTarget, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with their position, council and year."""
    return rows.with_columns(
        pl.int_range(pl.len()).alias(N),
        pl.lit(target.council.name).alias("sending_council"),
        pl.lit(target.period.id.removeprefix("FY")).alias("financial_year"),
    )


def _generate_postings(target: ExtractTarget, codes: Sequence[str], rows: int) -> pl.DataFrame:
    number = pl.col(N)
    pence = number * 7_919 % 99_991
    amount = pl.format("{}.{}", pence // 100, (pence % 100).cast(pl.String).str.zfill(2))
    is_income = number // len(codes) % 4 == 3
    return _add_identity(target, pl.DataFrame({"_": pl.repeat(0, rows, eager=True)})).select(
        N,
        "sending_council",
        "financial_year",
        pl.format("J{}", number).alias("posting_ref"),
        cycle_texts(codes).alias("line_code"),
        pl.format("C{}", (number % 700).cast(pl.String).str.zfill(5)).alias("cost_centre"),
        pl.when(is_income).then(pl.lit("I")).otherwise(pl.lit("E")).alias("kind_code"),
        (pl.lit(target.period.start) + pl.duration(days=number % 365)).dt.to_string().alias("posted_date"),
        pl.when(is_income).then(pl.lit("-") + amount).otherwise(amount).alias("amount_gbp"),
        cycle_texts(["", "Fuel", "Repairs to a roof"]).alias("note"),
    )


def _sum_pence(ledger: Draft) -> Mapping[tuple[str, str], int]:
    """Return pence of the postings that can be read, by line and kind."""
    amount = pl.col("amount_gbp").str.strip_chars()
    reads = amount.str.contains(r"^-?[0-9]{1,12}(\.[0-9]{1,2})?$")
    pence = (pl.when(reads).then(amount).cast(pl.Float64) * 100).round().cast(pl.Int64)
    readable_rows = ledger.rows.filter(~pl.col(N).is_in(list(ledger.ragged)))
    by = (pl.col(name).str.strip_chars().alias(name) for name in ("line_code", "kind_code"))
    sums = readable_rows.select(*by, pence.alias("pence")).group_by("line_code", "kind_code").agg(pl.col("pence").sum())
    return {(line, kind): pence for line, kind, pence in sums.iter_rows()}


def _add_closing_postings(ledger: Draft, codes: Sequence[str]) -> Draft:
    """Return the ledger with closing postings that bring some lines to half a thousand pounds."""
    sums = _sum_pence(ledger)
    closings = [(code, "E", (_PENCE // 2 - sums[code, "E"]) % _PENCE) for code in codes[::_LINES_PER_HALF]]
    change = ledger.rows.head(len(closings)).with_columns(
        pl.Series(N, range(ledger.rows.height, ledger.rows.height + len(closings))),
        pl.Series("posting_ref", [f"CLOSING-{code}" for code, *_ in closings]),
        pl.Series("line_code", [code for code, *_ in closings]),
        pl.Series("kind_code", [kind for _, kind, _ in closings]),
        pl.Series("amount_gbp", [f"{pence // 100}.{pence % 100:02d}" for *_, pence in closings]),
    )
    return Draft(pl.concat([ledger.rows, change]), ledger.truth, ledger.ragged)


def _generate_lines(target: ExtractTarget, codes: Sequence[str], sums: Mapping[tuple[str, str], int]) -> pl.DataFrame:
    """Return a good row for each line, rounded from its postings, or else synthetic."""

    def round_figure(code: str, kind: str, position: int, default: int) -> int:
        if (code, kind) not in sums:
            return default
        # Half a thousand may be rounded either way.
        return (sums[code, kind] + _PENCE // 2 - position % 2) // _PENCE

    gross = [round_figure(code, "E", position, 900 + 13 * position) for position, code in enumerate(codes)]
    income = [round_figure(code, "I", position, -7 * position) for position, code in enumerate(codes)]
    frame = pl.DataFrame({"line_code": codes, GROSS: gross, INCOME: income})
    return _add_identity(target, frame).with_columns(
        pl.col("line_code").str.split(".").list.first().alias("service_code"),
        (pl.col(GROSS) + pl.col(INCOME)).alias(NET),
    )


def _build_forms(
    target: ExtractTarget,
    lines: pl.DataFrame,
    placements: Mapping[str, Sequence[tuple[Event, int]]],
    excluded_service: str = "",
) -> Mapping[str, Draft]:
    """Return lines, services and control totals with events, each summed from readable figures."""
    line = _place_table_events("line", lines, placements)
    services = [code for code in target.register.code_lists["lfr-service"].by_code if code != excluded_service]
    other_services = pl.DataFrame(
        {"service_code": list(_SERVICES_WITHOUT_LINES), GROSS: [310, 5_200], INCOME: [-30, -5_000], NET: [280, 200]}
    )
    service_sums = pl.concat([_sum_figures(line, "service_code", FIGURES), other_services])
    service_rows = pl.DataFrame({"service_code": services}).join(
        service_sums, on="service_code", how="left", maintain_order="left"
    )
    is_hra = pl.col("service_code") == "HRA"
    account = pl.when(is_hra).then(pl.lit("HRA")).otherwise(pl.lit("GF")).alias("account_code")
    service = _place_table_events("service", _add_identity(target, service_rows).with_columns(account), placements)
    totals = _sum_figures(service, "account_code", (NET,)).rename({NET: ROW_72})
    accounts = pl.DataFrame({"account_code": ["GF", "HRA"]})
    control_rows = accounts.join(totals, on="account_code", how="left", maintain_order="left").with_columns(
        pl.col(ROW_72).fill_null(0), pl.col(ROW_72).fill_null(0).alias(ROW_12)
    )
    control = _place_table_events("control", _add_identity(target, control_rows), placements)
    return {"control": control, "service": service, "line": line}


def _add_prior_figures(target: ExtractTarget, drafts: Mapping[str, Draft]) -> Extract:
    """Return an extract with services' figures of the year before, two of them very different."""
    net = pl.col(NET).cast(pl.Int64)
    position = pl.int_range(pl.len())
    service = drafts["service"]
    prior_figures = service.rows.head(_COMPARED_SERVICES).select(
        "service_code",
        pl.when(position == _FALLING_SERVICE)
        .then(net * 3)
        .when(position == _RISING_SERVICE)
        .then(net // 4)
        .otherwise(net * 2)
        .alias(NET),
    )
    rule, rows = "lfr.service_is_like_last_year", (_FALLING_SERVICE + FIRST_ROW, _RISING_SERVICE + FIRST_ROW)
    expected_findings = [(rule, "query", "service", row, "net_expenditure") for row in rows]
    truth = pl.concat([service.truth, pl.DataFrame(expected_findings, TRUTH, orient="row")])
    extract = build_extract(target, {**drafts, "service": Draft(service.rows, truth, service.ragged)})
    return replace(extract, prior_figures={"service": prior_figures})


def _place_table_events(table: str, rows: pl.DataFrame, placements: Mapping[str, Sequence[tuple[Event, int]]]) -> Draft:
    """Return rows as text, with events planted in some of them."""
    table_events = [(event, pl.Series([row])) for event, row in placements.get(table, ())]
    taken_rows = {row for _, row in placements.get(table, ())}
    untouched_rows = pl.Series([row for row in range(rows.height) if row not in taken_rows], dtype=pl.Int64)
    return place_events(table, rows.with_columns(pl.exclude(N).cast(pl.String)), table_events, untouched_rows)


def _sum_figures(draft: Draft, by: str, figures: Sequence[str]) -> pl.DataFrame:
    """Return sums of readable figures, over rows without a surplus cell."""
    readable_rows = draft.rows.filter(~pl.col(N).is_in(list(draft.ragged)))
    texts = [
        pl.when(pl.col(name).str.strip_chars().str.contains(r"^-?[0-9]+$")).then(pl.col(name).str.strip_chars())
        for name in figures
    ]
    numbers = [text.cast(pl.Int64).alias(name) for text, name in zip(texts, figures, strict=True)]
    return readable_rows.select(pl.col(by).str.strip_chars(), *numbers).group_by(by, maintain_order=True).sum()


def _make_event(rule: str, column: str, changes: Mapping[str, pl.Expr], severity: str = "error") -> Event:
    return Event((PlantedFinding(f"lfr.{rule}", severity, column),), changes)


def _add(name: str, change: int) -> pl.Expr:
    return (pl.col(name).cast(pl.Int64) + change).cast(pl.String)


def _list_figure_defects(target: ExtractTarget, table: Table, prefix: str) -> list[Event]:
    """Return the defects of a row of figures; beside an unreadable one, the net is the other."""
    excluded = frozenset(
        (name, kind) for name in FIGURES for kind in (RuleKind.REQUIRED, RuleKind.TYPE, RuleKind.RANGE)
    )
    zero, kinds_by_text = pl.lit("0"), {"": "required", "1.5": "type"}
    events = list(list_table_events(target, table, excluded))
    for text, kind in kinds_by_text.items():
        cell = pl.lit(text)
        events += [
            _make_event(f"{prefix}_gross_expenditure.{kind}", "gross_expenditure", {GROSS: cell, NET: pl.col(INCOME)}),
            _make_event(f"{prefix}_income.{kind}", "total_income", {INCOME: cell, NET: pl.col(GROSS)}),
            _make_event(f"{prefix}_net_expenditure.{kind}", "net_expenditure", {GROSS: zero, INCOME: zero, NET: cell}),
        ]
    return [
        *events,
        _make_event(f"{prefix}_income.range", "total_income", {INCOME: pl.lit("1"), NET: _add(GROSS, 1)}),
        _make_event(
            f"{prefix}_gross_expenditure.range",
            "gross_expenditure",
            {GROSS: pl.lit("-1"), NET: _add(INCOME, -1)},
            "query",
        ),
        Event((), {GROSS: zero, INCOME: zero, NET: zero}),
    ]


def _list_line_defects() -> Iterator[Event]:
    yield _make_event("line_is_of_its_service", "service", {"service_code": pl.lit("LFR02")})


def _make_net_defect(change: int) -> Event:
    return _make_event("line_net_is_gross_and_income", "net_expenditure", {NET: _add(NET, change)})


def _list_service_defects() -> Iterator[Event]:
    other_account = pl.when(pl.col("account_code") == "HRA").then(pl.lit("GF")).otherwise(pl.lit("HRA"))
    yield _make_event("only_council_housing_is_in_hra", "account", {"account_code": other_account})


def _list_sum_defects() -> Iterator[Event]:
    """Yield the defects between the figures of a service and of its lines."""
    gross = PlantedFinding("lfr.lines_add_up_to_gross", "error", "gross_expenditure")
    income = PlantedFinding("lfr.lines_add_up_to_income", "error", "total_income")
    net = PlantedFinding("lfr.lines_add_up_to_net", "error", "net_expenditure")
    yield Event((gross, income), {GROSS: _add(GROSS, 1), INCOME: _add(INCOME, -1)})
    yield Event((gross, net), {GROSS: _add(GROSS, 1), NET: _add(NET, 1)})
    yield Event(
        (net, PlantedFinding("lfr.service_net_is_gross_and_income", "error", "net_expenditure")), {NET: _add(NET, -1)}
    )


def _list_control_defects() -> Iterator[Event]:
    yield _make_event("controls_agree", "lfr00_row_72", {ROW_12: _add(ROW_12, 1)})
    yield _make_event("services_add_up_to_row_72", "lfr00_row_72", {ROW_72: _add(ROW_72, 1), ROW_12: _add(ROW_12, 1)})


_UNRELATED_LINE = Event(
    (
        PlantedFinding("lfr.line.service.relationship", "error", "service"),
        PlantedFinding("lfr.line_is_of_its_service", "error", "service"),
    ),
    {"service_code": pl.lit("TRADING")},
)


def _is_defect_free(position: int) -> bool:
    """Return whether all postings of a line are free of defects."""
    return position in _LINES_OFF_BY_TWO or position % _LINES_PER_HALF == 0


def _make_ledger_defect(figure_name: str) -> Event:
    name, column = {"gross": (GROSS, "gross_expenditure"), "income": (INCOME, "total_income")}[figure_name]
    return _make_event(f"ledger_adds_up_to_{figure_name}", column, {name: _add(name, -2), NET: _add(NET, -2)})


def _list_posting_defects(target: ExtractTarget) -> Iterator[Event]:
    def spell_days(*days: object) -> pl.Expr:
        return cycle_texts([str(day) for day in days])

    last_day, next_day = target.period.shift(-1).end, target.period.shift(1).start
    yield _make_event("posted_in_the_year", "posted", {"posted_date": spell_days(last_day, next_day)})
    yield _make_event("ledger.line.relationship", "line", {"line_code": pl.lit(_MISSING_LINE)})
    yield _make_event("amount.range", "amount", {"amount_gbp": pl.lit("50000000.01"), "kind_code": pl.lit("E")})
    yield _make_event("amount.range", "amount", {"amount_gbp": pl.lit("-50000000.01"), "kind_code": pl.lit("I")})


def _list_posting_borders(target: ExtractTarget) -> Iterator[Event]:
    first, last = target.period.start, target.period.end
    yield Event((), {"posted_date": cycle_texts([str(first), f" {last} "])})
    yield Event((), {"amount_gbp": cycle_texts(["50000000", "50000000.00", "0.00", "-0.01"]), "kind_code": pl.lit("E")})
    yield Event((), {"amount_gbp": cycle_texts(["-50000000", "-0.10", "0"]), "kind_code": pl.lit(" I ")})
