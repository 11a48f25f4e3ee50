"""Gold: dbt models that make returns comparable.

What belongs here: what dbt gets from the register to conform returns (sources, staging and conformed models), and the
catalogue's views over register and conformed tables. What does not: running dbt (``dbt_build``), and publication
(``publication``).
"""
