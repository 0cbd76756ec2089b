"""Watching real folders with the kernel's events, with watchdog's, and by listing."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fimble.index.files import inotify
from fimble.index.files.changes import Batch, Changes
from fimble.index.files.ignoring import Rules
from fimble.index.files.kernel_events import KernelEvents
from fimble.index.files.listing import list_files
from fimble.index.files.observed_events import ObservedEvents
from fimble.index.files.polling import Poller
from fimble.index.files.watching import Mode, Watcher
from tests.functional.index.index_repository import GitRepository

PATIENCE_S = 20.0


class Batches:
    """Collects batches and waits for them."""

    def __init__(self) -> None:
        self.all: list[Batch] = []
        self._condition = threading.Condition()

    def __call__(self, batch: Batch) -> None:
        with self._condition:
            self.all.append(batch)
            self._condition.notify_all()

    def wait(self, is_enough: Callable[["Batches"], object]) -> None:
        with self._condition:
            if not self._condition.wait_for(lambda: is_enough(self), PATIENCE_S):
                raise AssertionError(f"Not within {PATIENCE_S} s; there were {self.all[:20]}.")

    def wait_for(self, *paths: str) -> None:
        self.wait(lambda batches: batches.paths >= set(paths))

    @property
    def paths(self) -> set[str]:
        return set().union(*(batch.paths for batch in self.all))

    @property
    def folders(self) -> set[str]:
        return set().union(*(batch.folders for batch in self.all))


class Watched:
    """A watched folder."""

    def __init__(self, root: Path, rules: Rules | None = None, **settings: object) -> None:
        self.root = root
        self.rules = rules or Rules(root, environment={"PATH": os.environ["PATH"]})
        self.batches = Batches()
        self.watcher = Watcher(self.rules, self.batches, **settings)  # type: ignore[arg-type]
        self._marks = 0
        self.watcher.start()
        assert self.watcher.wait_ready(PATIENCE_S)

    def write(self, path: str, content: str = "x = 1\n") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content)

    def settle(self) -> set[str]:
        """Waits until everything before this has been told; returns the paths that were told until then."""
        self._marks += 1
        mark = f"mark{self._marks}.py"
        self.write(mark)
        self.batches.wait_for(mark)
        return {path for path in self.batches.paths if not path.startswith("mark")}


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(root: Path | None = None, rules: Rules | None = None, **settings: object) -> Watched:
        root = root or tmp_path / "root"
        root.mkdir(exist_ok=True)
        started.append(Watched(root, rules, **settings))
        return started[-1]

    yield start
    for watched in started:
        watched.watcher.stop()


def test_a_saved_file_is_told(watch: Callable[..., Watched]) -> None:
    watched = watch()
    watched.write("x.py")
    watched.batches.wait_for("x.py")
    assert watched.watcher.mode is Mode.EVENTS


@pytest.mark.parametrize("way", ["rename", "link", "delete", "move_in", "move_out", "hard_link", "backup", "truncate"])
def test_each_way_to_change_a_file_is_told(watch: Callable[..., Watched], tmp_path: Path, way: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub/x.py").write_text("old")
    (tmp_path / "outside.py").write_text("new")
    watched = watch()
    file, other = root / "sub/x.py", root / "y.py"
    expected = {"sub/x.py"}
    if way == "rename":
        file.rename(other)
        expected = {"sub/x.py", "y.py"}
    elif way == "link":
        (root / "sub/.x.py.123").write_text("new")
        os.replace(root / "sub/.x.py.123", file)
        expected = {"sub/x.py", "sub/.x.py.123"}
    elif way == "delete":
        file.unlink()
    elif way == "move_in":
        (tmp_path / "outside.py").rename(file)
    elif way == "move_out":
        file.rename(tmp_path / "gone.py")
    elif way == "hard_link":
        other.hardlink_to(tmp_path / "outside.py")
        expected = {"y.py"}
    elif way == "backup":
        # Vim without a copy: the old file becomes the backup, which is no file of the workspace.
        file.rename(root / "sub/x.py~")
        file.write_text("new")
        (root / "sub/x.py~").unlink()
    else:
        os.truncate(file, 0)
        with file.open("a") as writing:
            writing.write("x")
    watched.batches.wait_for(*expected)
    assert watched.settle() == expected


def test_ignored_folders_are_not_even_watched(watch: Callable[..., Watched], tmp_path: Path) -> None:
    root = tmp_path / "root"
    for folder in ("node_modules/a/b", "src/deep", ".git/objects", "out/x"):
        (root / folder).mkdir(parents=True)
    (root / ".gitignore").write_text("out/\n")
    watched = watch()
    assert watched.watcher.watch_count == 3
    watched.write("node_modules/a/x.js")
    watched.write("node_modules/new/x.js")
    watched.write("out/x/y.py")
    watched.write("src/deep/x.py")
    watched.write("src/deep/x.pyc")
    assert watched.settle() == {"src/deep/x.py"}


def test_files_in_new_folders_are_told(watch: Callable[..., Watched]) -> None:
    watched = watch()
    for number in range(30):
        watched.write(f"a{number}/b/c/x.py")
    watched.batches.wait_for(*(f"a{number}/b/c/x.py" for number in range(30)))
    watched.write("a3/b/c/y.py")
    watched.batches.wait_for("a3/b/c/y.py")


def test_a_folder_that_is_moved_is_told_and_still_watched(watch: Callable[..., Watched], tmp_path: Path) -> None:
    (tmp_path / "root/a/deep").mkdir(parents=True)
    (tmp_path / "root/a/deep/x.py").write_text("")
    watched = watch()
    (tmp_path / "root/a").rename(tmp_path / "root/b")
    watched.batches.wait_for("b/deep/x.py")
    assert watched.batches.folders == {"a"}
    watched.write("b/deep/y.py")
    watched.batches.wait_for("b/deep/y.py")
    (tmp_path / "root/b").rename(tmp_path / "outside")
    watched.batches.wait(lambda batches: "b" in batches.folders)
    (tmp_path / "outside/deep/unseen.py").write_text("")
    assert not any(path.endswith("unseen.py") for path in watched.settle())
    assert watched.watcher.watch_count == 1


def test_a_folder_that_is_deleted_and_made_again_is_watched_again(
    watch: Callable[..., Watched], tmp_path: Path
) -> None:
    (tmp_path / "root/a/b").mkdir(parents=True)
    watched = watch()
    shutil.rmtree(tmp_path / "root/a")
    watched.batches.wait(lambda batches: "a" in batches.folders)
    watched.write("a/b/x.py")
    watched.batches.wait_for("a/b/x.py")
    watched.write("a/b/y.py")
    watched.batches.wait_for("a/b/y.py")


def test_new_rules_are_told_and_followed(watch: Callable[..., Watched], tmp_path: Path) -> None:
    (tmp_path / "root/out/deep").mkdir(parents=True)
    (tmp_path / "root/.gitignore").write_text("out/\n")
    watched = watch()
    watched.write("out/deep/before.py")
    assert watched.settle() == set()
    watched.write(".gitignore", "*.log\n")
    watched.batches.wait(lambda batches: any(batch.are_rules_changed for batch in batches.all))
    watched.write("out/deep/after.py")
    watched.batches.wait_for("out/deep/after.py")
    watched.write("x.log")
    assert "x.log" not in watched.settle()


def test_links_to_folders_are_not_followed(watch: Callable[..., Watched], tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "outside")
    watched = watch()
    (tmp_path / "root/later").symlink_to(tmp_path / "outside")
    (tmp_path / "outside/x.py").write_text("")
    assert watched.settle() <= {"later"}
    assert watched.watcher.watch_count == 1


def test_names_that_are_not_utf8_are_told(watch: Callable[..., Watched]) -> None:
    watched = watch()
    path = os.fsdecode(b"caf\xe9/\xff.py")
    watched.write(path)
    watched.batches.wait_for(path)


def test_a_root_that_goes_away_and_comes_back_is_watched_again(watch: Callable[..., Watched], tmp_path: Path) -> None:
    watched = watch()
    shutil.rmtree(watched.root)
    watched.batches.wait(lambda batches: any(batch.is_unknown for batch in batches.all))
    watched.root.mkdir()
    watched.batches.wait(lambda batches: sum(batch.is_unknown for batch in batches.all) >= 2)
    watched.write("x.py")
    watched.batches.wait_for("x.py")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "root", tmp_path / "home")


def test_a_checkout_is_told_as_a_whole(watch: Callable[..., Watched], repository: GitRepository) -> None:
    both = {f"a{number % 7}/x{number}.py": "1\n" for number in range(1500)}
    repository.commit(both | {"only_first/x.py": ""})
    repository.git("checkout", "-q", "-b", "other")
    shutil.rmtree(repository.folder / "only_first")
    repository.commit(dict.fromkeys(both, "2\n") | {"only_second/y.py": ""})
    watched = watch(rules=repository.rules())
    repository.git("checkout", "-q", "main")
    watched.batches.wait(
        lambda batches: any(batch.is_head_moved for batch in batches.all) and not batches.all[-1].is_git_busy
    )
    assert watched.settle() == set(both) | {"only_first/x.py", "only_second/y.py"}
    assert "only_second" in watched.batches.folders
    assert not any(batch.is_unknown for batch in watched.batches.all)


def test_whoever_waits_for_git_hears_that_it_has_ended(
    watch: Callable[..., Watched], repository: GitRepository
) -> None:
    repository.commit({"a.py": ""})
    watched = watch(rules=repository.rules())
    lock = repository.folder / ".git/index.lock"
    lock.write_text("")
    watched.write("x.py")
    watched.batches.wait_for("x.py")
    assert watched.batches.all[-1].is_git_busy
    lock.unlink()
    watched.batches.wait(lambda batches: not batches.all[-1].is_git_busy)


def test_a_lock_that_a_dead_git_left_behind_keeps_nobody_waiting(
    watch: Callable[..., Watched], repository: GitRepository
) -> None:
    repository.commit({"a.py": ""})
    lock = repository.folder / ".git/index.lock"
    lock.write_text("")
    os.utime(lock, (1, 1))
    watched = watch(rules=repository.rules())
    watched.write("x.py")
    watched.batches.wait_for("x.py")
    assert not any(batch.is_git_busy for batch in watched.batches.all)


def test_a_tracked_file_in_an_ignored_folder_is_watched_after_the_listing(
    watch: Callable[..., Watched], repository: GitRepository
) -> None:
    repository.write({".gitignore": "out/\n", "out/deep/kept.py": "", "out/deep/other.py": ""})
    repository.git("add", "-f", "out/deep/kept.py")
    watched = watch(rules=repository.rules())
    list_files(watched.rules)
    watched.watcher.refresh()
    watched.settle()
    watched.write("out/deep/kept.py")
    watched.write("out/deep/other.py")
    assert watched.settle() == {"out/deep/kept.py"}


def test_the_index_of_git_is_no_file_of_the_workspace(watch: Callable[..., Watched], repository: GitRepository) -> None:
    repository.commit({"a.py": "1"})
    watched = watch(rules=repository.rules())
    repository.git("commit", "-q", "--allow-empty", "-m", "message")
    repository.write({"a.py": "2"})
    repository.git("add", "a.py")
    watched.batches.wait(lambda batches: any(batch.is_index_changed for batch in batches.all))
    assert watched.settle() == {"a.py"}


def test_events_that_are_lost_are_told(tmp_path: Path) -> None:
    """Nobody reads while more happens than the kernel keeps; afterwards new folders are watched all the same."""
    queued = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    changes = Changes()
    events = KernelEvents(Rules(tmp_path, environment={}), changes, clock_s=time.monotonic)
    events.watch_all()
    script = (
        "import os, sys\n"
        f"for number in range({queued // 2 + 100}):\n"
        "    name = str(number % 500)\n"
        "    open(name, 'w').close()\n"
        "    os.unlink(name)\n"
        "os.mkdir('late')\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    for _ in range(10):
        events.read()
    assert changes.is_unknown
    events.settle()
    assert changes.take().is_unknown
    (tmp_path / "late/x.py").write_text("")
    events.read()
    batch = changes.take()
    assert (batch.paths, batch.is_unknown) == ({"late/x.py"}, False)
    events.close()


def test_where_watches_run_out_listing_fills_in(watch: Callable[..., Watched], tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"root/a{number}").mkdir(parents=True)
    watched = watch(watches_max=3, polling_interval_s=0.05)
    assert watched.watcher.mode is Mode.EVENTS_AND_POLLING
    assert watched.watcher.watch_count == 3
    for number in range(10):
        watched.write(f"a{number}/x.py")
    watched.batches.wait_for(*(f"a{number}/x.py" for number in range(10)))


def test_on_a_network_file_system_both_are_used(watch: Callable[..., Watched]) -> None:
    watched = watch(file_system="nfs4", polling_interval_s=0.05)
    assert watched.watcher.mode is Mode.EVENTS_AND_POLLING
    assert watch(file_system="ext4").watcher.mode is Mode.EVENTS


def test_listing_again_and_again_finds_every_kind_of_change(tmp_path: Path) -> None:
    for name in ("edited.py", "gone.py", "same.py"):
        (tmp_path / name).write_text("1")
    (tmp_path / ".gitignore").write_text("hidden.py\n")
    (tmp_path / "hidden.py").write_text("")
    batches = Batches()
    poller = Poller(Rules(tmp_path, environment={}), batches, interval_min_s=0.05)
    poller.start()
    assert poller.wait_ready(PATIENCE_S)
    (tmp_path / "edited.py").write_text("22")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "new.py").write_text("")
    batches.wait_for("edited.py", "gone.py", "new.py")
    (tmp_path / ".gitignore").write_text("")
    batches.wait_for("hidden.py")
    poller.stop()
    assert "same.py" not in batches.paths


def test_watchdog_tells_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "outside").mkdir()
    root = tmp_path / "a"
    for name in ("edited.py", "gone.py", "moved.py"):
        (root / name).write_text("1")
    (root / "old").mkdir()
    (root / "old/z.py").write_text("")
    changes = Changes()
    events = ObservedEvents(Rules(root, environment={}), changes, clock_s=time.monotonic)
    events.watch_all()
    assert not events.is_root_lost
    (root / "edited.py").write_text("2")
    (root / "gone.py").unlink()
    (root / "moved.py").rename(root / "here.py")
    (root / "old").rename(root / "new")
    (root / "node_modules").mkdir()
    (root / "node_modules/x.js").write_text("")
    (root / ".gitignore").write_text("x\n")
    expected = {"edited.py", "gone.py", "moved.py", "here.py", "new/z.py", ".gitignore"}
    deadline_s = time.monotonic() + PATIENCE_S
    while not (changes.paths >= expected and "old" in changes.folders) and time.monotonic() < deadline_s:
        time.sleep(0.01)
        events.read()
    events.close()
    assert changes.paths - {"old/z.py"} == expected
    assert "old" in changes.folders
    assert changes.are_rules_changed


def test_a_watch_that_is_stopped_is_silent_and_leaves_nothing_open(watch: Callable[..., Watched]) -> None:
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    watched = watch()
    watched.settle()
    watched.watcher.stop()
    count = len(watched.batches.all)
    watched.write("x.py")
    watched.watcher.refresh()
    watched.watcher.stop()
    assert len(watched.batches.all) == count
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, descriptors)


def test_a_folder_that_is_missing_or_a_link_cannot_be_watched(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    kernel = inotify.Inotify()
    assert kernel.add(str(tmp_path)) > 0
    for name in ("missing", "link"):
        with pytest.raises(OSError, match=r"No such file|Not a directory|Too many levels"):
            kernel.add(str(tmp_path / name))
    kernel.close()
