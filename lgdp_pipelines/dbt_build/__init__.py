"""The dbt machinery that conformance and publication share: the project, the run, the Delta seam, SQL text.

What belongs here: everything that knows dbt. What does not: what a model says (``conformance``, ``publication``).
"""
