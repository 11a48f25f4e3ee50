"""Simulated council systems to demonstrate and to test with: SFTP and HTTP servers, and extracts.

Real servers, synthetic extracts with planted mistakes, and published files cut by council where they are available.
Belongs here: systems and files that a council would have. Belongs elsewhere: anything that the platform itself needs
to work, and any knowledge of how mistakes are found.
"""
