"""Text as immutable snapshots, positions, and the documents an editor has open."""
