"""The model of the register: contracts, tables, items, sources, mappings and reference tables as plain values."""
