"""The portal: intake of returns over HTTP, for systems outside the platform.

Belongs here: requests, responses and access. Belongs elsewhere: processing the files received (``workflows``).
"""
