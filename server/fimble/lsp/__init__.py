"""Speaks LSP; the only code that knows pygls."""
