"""What goes back to a council: a receipt and a report for each submission, and reminders of what is due.

Pure: values in, text, pages and bytes out. What belongs here: what they say, for people and for programs, safe to open.
What does not: judging (``validation``), gathering the facts and delivering the files (``workflows``).
"""
