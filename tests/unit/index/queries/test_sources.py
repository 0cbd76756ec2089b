"""The text of files as queries read it."""

import json
import os
from pathlib import Path

from fimble.index.queries.sources import source_of, stamp_inside
from fimble.index.queries.view import View
from fimble.index.store.reader import Reader
from tests.unit.index.queries.workspaces import with_open


def _view(folder: Path) -> View:
    (folder / "root").mkdir()
    return View(folder / "root", Reader(folder / "database"))


def test_the_editor_comes_before_the_disk(tmp_path: Path) -> None:
    view = _view(tmp_path)
    (view.root / "a.py").write_text("disk\n")
    assert source_of(view, "a.py") == b"disk\n"
    assert source_of(with_open(view, "a.py", "editor\n"), "a.py") == b"editor\n"


def test_a_cell_of_a_notebook_is_a_file(tmp_path: Path) -> None:
    view = _view(tmp_path)
    cells = [{"cell_type": "markdown", "source": "# x"}, {"cell_type": "code", "source": "x = 1\n"}]
    (view.root / "a.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    assert source_of(view, "a.ipynb#cell-1") == b"x = 1\n"
    assert source_of(view, "a.ipynb#cell-0") is None
    assert source_of(view, "missing.ipynb#cell-0") is None


def test_what_is_no_file_inside_of_the_root_has_no_text(tmp_path: Path) -> None:
    view = _view(tmp_path)
    outside = tmp_path / "outside.py"
    outside.write_text("secret\n")
    (view.root / "link.py").symlink_to(outside)
    (view.root / "folder").symlink_to(tmp_path)
    (view.root / "real").mkdir()
    os.mkfifo(view.root / "pipe.py")
    for path in ("link.py", "folder/outside.py", "../outside.py", "real", "pipe.py", "missing.py", "a\0b", ""):
        assert source_of(view, path) is None
    assert stamp_inside(view.root, "link.py") is None
    assert stamp_inside(view.root, "real") is None
