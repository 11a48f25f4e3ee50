"""What goes back to a council: a receipt and a report for each submission, and reminders of what is due.

Pure: values in, text, pages and bytes out. Belongs here: what they say, for people and for programs, safe to open.
Belongs elsewhere: judging (``validation``), gathering the facts and delivering the files (``workflows``).
"""
