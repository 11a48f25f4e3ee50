"""Transports: one module for each way in which extracts reach the platform.

A transport lists and fetches what an account holds, delivers into its outbox, and probes whether it answers. What does
not belong here: what is done with an extract that has arrived (``collection_run``) and when to look
(``orchestration``).
"""
