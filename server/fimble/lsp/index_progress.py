"""Shows in the editor how far the index of a folder is, if that takes longer than a moment."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fimble.index.store.progress import Progress, Stage
from fimble.lsp.progress import Work, WorkProgress
from fimble.workspace.paths import Folder

_PATIENCE_S: Final = 1.0
_BUILDING: Final = (Stage.LISTING, Stage.WORDS, Stage.SYMBOLS)
# Words come first and take about a fifth of the time.
_WORDS_PERCENT: Final = 20

Spawn = Callable[[Coroutine[Any, Any, Any], str], None]


class _Building:
    """A folder whose index is being built."""

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.progress = Progress()
        # The most that there was to do: what is left says how much of it is done.
        self.to_read_max = self.to_parse_max = 1
        self.percentage = 0
        self.news = asyncio.Event()
        self.is_over = False
        self.is_shown = False

    def take(self, progress: Progress) -> None:
        """Takes news of the folder."""
        self.progress = progress
        self.to_read_max = max(self.to_read_max, progress.to_read)
        self.to_parse_max = max(self.to_parse_max, progress.to_parse)
        part = _WORDS_PERCENT * (self.to_read_max - progress.to_read) // self.to_read_max
        if progress.stage is Stage.LISTING:
            part = 0
        elif progress.stage is Stage.SYMBOLS:
            done = self.to_parse_max - progress.to_parse
            part = _WORDS_PERCENT + (100 - _WORDS_PERCENT) * done // self.to_parse_max
        # Files that come along the way make the whole larger, but a bar must not go back.
        self.percentage = max(self.percentage, part)
        self.news.set()

    def message(self) -> str:
        """Returns how far the folder is, in words."""
        files = self.progress.files
        match self.progress.stage:
            case Stage.WORDS:
                return f"words, {files - self.progress.to_read} of {files} files"
            case Stage.SYMBOLS:
                return f"symbols, {max(files - self.progress.to_parse, 0)} of {files} files"
            case _:
                return "looking for files"


class IndexProgress:
    """Takes how far each folder's index is."""

    def __init__(self, work: WorkProgress, spawn: Spawn, monotonic_s: Callable[[], float]) -> None:
        self._work = work
        self._spawn = spawn
        self._monotonic_s = monotonic_s
        self._building: dict[str, _Building] = {}

    def take(self, folder: Folder, progress: Progress) -> None:
        """Takes news of one folder; shows them once the work has lasted a second."""
        building = self._building.get(folder.path)
        if progress.stage not in _BUILDING:
            if building is not None:
                building.is_over = True
                building.news.set()
                del self._building[folder.path]
            return
        now_s = self._monotonic_s()
        if building is None:
            building = self._building[folder.path] = _Building(now_s)
        building.take(progress)
        if not building.is_shown and now_s - building.since_s >= _PATIENCE_S:
            building.is_shown = True
            self._spawn(self._show(folder, building), "the progress of the index")

    async def _show(self, folder: Folder, building: _Building) -> None:
        async def follow(work: Work) -> None:
            while not building.is_over:
                work.report(building.message(), building.percentage)
                building.news.clear()
                await building.news.wait()

        title = f"Indexing {folder.name}" if folder.name else "Indexing"
        await self._work.run(title, follow, is_cancellable=False)
