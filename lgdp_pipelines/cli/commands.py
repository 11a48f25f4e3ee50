"""The list of commands, with one line of help each, in the order in which help shows them.

``lgdp --help`` is answered from this list without importing a command. Belongs here: names and first lines of help.
Belongs elsewhere: a command's arguments, which its own module declares.
"""

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    "demo": "Run the whole journey against simulated council systems.",
    "dev": "Run Dagster's UI and daemon over the same lake until Ctrl-C.",
    "validate": "Judge a file offline by the rules that the platform will apply.",
    "submit": "Hand in a file or nil return, and take it to SQL.",
    "collect": "Fetch new extracts from councils' systems and take them to SQL.",
    "revalidate": "Judge current submissions again by today's rules, then release every change.",
    "withdraw": "Withdraw a council's submission, and remove its rows from every release.",
    "status": "Show who has submitted, and each verdict.",
    "calendar": "Show each council's due, late and open returns over the past year.",
    "remind": "Remind councils of due, late and rejected returns and open queries.",
    "report": "Show a submission's report: receipt, verdict, findings and next steps.",
    "query": "List, answer and accept the queries that councils must confirm or explain.",
    "known-issue": "Put notes on figures, and list or lift them.",
    "sql": "Ask the lakehouse in SQL, read-only.",
    "trace": "Trace a figure back to its data item, file and rows.",
    "reproduce": "Repeat past judgements from received bytes, and compare the results.",
    "ledger": "Account for every byte received, and check that the ledger balances.",
    "sources": "List the source of each council's extracts, and its latest receipt.",
    "intake": "Receive returns over HTTP until Ctrl-C.",
    "token": "Manage the tokens that councils' systems send returns with.",
    "dropbox": "Print the set-up of the OpenSSH server that councils deliver to.",
    "register": "Show the contracts and mappings in the register.",
    "check": "Check the register, the dbt project and the Dagster definitions for contradictions.",
}
"""The first line of each command's help."""

SERVERS = frozenset({"dev", "intake"})
"""Commands that run until Ctrl-C."""

DESCRIPTION = "The Local Government Data Platform: councils' data returns, from their systems to SQL, with lineage."


def render_help() -> str:
    """Return the help of ``lgdp`` itself."""
    width = max(map(len, SUMMARIES)) + 2
    commands = "\n".join(f"  {name:<{width}}{summary}" for name, summary in SUMMARIES.items())
    return (
        f"Usage: lgdp COMMAND [ARGS]...\n\n{DESCRIPTION}\n\nCommands:\n{commands}\n\n"
        "`lgdp COMMAND --help` shows the options of a command, with an example. Start with `lgdp demo`.\n"
    )
