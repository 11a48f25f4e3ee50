"""Gold: dbt models that make returns comparable.

What belongs here: what dbt is given (sources, staging and conformed models, generated from the register), how it is
run, and the lineage that follows from its SQL. What does not: what may be shown to whom (``publication``).
"""
