"""Kinds of written rule: the terms of each, what contradicts itself in them, and the SQL that they are tested with.

Belongs here: one model of terms for each kind. Belongs elsewhere: the list of kinds (``files.rule_file``), and testing
rules (``validation``).
"""
