"""When things happen: the stages put together, and the only code that knows Dagster.

``platform``, ``process`` and ``publish`` compose the stages and know nothing of Dagster; ``specs``, ``partitions``,
``events``, ``assets``, ``sensors``, ``policy`` and ``build`` tell Dagster about it; ``runner`` runs the same jobs in
this process for the command line. What does not belong here: any rule about data.
"""
