"""When things happen: the only code that knows Dagster.

``specs``, ``partitions``, ``events``, ``assets``, ``sensors``, ``policy`` and ``build`` tell Dagster about the journey;
``runner`` runs the same jobs in this process for the command line. What does not belong here: the order of a run's
effects (``journey``), and any rule about data.
"""
