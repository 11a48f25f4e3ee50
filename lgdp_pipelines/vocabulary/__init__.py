"""Words: data items, code lists, councils, periods, observation statuses and kinds of rule.

What belongs here: what a word means, whichever return uses it. What does not: which return asks for what
(``register``), and anything that holds rows.
"""
