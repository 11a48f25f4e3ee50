"""Checks across files of the register: mappings, sources and derived items against contracts and councils."""
