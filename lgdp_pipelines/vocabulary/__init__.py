"""The platform's vocabulary: code lists, councils, periods, formats of values, units, verdicts and kinds of rule.

Belongs here: values that mean the same in every return. Belongs elsewhere: which return asks for what (``register``),
and anything that holds rows.
"""
