"""Collection: extracts arrive, by SFTP, by API and by hand, and each leaves a receipt.

What belongs here: listing and fetching from councils' systems, deciding from a declared pattern what a file answers,
and recording what arrived. What does not: opening an extract (``landing``), judging it (``validation``), and when to
collect (``orchestration``). Everything a council's system says is untrusted: names, sizes, addresses and bytes.
"""
