"""The index process: one per workspace root; started as a command, imported by nobody else."""
