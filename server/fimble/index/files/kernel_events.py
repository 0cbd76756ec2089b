"""Watches the folders of a workspace with inotify, each by itself, and leaves out those that are ignored.

A folder is watched before it is looked into, so that nothing in it can be missed in between.
"""

import errno
import os
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from fimble.index.files import inotify
from fimble.index.files.changes import Change, Changes
from fimble.index.files.ignoring import Rules

WATCHES_MAX: Final = 131_072


class _Place(Enum):
    """Folders outside of the workspace's files that are watched."""

    GIT = auto()
    """Where git keeps HEAD and the index."""


class KernelEvents:
    """The watched folders of a workspace, and the translation of inotify's events to changes."""

    def __init__(
        self,
        rules: Rules,
        changes: Changes,
        *,
        clock_s: Callable[[], float],
        watches_max: int | None = None,
    ) -> None:
        """Opens an inotify instance, without watching anything yet.

        Raises:
            OSError: this system has none, or the user has too many open.
        """
        self.is_full = False
        """Some folders are not watched because the user has no watches left."""
        self._inotify = inotify.Inotify()
        self._rules = rules
        self._changes = changes
        self._clock_s = clock_s
        # Editors need watches of their own: half of what the user has stays free.
        self._watches_max = min(inotify.watches_max() // 2, WATCHES_MAX) if watches_max is None else watches_max
        self._folders: dict[int, str | _Place] = {}
        self._watches: dict[str | _Place, int] = {}
        self._must_walk = False

    @property
    def descriptor(self) -> int:
        """What becomes readable when something has happened."""
        return self._inotify.descriptor

    @property
    def watch_count(self) -> int:
        """The number of folders that are watched."""
        return len(self._folders)

    @property
    def is_root_lost(self) -> bool:
        """Whether the root is gone, or a folder of the same name has taken its place."""
        return "" not in self._watches

    def close(self) -> None:
        """Ends all watches."""
        self._inotify.close()

    def watch_all(self) -> None:
        """Watches every folder that is not watched yet."""
        self._must_walk = False
        self._watch_tree("")
        self.watch_tracked()
        repository = self._rules.repository
        if repository is not None:
            self._add(_Place.GIT, repository.git_dir)

    def watch_tracked(self) -> None:
        """Watches the folders of tracked files, of which the walk does not find those below an ignored folder."""
        for folder in self._rules.tracked_folders:
            if folder not in self._watches and self._rules.must_watch(folder):
                self._watch(folder)

    def settle(self) -> None:
        """Does what has to be done before a batch is told of."""
        if self._changes.are_rules_changed:
            self._rules.reload()
            self._must_walk = True
        if self._must_walk:
            self.watch_all()

    def read(self) -> None:
        """Notes the changes that the kernel tells of."""
        now_s = self._clock_s()
        for watch, mask, name in self._inotify.read():
            if mask & (inotify.OVERFLOW | inotify.UNMOUNT):
                self._changes.is_unknown = True
                self._must_walk = True
                self._changes.touch(now_s)
                continue
            folder = self._folders.get(watch)
            if folder is None:
                continue
            if isinstance(folder, _Place):
                self._on_git(mask, name, now_s)
            elif mask & inotify.IGNORED:
                self._forget(watch, folder)
            elif mask & (inotify.DELETE_SELF | inotify.MOVE_SELF):
                self._on_root_gone(now_s)
            else:
                path = os.fsdecode(name)
                path = f"{folder}/{path}" if folder else path
                if mask & inotify.IS_FOLDER:
                    self._on_folder(mask, path, now_s)
                else:
                    self._on_file(mask, path, now_s)

    def _on_file(self, mask: int, path: str, now_s: float) -> None:
        if self._rules.is_rule_file(path):
            self._changes.are_rules_changed = True
            self._changes.touch(now_s)
        is_finished = mask & (inotify.CLOSE_WRITE | inotify.MOVED_TO)
        if (is_finished or path not in self._changes.paths) and not self._rules.is_ignored(path):
            self._changes.add(path, Change.FINISHED if is_finished else Change.TOUCHED, now_s)

    def _on_folder(self, mask: int, path: str, now_s: float) -> None:
        if self._rules.is_rule_file(path):
            self._changes.are_rules_changed = True
            self._changes.touch(now_s)
        elif mask & (inotify.CREATE | inotify.MOVED_TO):
            self._rules.forget_folder(path)
            if self._rules.must_watch(path):
                self._watch_tree(path, found_s=now_s)
        elif path in self._watches or not self._rules.is_ignored(path, is_folder=True):
            if mask & inotify.MOVED_FROM:
                self._unwatch_tree(path)
            self._changes.add(path, Change.FOLDER, now_s)

    def _on_git(self, mask: int, name: bytes, now_s: float) -> None:
        if name == b"HEAD" and mask & (inotify.MOVED_TO | inotify.CLOSE_WRITE):
            self._changes.is_head_moved = True
        elif name == b"index" and mask & (inotify.MOVED_TO | inotify.CLOSE_WRITE):
            self._changes.is_index_changed = True
        else:
            return
        self._changes.touch(now_s)

    def _on_root_gone(self, now_s: float) -> None:
        for watch in list(self._folders):
            self._inotify.remove(watch)
        self._folders.clear()
        self._watches.clear()
        self._changes.is_unknown = True
        self._changes.touch(now_s)

    def _watch_tree(self, path: str, *, found_s: float | None = None) -> None:
        """Watches a folder and all in it; with `found_s` the files in it are changes of that time."""
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            self._watch(folder)
            prefix = f"{folder}/" if folder else ""
            try:
                with os.scandir(f"{self._rules.root}/{folder}") as entries:
                    for entry in entries:
                        inner = prefix + entry.name
                        if entry.is_dir(follow_symlinks=False):
                            if found_s is not None:
                                self._rules.forget_folder(inner)
                            if self._rules.must_watch(inner):
                                waiting.append(inner)
                        elif found_s is not None and not self._rules.is_ignored(inner):
                            self._changes.add(inner, Change.TOUCHED, found_s)
            except OSError:
                continue  # It is gone again, or not for us.

    def _watch(self, folder: str) -> None:
        self._add(folder, f"{self._rules.root}/{folder}" if folder else self._rules.root)

    def _add(self, place: str | _Place, absolute: str) -> None:
        if place not in self._watches and len(self._watches) >= self._watches_max:
            self.is_full = True
            return
        try:
            watch = self._inotify.add(absolute, is_root=place == "")
        except OSError as error:
            self.is_full = self.is_full or error.errno in (errno.ENOSPC, errno.ENOMEM)
            return
        except ValueError:
            return  # A name with a zero byte, which only an index made by hand can have.
        # The same folder may have been watched under the name that it had before.
        previous = self._folders.get(watch)
        if previous is not None and previous != place and self._watches.get(previous) == watch:
            del self._watches[previous]
        self._folders[watch] = place
        self._watches[place] = watch

    def _unwatch_tree(self, path: str) -> None:
        prefix = path + "/"
        gone = [
            (watch, folder)
            for folder, watch in self._watches.items()
            if isinstance(folder, str) and (folder == path or folder.startswith(prefix))
        ]
        for watch, folder in gone:
            self._forget(watch, folder)
            self._inotify.remove(watch)

    def _forget(self, watch: int, place: str | _Place) -> None:
        if self._folders.get(watch) == place:
            del self._folders[watch]
        if self._watches.get(place) == watch:
            del self._watches[place]
