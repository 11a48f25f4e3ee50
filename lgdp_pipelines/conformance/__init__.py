"""Gold: dbt models that make returns comparable.

Belongs here: what dbt gets from the register to conform returns (sources, staging and conformed models), and the
catalogue's views over register and conformed tables. Belongs elsewhere: running dbt (``dbt_build``), and publication
(``publication``).
"""
