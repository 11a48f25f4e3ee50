"""Gold: dbt models that make returns comparable.

Belongs here: the sources, staging models and conformed models, generated from the register, and the catalogue's views
over register and conformed tables. Belongs elsewhere: running dbt (``dbt_build``), and publishing (``publication``).
"""
