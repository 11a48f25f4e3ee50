"""Assets, jobs, sensors and schedules: the only code that knows Dagster.

``asset_specs``, ``asset_events`` and ``assets`` show sources and stages as assets and report results; ``jobs`` are the
runs, ``sensors`` start them, ``policy`` holds the partitions, tags and conditions that they share,
``definitions_builder`` puts them together. ``in_process_runner`` runs the same jobs for the command line;
``warm_launcher`` runs them for Dagster's daemon. Belongs elsewhere: the order of a run's effects (``workflows``), and
any rule about data.
"""
