"""What the user sees, in editor terms: no protocol type, no engine message."""
