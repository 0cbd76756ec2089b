"""The real exllamav2 on a stand-in for its compiled extension; see README.md."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent


def import_exllamav2() -> Any:
    """Returns exllamav2, running on the CPU; skips the test or module where that cannot be."""
    torch = pytest.importorskip("torch", reason="torch is not installed; it comes with fimble[gpu]")
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA, where exllamav2 is tested as it is (tests/gpu)")
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    if importlib.util.find_spec("exllamav2") is None:
        pytest.skip("exllamav2 is not installed; it comes with fimble[gpu]")
    return importlib.import_module("exllamav2")
