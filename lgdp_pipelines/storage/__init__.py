"""Where things lie: received bytes, Delta tables, the analysts' catalogue. The only code that knows Delta Lake.

What belongs here: writing slices safely, reading them, and SQL over them. What does not: what the rows mean, and
whether a submission may stand (``ledger``).
"""
