"""Released: generalised tables with disclosure control.

Belongs here: the published models, generated from the register, the treatment of small counts, and the catalogue's
views of releases. Belongs elsewhere: making returns comparable (``conformance``), and the record of releases
(``ledger.releases``).
"""
