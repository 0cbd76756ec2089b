"""Runs an index process or one of its workers: `python -m fimble.index.process {run FOLDER|worker} ROOT …`."""

import os
import sys
from pathlib import Path


def _main() -> int:
    # Imports stay inside: a worker starts faster without what only the index process needs.
    role, root, *rest = sys.argv[1:]
    if role == "worker":
        from fimble.index.process.worker import main as work  # noqa: PLC0415

        work(root, int(rest[0]))
        # Freeing all memory piece by piece takes longer than leaving it to the system.
        os._exit(0)
    from fimble.index.process.main import main as run  # noqa: PLC0415

    return run(Path(root), Path(rest[0]))


if __name__ == "__main__":
    sys.exit(_main())
