"""Storage: received bytes, Delta tables, the analysts' catalogue. The only code that knows Delta Lake.

Belongs here: writing slices safely, reading them, and SQL over them. Belongs elsewhere: the meaning of rows, and the
state of a submission (``ledger``).
"""
