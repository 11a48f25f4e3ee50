"""The application layer: each workflow puts the stages together, for people and for Dagster.

``platform`` opens the parts, ``stages`` has the order of the stages. ``processing``, ``publishing`` and
``report_delivery`` are the stages' own workflows; the other modules are named after theirs. Belongs here: the order of
effects, so that a run that dies can be repeated. Belongs elsewhere: any rule about data, and when a workflow is started
(``orchestration`` by Dagster, ``cli`` by people, ``portal`` by HTTP).
"""
