"""Kinds of written rule: the words of each, what contradicts itself in them, and the SQL that they come to.

What belongs here: one record of terms for each kind, beside the pure functions that read it. What does not: which kinds
there are (``register.terms``), and testing them (``validation``).
"""
