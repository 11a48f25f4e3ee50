"""Files as values that know their line: YAML trees, CSV records, and pydantic models of what they hold."""
