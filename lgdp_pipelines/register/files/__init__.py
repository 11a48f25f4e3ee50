"""Readers of the register's files: YAML and CSV under ``schemas/`` to the model, with file and line of each fault."""
