"""Rules of a contract: the kinds there are, their terms, and the SQL that they come to."""
