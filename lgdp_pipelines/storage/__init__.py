"""Where things lie: received bytes, Delta tables, the analysts' catalogue. The only code that knows Delta Lake.

Belongs here: writing slices safely, reading them, and SQL over them. Belongs elsewhere: what the rows mean, and whether
a submission may stand (``ledger``).
"""
