"""The index process on real folders: what it knows is what is on disk, whatever happens."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fimble.index.extraction import extract
from fimble.index.index_messages import EXIT_ALREADY_RUNNING, EXIT_STORE_GONE, EXIT_WITHOUT_STORE, Command
from fimble.index.languages import grammar_of, language_named
from fimble.index.store.reader import Reader
from fimble.index.store.schema import DATABASE_NAME
from tests.functional.index.index_runner import IndexRunner, running_index, wait_until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "shop.py").write_text("class Shop:\n    def open(self): ...\n")
    (root / "pkg" / "main.ts").write_text("export function start(): void {}\n")
    (root / "data.json").write_text('{"name": "fimble", "unusual_word": 1}\n')
    (root / "notes.txt").write_text("remember the marmalade\n")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_a_folder_is_indexed_whole(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        assert index.paths_defining("Shop") == ["pkg/shop.py"]
        assert index.paths_defining("start") == ["pkg/main.ts"]
        assert [chunk.path for chunk in index.reader.mentioning(["marmalade"], 5)] == ["notes.txt"]
        assert [chunk.path for chunk in index.reader.mentioning(["unusual_word"], 5)] == ["data.json"]
        (content,) = index.reader.defining("Shop", 5)
        assert index.reader.mentions_of([content])
        assert index.stop() == 0


def test_changes_are_followed(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        shop = root / "pkg" / "shop.py"
        shop.write_text("class Market:\n    pass\n")
        index.wait_defined("Market", ["pkg/shop.py"])
        index.wait_defined("Shop", [])

        temporary = root / "pkg" / ".shop.py.tmp~"
        temporary.write_text("class Bazaar:\n    pass\n")
        temporary.rename(shop)
        index.wait_defined("Bazaar", ["pkg/shop.py"])

        shop.rename(root / "bazaar.py")
        index.wait_defined("Bazaar", ["bazaar.py"])

        shutil.copytree(root / "pkg", root / "copy" / "deep")
        index.wait_defined("start", ["copy/deep/main.ts", "pkg/main.ts"])
        (root / "copy").rename(root / "moved")
        index.wait_defined("start", ["moved/deep/main.ts", "pkg/main.ts"])
        shutil.rmtree(root / "moved")
        index.wait_defined("start", ["pkg/main.ts"])


def test_the_last_line_may_lack_its_end(root: Path, folder: Path) -> None:
    (root / "last.py").write_text("def last(): pass")
    with running_index(root, folder) as index:
        assert index.paths_defining("last") == ["last.py"]
        assert index.wait_ready().quarantined == 0


def test_a_branch_switch_and_back_parses_only_what_is_new(root: Path, folder: Path) -> None:
    run = lambda *arguments: subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)  # noqa: E731
    run("init", "-q", "-b", "main")
    run("config", "user.name", "Test")
    run("config", "user.email", "test@example.org")
    for number in range(150):
        (root / f"module{number}.py").write_text(f"def main_{number}(): pass\n")
    run("add", "-A")
    run("commit", "-qm", "one")
    run("checkout", "-qb", "other")
    for number in range(150):
        (root / f"module{number}.py").write_text(f"def other_{number}(): pass\n")
    run("commit", "-qam", "two")
    with running_index(root, folder) as index:
        index.wait_defined("other_149", ["module149.py"])
        run("checkout", "-q", "main")
        for number in (0, 75, 149):
            index.wait_defined(f"main_{number}", [f"module{number}.py"])
            index.wait_defined(f"other_{number}", [])
        parsed = wait_until(lambda: index.wait_ready().parsed)
        run("checkout", "-q", "other")
        for number in (0, 75, 149):
            index.wait_defined(f"other_{number}", [f"module{number}.py"])
        (root / "module0.py").write_text("def third(): pass\n")
        index.wait_defined("third", ["module0.py"])
        assert index.wait_ready().parsed <= parsed + 1


def test_ignored_files_are_not_indexed_until_they_are_not_ignored(root: Path, folder: Path) -> None:
    (root / ".fimbleignore").write_text("secret/\n")
    (root / "secret").mkdir()
    (root / "secret" / "keys.py").write_text("def hidden(): pass\n")
    with running_index(root, folder) as index:
        assert index.paths_defining("hidden") == []
        assert index.reader.mentioning(["hidden"], 5) == []
        (root / ".fimbleignore").write_text("\n")
        index.wait_defined("hidden", ["secret/keys.py"])


def test_links_are_not_followed(root: Path, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.py").write_text("def private_thing(): pass\n")
    (root / "linked").symlink_to(outside)
    (root / "linked.py").symlink_to(outside / "private.py")
    (root / "loop").symlink_to(root)
    with running_index(root, folder) as index:
        assert index.paths_defining("private_thing") == []
        assert index.paths_defining("Shop") == ["pkg/shop.py"], "what is no link is found"


def test_a_notebook_is_a_file_for_each_of_its_cells(root: Path, folder: Path) -> None:
    def notebook(*sources: str) -> str:
        cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
        return json.dumps({"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4})

    (root / "study.ipynb").write_text(notebook("def first(): pass", "def second(): pass"))
    with running_index(root, folder) as index:
        assert index.paths_defining("first") == ["study.ipynb#cell-0"]
        assert index.paths_defining("second") == ["study.ipynb#cell-1"]
        assert [chunk.path for chunk in index.reader.mentioning(["second"], 5)] == ["study.ipynb#cell-1"]
        (root / "study.ipynb").write_text(notebook("def third(): pass"))
        index.wait_defined("third", ["study.ipynb#cell-0"])
        index.wait_defined("second", [])
        (root / "study.ipynb").unlink()
        index.wait_defined("third", [])


def test_files_of_other_encodings_are_read(root: Path, folder: Path) -> None:
    (root / "bom.py").write_bytes("\ufeffdef with_bom(): pass\n".encode())
    (root / "wide.py").write_bytes("def wide(): pass\n".encode("utf-16"))
    (root / "latin.py").write_bytes("def caf\xe9(): pass\n".encode("latin-1"))
    (root / "dos.py").write_bytes(b"def dos():\r\n    pass\r\n")
    (root / "binary.py").write_bytes(b"def binary(): pass\n\0\0\0")
    with running_index(root, folder) as index:
        for name in ("with_bom", "wide", "café", "dos"):
            assert len(index.paths_defining(name)) == 1, name
        entry = index.reader.file("binary.py")
        assert entry is not None
        assert entry.skipped == "binary"


def test_a_file_whose_parsing_never_ends_is_left_out_and_the_rest_is_there(root: Path, folder: Path) -> None:
    # The C# grammar takes longer than anybody waits for a few kilobytes of this.
    (root / "hostile.cs").write_text("a<b<c<\n" * 8_000 + "Endless")
    (root / "tame.cs").write_text("class Tame { void Run() { } }")
    with running_index(root, folder) as index:
        assert index.wait_ready().quarantined == 1
        assert index.paths_defining("Tame") == ["tame.cs"]
        assert index.paths_defining("Shop") == ["pkg/shop.py"]
        assert [chunk.path for chunk in index.reader.mentioning(["Endless"], 5)] == ["hostile.cs"]
        index.stop()
    with running_index(root, folder) as index:
        assert index.wait_ready().quarantined == 0, "it is known now, and not tried again"


def test_a_worker_that_is_killed_is_replaced(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        for number in range(5):
            for worker in psutil.Process(index.process.pid).children():
                worker.kill()
            (root / "again.py").write_text(f"def again_{number}(): pass\n")
            index.wait_defined(f"again_{number}", ["again.py"])


def test_two_processes_never_write_one_index(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        second = IndexRunner(root, folder)
        assert second.process.wait(30) == EXIT_ALREADY_RUNNING
        assert Reader(folder).file("pkg/shop.py") is not None
        assert index.process.poll() is None


def test_a_deleted_index_ends_the_process_so_that_another_makes_it_anew(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        shutil.rmtree(folder)
        assert index.process.wait(30) == EXIT_STORE_GONE
    with running_index(root, folder) as index:
        assert index.paths_defining("Shop") == ["pkg/shop.py"]


def test_a_place_that_cannot_be_written_is_said_once_and_ends_the_process(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder\n")
    index = IndexRunner(root, tmp_path / "file" / "index")
    assert index.process.wait(30) == EXIT_WITHOUT_STORE
    assert index.process.stdout is not None
    assert b"FIMBLE_CACHE" in index.process.stdout.read()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can change another process's limits")
def test_a_full_disk_is_told_and_the_index_goes_on_when_there_is_space(root: Path, folder: Path) -> None:
    for number in range(200):
        (root / f"words{number}.txt").write_text(" ".join(f"word{number}x{each}" for each in range(200)))
    index = IndexRunner(root, folder)
    # Files that may not grow are as near to a full disk as a test gets without being the superuser.
    resource.prlimit(index.process.pid, resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    assert "free some space" in index.heard().message
    assert index.process.poll() is None
    resource.prlimit(index.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    index.wait_ready()
    assert index.paths_defining("Shop") == ["pkg/shop.py"]
    assert [chunk.path for chunk in index.reader.mentioning(["word199x99"], 5)] == ["words199.txt"]
    assert index.heard().message == "", "all is well again"
    index.stop()


def test_nothing_is_written_to_the_workspace(root: Path, folder: Path) -> None:
    def listing() -> list[tuple[str, int]]:
        return sorted((os.fspath(path), path.stat().st_mtime_ns) for path in root.rglob("*"))

    before = listing()
    with running_index(root, folder) as index:
        assert index.paths_defining("Shop")
        assert (folder / DATABASE_NAME).exists()
    assert listing() == before


def test_a_root_that_is_gone_keeps_what_was_known(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        index.stop()
    root.rename(root.with_name("elsewhere"))
    index = IndexRunner(root, folder)
    wait_until(lambda: index.reader.file("pkg/shop.py"))
    index.stop()
    assert Reader(folder).file("pkg/shop.py") is not None


def test_an_open_file_goes_first(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        index.tell(Command(opened=["pkg/shop.py"], soon=["pkg/main.ts", "nowhere.py"], changed=["pkg/shop.py", "gone"]))
        (root / "pkg" / "shop.py").write_text("class Opened: ...\n")
        index.wait_defined("Opened", ["pkg/shop.py"])


def test_a_terminated_process_leaves_a_usable_index(root: Path, folder: Path) -> None:
    with running_index(root, folder) as index:
        index.process.send_signal(signal.SIGTERM)
        index.process.wait(30)
    with running_index(root, folder) as index:
        assert index.wait_ready().parsed == 0
        assert index.paths_defining("Shop") == ["pkg/shop.py"]


def test_what_is_stored_is_what_extraction_gives(root: Path, folder: Path) -> None:
    source = Path(__file__).read_bytes()
    (root / "this.py").write_bytes(source)
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    with running_index(root, folder) as index:
        assert index.reader.symbols("this.py") == extract(grammar, source)
