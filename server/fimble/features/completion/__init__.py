"""Ghost text: from a snapshot and a place in it to what to show there."""
