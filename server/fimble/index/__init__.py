"""Knows which symbols exist in the workspace, after every edit; does not know who asks."""
