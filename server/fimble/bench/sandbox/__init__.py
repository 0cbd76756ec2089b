"""Runs code that nobody has read in a child of its own, shut in as well as the system allows."""
