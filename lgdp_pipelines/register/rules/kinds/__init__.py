"""Kinds of written rule: the terms of each, their contradictions, and their SQL.

Belongs here: one model of terms for each kind. Belongs elsewhere: the list of kinds (``files.rule_file``), and testing
rules (``validation``).
"""
