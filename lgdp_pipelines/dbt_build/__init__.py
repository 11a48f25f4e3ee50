"""dbt: the project, its models' text, one invocation, and the plugin that writes models to the lake.

What belongs here: everything that knows dbt. What does not: which models there are and what they select
(``conformance``, ``publication``).
"""
