"""Model cards, download and verification, memory fit."""
