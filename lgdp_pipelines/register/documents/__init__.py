"""Files as values that know their line: YAML trees, rows of CSV, and pydantic models of words."""
