"""One file a migration, in order of number."""
