"""Versions of a return: changes files, whole contracts made from them, and the union over major versions."""
