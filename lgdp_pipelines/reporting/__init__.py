"""Reports, receipts, notes and reminders that go back to councils.

Pure: values in, text, pages and bytes out. Belongs here: their content and formats, for people and for programs.
Belongs elsewhere: judging (``validation``), gathering the facts and delivering the files (``workflows``).
"""
