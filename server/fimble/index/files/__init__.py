"""Knows which files belong to the workspace, reads them as text, and notices when they change."""
