"""A language server process with the fakes of `lsp_fakes` behind it."""

import logging
import sys

from lsp_fakes import FakeWorld

from fimble.lsp.main import run_stdio

if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    sys.exit(run_stdio(FakeWorld().services()))
