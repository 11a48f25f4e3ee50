"""Windows for people and systems outside: intake by HTTP.

What belongs here: what is answered over HTTP, and who may ask. What does not: what happens to what came in
(``journey``).
"""
