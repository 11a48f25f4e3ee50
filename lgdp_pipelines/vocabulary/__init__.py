"""The platform's vocabulary: code lists, councils, periods, formats of dates and numbers, verdicts and kinds of rule.

What belongs here: values that mean the same in every return. What does not: which return asks for what (``register``),
and anything that holds rows.
"""
