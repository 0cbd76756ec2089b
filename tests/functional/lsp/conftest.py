"""Lets these tests use the client that the end-to-end tests share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))
