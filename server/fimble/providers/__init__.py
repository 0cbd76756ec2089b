"""Who writes the tokens: the local engine, or a server the user chose."""
