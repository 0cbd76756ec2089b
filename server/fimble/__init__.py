"""Fimble writes code with you, on your own machine."""

__version__ = "0.1.0"
