"""Questions about the workspace: an immutable view in, plain data out."""
