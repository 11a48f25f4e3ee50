"""Bronze: extracts as tables of text, every cell as it was sent, with the row a person would see in the file.

Belongs here: reading the declared format, and finding where an extract differs from its contract. Belongs elsewhere:
the meaning of a cell (``validation``), writing tables (``storage``), and fetching an extract (``collection``).
"""
