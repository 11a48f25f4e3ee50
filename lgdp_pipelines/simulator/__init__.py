"""Simulated council systems to demonstrate and to test with: SFTP and HTTP servers, and extracts.

Real servers, synthetic extracts with planted mistakes, and published files cut by council where they are available.
Belongs here: what a council would run. Belongs elsewhere: anything that the platform itself needs to work, and any
knowledge of how mistakes are found.
"""
