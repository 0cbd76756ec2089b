"""All that crosses the border between an editor's side and the engine: frames, their encoding, the socket.

Both sides import this package and nothing of each other.
"""
