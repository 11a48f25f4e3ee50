"""The Local Government Data Platform: councils' data returns, from their systems to SQL, with lineage.

The journey, and the package where each step of it lives::

    council system ──SFTP / API / hand──▶ received ──▶ landed ──▶ validated ──▶ conformed ──▶ published
                                          collection   landing    validation    conformance   publication
                                          └──────────────── ledger, findings, lineage ────────────────┘

===============  ====================================================================================
``vocabulary``   words: data items, code lists, councils, periods, verdicts
``register``     declarations: returns read from ``schemas/``, their rules and their calendar
``handover``     values that stages hand over: tables in chunks, readings, findings, repairs
``storage``      tables and files: the only code that knows Delta Lake
``ledger``       events: receipts, submissions, judgements, queries
``dbt_build``    the dbt machinery that conformance and publication share: the only code that knows dbt
``lineage``      column and row lineage, traces, OpenLineage
``collection``   extracts arrive: SFTP, API, by hand; receipts
``landing``      bronze: every cell as text, as sent
``validation``   silver: typed by the contract, judged rule by rule
``conformance``  gold: dbt models that make returns comparable
``publication``  released: privacy, disclosure control, a version
``reporting``    answers to councils: a receipt and a report for each submission, reminders
``simulator``    simulated council systems to demonstrate with: SFTP server, API, synthetic extracts
``workflows``    the application layer: stages in an order that a run may die in
``orchestration``  schedule of all work: the only code that knows Dagster
``portal``       windows for systems outside: intake by HTTP
===============  ====================================================================================

Imports read downwards: ``definitions, cli → orchestration, portal → workflows → simulator → the six stages → lineage →
dbt_build → ledger → storage → handover → register → vocabulary → settings → errors``. The stages never import each
other: they meet through tables, ledger and the values that they hand over.

Glossary, one word per thing:

*Return*
    A set of data that councils are asked for, such as HL1.
*Data item*
    The smallest thing asked, named by a URN.
*Contract*
    A version of a return, in the Open Data Contract Standard.
*Extract*
    A file or response as a council's system gives it.
*Receipt*
    The record of one extract received.
*Submission*
    The extracts (one or more) that answer a return for a council and period.
*Nil return*
    A submission that says that there is nothing to report.
*Withdrawal*
    A council takes a submission back: its rows and figures are removed.
*Period*
    A financial or academic year, quarter, month, calendar year or census day.
*Finding*
    One broken rule at one place.
*Query*
    Something unlikely that a council must confirm or explain: one rule at one scope, for one period.
*Known issue*
    A note that a named person puts on figures of a council and period, shown wherever the figures show.
*Verdict*
    Accepted, queried or rejected.
*Judgement*
    One judging of a submission: its verdict and a result for each rule.
*Release*
    A published version.
*Recipient*
    A body entitled to a return.
"""
