"""What happened: receipts, submissions, judgements, findings, queries, releases and lineage.

What belongs here: the shapes in which stages tell what they found, and the relational record of what happened to every
extract. What does not: rows of returns (``storage``), and how a verdict is reached (``validation``).
"""
