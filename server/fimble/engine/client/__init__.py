"""The editor's side of the engine: finds or starts it, asks it, notices when it is gone."""
