"""Versions of a return: described differences, whole contracts made from them, and the union over majors."""
