"""Reads the command line and wires the parts; the only composition root."""

from fimble.cli.app import main

__all__ = ["main"]
