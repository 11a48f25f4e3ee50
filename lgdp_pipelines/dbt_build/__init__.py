"""dbt: the project, its models' text, one invocation, and the plugin that writes models to the lake.

Belongs here: everything that knows dbt. Belongs elsewhere: which models there are and what they select
(``conformance``, ``publication``).
"""
