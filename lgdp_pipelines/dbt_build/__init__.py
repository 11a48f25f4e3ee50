"""dbt: the project, its models' text, one invocation, and the plugin that writes models to the lake.

Belongs here: everything that knows dbt. Belongs elsewhere: the models and their SQL (``conformance``,
``publication``).
"""
