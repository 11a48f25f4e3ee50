"""Silver: tables of text typed by the contract and judged rule by rule.

What belongs here: what a cell means, and each rule that a contract has or writes. What does not: reading files
(``landing``), what becomes of a verdict (``ledger``), and how tables of councils are made comparable (``conformance``).
"""
