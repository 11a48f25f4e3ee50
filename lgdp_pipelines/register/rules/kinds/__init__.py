"""Kinds of written rule: the terms of each, what contradicts itself in them, and the SQL that they are tested with.

What belongs here: one model of terms for each kind. What does not: the list of kinds (``rules.rule_kinds``), and
testing rules (``validation``).
"""
