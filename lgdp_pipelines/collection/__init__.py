"""Collection: extracts arrive, by SFTP, by API and by hand, and each leaves a receipt.

Belongs here: listing and fetching from councils' systems, finding a file's return and period by declared patterns, and
recording arrivals. Belongs elsewhere: opening an extract (``landing``), judging it (``validation``), and deciding when
to collect (``orchestration``). Names, sizes, addresses and bytes from a council's system are never trusted.
"""
