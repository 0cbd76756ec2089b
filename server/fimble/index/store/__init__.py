"""What the index keeps on disk: one SQLite database per workspace root, written by one process and read by many."""
