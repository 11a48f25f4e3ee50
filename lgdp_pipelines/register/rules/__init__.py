"""Rules of a contract: their kinds, terms and SQL."""
