"""Silver: tables of text are translated, normalised, typed and judged rule by rule.

The way of a submission is in ``judge``. Belongs here: the values of cells, and the test of each rule. Belongs
elsewhere: reading files (``landing``), the effects of a verdict (``ledger``), and making the tables of councils
comparable (``conformance``).
"""
