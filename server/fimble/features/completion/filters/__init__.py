"""Filters: each takes away from a text what should not be shown, and has a name by which that is told."""
