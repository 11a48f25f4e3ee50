"""Bronze: extracts as tables of text, every cell as it was sent, with the row a person would see in the file.

Belongs here: reading the declared format, and telling where an extract is not what the contract says it is. Belongs
elsewhere: what a cell means (``validation``), where tables lie (``storage``), how an extract arrived (``collection``).
"""
