"""The stages put together: what happens to a return's extracts, in which order, whoever asks for it.

``platform`` opens the parts; ``process`` goes from received bytes to validated slices, ``publish`` from there to
releases. What belongs here: the order of effects, so that a run that dies can be repeated. What does not: any rule
about data (the stages), and when it happens (``orchestration`` by Dagster, ``portal`` by HTTP).
"""
