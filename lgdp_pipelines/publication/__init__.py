"""Released: generalisation, disclosure control and the record of what was published when.

Belongs here: the published models, generated from the register, the treatment of small counts, and when a release is a
new one. Belongs elsewhere: making returns comparable (``conformance``).
"""
