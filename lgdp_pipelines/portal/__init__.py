"""The portal: intake of returns over HTTP, for systems outside the platform.

Requests, responses and access belong here. Processing what came in belongs in ``workflows``.
"""
