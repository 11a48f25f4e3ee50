"""Checks of contracts against other returns and reference tables."""
