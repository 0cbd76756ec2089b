"""The engine: `messages` cross the border, `client` is the editor's side, `process` the device's side."""
