"""Released: generalisation, disclosure control and the record of what was published when.

What belongs here: the published models, generated from the register, the treatment of small counts, and when a release
is a new one. What does not: making returns comparable (``conformance``).
"""
