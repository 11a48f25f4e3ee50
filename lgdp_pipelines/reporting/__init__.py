"""What goes back to a council: a receipt and a report for each submission, and reminders of what is due.

What belongs here: writing them for people and for programs, safe to open. What does not: judging (``validation``), and
taking them to a council's own place (``collection``).
"""
