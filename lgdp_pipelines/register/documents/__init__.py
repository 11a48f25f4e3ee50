"""Files as values that know their line: YAML trees, and pydantic models of their words."""
