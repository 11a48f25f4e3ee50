"""The simulator: thirty-two simulated council systems to demonstrate and to test with.

Real servers (SFTP and HTTP), made-up extracts with defects planted in them, and real public files cut by council where
they are at hand. What belongs here: what a council would run. What does not: anything that the platform itself needs
to work, and any knowledge of how defects are found.
"""
