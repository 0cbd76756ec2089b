"""Decides what the index process does next, and writes what comes of it.

A file goes through up to three steps: its text becomes a content (known already after a branch switch, or in a
repository by the id that git lists), the content's words become searchable, and a worker parses it. New files appear
with the first step; a file that changed keeps its old symbols until the new ones are there, so that nobody sees it
without any. Files of data formats go to the workers first and get their words last.

Everything is written in batches; a batch that fails (a full disk) is forgotten, and what it was about is found again
by the next reconciliation, which compares the files with the database.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from fimble.index.files.listing import FileEntry
from fimble.index.files.notebook import NOTEBOOK_SUFFIX, cells_of, split_virtual
from fimble.index.languages import LANGUAGES, language_named, language_of_path
from fimble.index.process.agenda import Agenda, Urgency
from fimble.index.process.memory import peak_rss_bytes
from fimble.index.process.messages import Parse, Parsed
from fimble.index.process.pool import OnGivenUp, OnParsed, Pool
from fimble.index.process.reading import NoText, Stat, flags_of_path, read_file
from fimble.index.store.chunks import split_chunks
from fimble.index.store.progress import Progress, Stage
from fimble.index.store.schema import ExtractionState
from fimble.index.store.writer import Writer

logger = logging.getLogger(__name__)

SLICE_S: Final = 0.02
"""How long the process works before it looks at its pipes again."""
COMMIT_S: Final = 1.0
"""How long a batch may be open while there is much to do, and how often the progress is told.

What is open in an editor does not wait for it, and neither does a saved file.
"""
_BURST_FILES: Final = 200
_DEAD_CONTENTS_KEPT: Final = 50_000
"""Contents that no file has any more but may have again: the other branch."""

_DATA_LANGUAGES: Final = tuple(language.name for language in LANGUAGES if language.is_data)
_DATA_SUFFIXES: Final = tuple(
    f".{suffix}" for language in LANGUAGES if language.is_data for suffix in language.extensions
)


class _Found(NamedTuple):
    """What is known of a file that is new or may have changed; `hash` is what git says of its content."""

    size: int = 0
    stat: Stat = (0, 0, 0)
    hash: bytes | None = None
    is_new: bool = False


class _Text(NamedTuple):
    """A file's text in chunks, and what `FileText` says of it."""

    hash: bytes
    language: str
    stat: Stat
    flags: int
    chunks: list[str]


class Builder:
    """The index process's work, in slices; `step` does one. Paths are relative to the root."""

    def __init__(
        self,
        root: Path,
        writer: Writer,
        pool_of: Callable[[OnParsed, OnGivenUp], Pool],
        list_files: Callable[[], Sequence[FileEntry]],
        *,
        started_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool_of(self._on_parsed, self._on_given_up)
        self._root = os.fspath(root)
        self._writer = writer
        self._list_files = list_files
        self._monotonic_s = monotonic_s
        self._to_read: dict[str, _Found] = {}
        # New files of data formats: they wait until the words of the others are there.
        self._data_to_read: dict[str, _Found] = {}
        self._agenda = Agenda()
        # Whose texts the workers have been asked for.
        self._awaited: set[str] = set()
        self._wordless: list[tuple[str, int]] | None = None
        self._are_mentions_due = False
        self._open_paths: frozenset[str] = frozenset()
        self._cells: dict[str, set[str]] = {}
        self._batch_began_s: float | None = None
        self._is_tidy = True
        self._stage = Stage.LISTING
        self._is_first_build = True
        self._started_s = started_s
        self._told_s = 0.0
        self._is_end_told = False
        self._parsed = self._symbols = self._quarantined = 0
        self._seconds = self._seconds_to_word_search = 0.0

    # What is asked for.

    def reconcile(self) -> None:
        """Compares the files with the database and plans what has to be done."""
        if not os.path.isdir(self._root):
            # A disk that is not mounted is no reason to forget what is on it.
            logger.warning("the workspace's folder is not there")
            return
        files = self._list_files()
        known = self._writer.known_files()
        listed = set()
        for file in files:
            path = file.path
            listed.add(path)
            stat = (file.size, file.mtime_ns, file.inode)
            before = known.get(path)
            if (before is None and path not in self._agenda) or (before is not None and before[:3] != stat):
                found = _Found(file.size, stat, bytes.fromhex(file.blob_id) if file.blob_id else None, before is None)
                is_data = before is None and path not in self._open_paths and path.endswith(_DATA_SUFFIXES)
                (self._data_to_read if is_data else self._to_read)[path] = found
        missing = [path for path in known if path not in listed and _file_of(path) not in listed]
        if missing:
            self._begin()
            self._writer.remove_files(missing)
        _, contents, parsed = self._writer.counts()
        if parsed < contents and self.pool.is_idle and not self._agenda:
            for path, _, language in self._writer.unparsed():
                self._queue(path, language, self._urgency(path, language))
        self._wordless = None
        self._raise_stage()

    def changed(self, paths: Iterable[str]) -> None:
        """Takes note that files may have changed, come or gone."""
        for path in paths:
            self._to_read[path] = _Found()
        self._raise_stage()

    def prioritise(self, paths: Iterable[str], urgency: int) -> None:
        """Parses these files before others, if they are waiting."""
        for path in paths:
            if path in self._agenda:
                self._queue(path, _language_name(path), urgency)

    def opened(self, paths: Iterable[str]) -> None:
        """Takes note of the files that are open in editors now; they always go first."""
        self._open_paths = frozenset(paths)
        self.prioritise(self._open_paths, Urgency.OPEN)

    # What is done.

    @property
    def has_work(self) -> bool:
        """Whether `step` has something to do without waiting for workers."""
        is_late_work_due = bool(self._wordless) or (self._wordless is None and self._stage is not Stage.WITHOUT_STORE)
        return (
            bool(self._to_read)
            or (is_late_work_due and self.is_ready)
            or (bool(self._agenda) and self.pool.wants_work())
        )

    @property
    def are_words_ready(self) -> bool:
        """Whether the words of all files but those of data formats can be searched."""
        return self._stage in (Stage.SYMBOLS, Stage.READY)

    @property
    def is_ready(self) -> bool:
        """Whether all symbols are known."""
        return not self._to_read and not self._data_to_read and not self._agenda and self.pool.is_idle

    def step(self) -> None:
        """Works for about `SLICE_S`.

        Raises:
            StoreUnusable: nothing can be written; after `forget_plans`, `reconcile` starts again.
        """
        until_s = self._monotonic_s() + SLICE_S
        self._feed()
        while self._to_read and self._monotonic_s() < until_s:
            self._read(*self._to_read.popitem())
        self._feed()
        if not self._to_read and not self._awaited:
            if self._stage in (Stage.LISTING, Stage.WORDS):
                self._words_are_ready()
            self._to_read, self._data_to_read = self._data_to_read, self._to_read
        if self.is_ready:
            if self._stage is Stage.SYMBOLS:
                self._symbols_are_ready()
            elif self._wordless is None:
                self._find_late_work()
            while self._wordless and self._monotonic_s() < until_s:
                self._add_words(*self._wordless.pop())
        self._tell()
        if self._batch_began_s is not None and (
            (self._stage is Stage.READY and not self.has_work) or self._monotonic_s() - self._batch_began_s > COMMIT_S
        ):
            self.commit()

    def tidy(self) -> bool:
        """Does some of what can wait until nobody needs the index; returns whether there is more to do."""
        self.commit()
        if self._is_tidy:
            return False
        if self._writer.tidy():
            return True
        with self._writer.batch():
            self._writer.forget_contents(_DEAD_CONTENTS_KEPT)
        self._is_tidy = True
        return False

    def forget_plans(self) -> None:
        """Drops what was written since the last commit and everything that is planned."""
        self._writer.roll_back()
        self._batch_began_s = None
        self._to_read.clear()
        self._data_to_read.clear()
        self._awaited.clear()
        self._agenda.clear()
        self._wordless = None
        self._stage = Stage.WITHOUT_STORE
        self._is_end_told = False

    def commit(self) -> None:
        """Makes what was written so far visible.

        Raises:
            StoreUnusable: it cannot be written.
        """
        if self._batch_began_s is not None:
            self._batch_began_s = None
            self._writer.commit()

    # Inside.

    def _read(self, path: str, found: _Found) -> None:
        """Makes a file's words searchable and has it parsed, as far as its content is not known already."""
        language = language_of_path(path)
        name = language.name if language is not None else ""
        is_new = found.is_new or not self._writer.has_content(path)
        self._begin()
        if found.hash is not None:
            known = self._writer.content_of(found.hash, name)
            if known is not None and known[2]:
                self._put(path, known[0], found.stat, flags_of_path(path))
                return
        if is_new and language is not None and language.is_data and self._stage is not Stage.READY:
            self._queue(path, name, self._urgency(path, name), found.size)
            return
        if path.endswith(NOTEBOOK_SUFFIX):
            self._queue(path, name, self._urgency(path, name), found.size)
            return
        if is_new and self._is_first_build and path not in self._open_paths:
            # Somebody else reads it, and this process has time to make words of what was read before.
            self._queue(path, name, Urgency.TEXT, found.size)
            self._awaited.add(path)
            return
        read = read_file(self._root, path)
        if isinstance(read, NoText):
            self._skipped(path, read)
            return
        text = _Text(read.hash, read.language, read.stat, read.flags, split_chunks(read.text))
        self._take_text(path, text, is_new=is_new)

    def _take_text(self, path: str, text: _Text, *, is_new: bool) -> None:
        """Makes the words of a text searchable, and has it parsed."""
        content, is_parsed = self._writer.content_for(text.hash, text.language, text.chunks)
        if is_parsed or is_new or not text.language:
            self._put(path, content, text.stat, text.flags)
        if is_parsed:
            return
        if text.language:
            self._queue(path, text.language, self._urgency(path, text.language), sum(map(len, text.chunks)))
        else:
            self._writer.add_extraction(content, ExtractionState.NO_GRAMMAR, b"", b"", "")

    def _on_parsed(self, parsed: Parsed) -> None:
        self._begin()
        path = os.fsdecode(parsed.path)
        self._awaited.discard(path)
        if parsed.chunks and parsed.stat is not None:
            text = _Text(parsed.hash, parsed.language, parsed.stat, parsed.flags, parsed.chunks)
            self._take_text(path, text, is_new=True)
            return
        self._parsed += 1
        if parsed.skipped or parsed.stat is None:
            self._skipped(path, NoText(parsed.skipped, parsed.stat))
            return
        if parsed.mentions and not parsed.symbols:
            known = self._writer.content_of(parsed.hash, parsed.language)
            if known is not None and known[2]:
                self._writer.add_mentions(known[0], parsed.mentions)
            return
        self._take(path, parsed, parsed.stat)
        if path in self._open_paths:
            self.commit()
        if self._stage is Stage.READY and self._is_outdated(path, parsed.stat):
            self.changed([_file_of(path)])

    def _take(self, path: str, parsed: Parsed, stat: Stat) -> None:
        """Stores what a worker found in a file."""
        notebook = split_virtual(path)
        if notebook is not None:
            self._cells.setdefault(notebook[0], set()).add(path)
        if not parsed.hash:
            # A notebook, after all of its cells.
            self._writer.keep_cells(path, self._cells.pop(path, ()))
            self._put(path, None, stat, parsed.flags)
            return
        content, is_parsed = self._writer.content_for(parsed.hash, parsed.language)
        if not is_parsed:
            self._symbols += parsed.symbol_count
            self._writer.add_extraction(content, parsed.state, parsed.names, parsed.symbols, parsed.searchable)
        if parsed.mentions:
            self._writer.add_mentions(content, parsed.mentions)
        self._put(path, content, stat, parsed.flags)

    def _on_given_up(self, file: Parse) -> None:
        """Remembers by its content that a file cannot be parsed; its words stay searchable."""
        logger.warning("parsing took too long or crashed: a file of language %r is left out", file.language)
        self._quarantined += 1
        self._begin()
        path = os.fsdecode(file.path)
        self._awaited.discard(path)
        read = read_file(self._root, path)
        if isinstance(read, NoText):
            self._skipped(path, read)
            return
        content, _ = self._writer.content_for(read.hash, read.language, split_chunks(read.text))
        self._writer.add_extraction(content, ExtractionState.QUARANTINED, b"", b"", "")
        self._put(path, content, read.stat, read.flags)

    def _is_outdated(self, path: str, stat: Stat) -> bool:
        """Tells whether a file has changed again since a worker read it; their results come in any order."""
        try:
            status = os.lstat(f"{self._root}/{_file_of(path)}")
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns, status.st_ino) != stat

    def _skipped(self, path: str, skipped: NoText) -> None:
        if skipped.stat is None:
            self._writer.remove_files([path])
        else:
            self._put(path, None, skipped.stat, 0, skipped.reason)

    def _put(self, path: str, content: int | None, stat: tuple[int, int, int], flags: int, skipped: str = "") -> None:
        self._writer.put_file(path, content, stat, flags, skipped)

    def _queue(self, path: str, language: str, urgency: int, size: int = 0) -> None:
        has_mentions = not self._is_first_build
        file = Parse(os.fsencode(path), language, size, has_mentions, is_text_wanted=urgency == Urgency.TEXT)
        self._agenda.add(path, urgency, file)

    def _urgency(self, path: str, language: str) -> int:
        if path in self._open_paths:
            return Urgency.OPEN
        known = language_named(language)
        return Urgency.DATA if known is not None and known.is_data else Urgency.CODE

    def _feed(self) -> None:
        # This process makes the words, and on two processors it would share its own with the second worker.
        self.pool.spare(0 if self.are_words_ready else 1)
        while self.pool.wants_work() and (files := self._agenda.take()):
            self.pool.give(files)

    def _raise_stage(self) -> None:
        """Says that much is going on when much is; a few saved files are not worth a word."""
        files = len(self._to_read) + len(self._data_to_read) + len(self._agenda)
        if self._stage is not Stage.READY or files > _BURST_FILES:
            self._stage = Stage.WORDS

    def _words_are_ready(self) -> None:
        self._stage = Stage.SYMBOLS
        self.commit()
        if self._is_first_build:
            self._seconds_to_word_search = self._monotonic_s() - self._started_s
        self._told_s = 0.0

    def _symbols_are_ready(self) -> None:
        self._stage = Stage.READY
        self._is_tidy = False
        self._told_s = 0.0
        self._wordless = None
        self._are_mentions_due = True
        if self._is_first_build:
            self._is_first_build = False
            self.commit()
            self._seconds = self._monotonic_s() - self._started_s

    def _find_late_work(self) -> None:
        """Plans what nobody waits for: who mentions what, and the words of data formats."""
        if self._are_mentions_due:
            self._are_mentions_due = False
            for path, size, language, names in self._writer.unmentioned(_DATA_LANGUAGES):
                parse = Parse(os.fsencode(path), language, size, names=names)
                self._agenda.add(path, Urgency.MENTIONS, parse)
        # FTS5 writes a segment whenever a row comes before the last one, so that ids have to go up.
        self._wordless = sorted(self._writer.wordless(), key=itemgetter(1), reverse=True)

    def _add_words(self, path: str, content: int) -> None:
        self._begin()
        read = read_file(self._root, _file_of(path))
        # What cannot be read any more gets no words; it is not asked for again.
        text = b"" if isinstance(read, NoText) else read.text
        if (virtual := split_virtual(path)) is not None:
            text = next(
                (cell.source.encode("utf-8", "replace") for cell in cells_of(text) if cell.number == virtual[1]), b""
            )
        self._writer.add_words(content, split_chunks(text))

    def _tell(self) -> None:
        """Writes the progress, a few times a second while there is some."""
        now_s = self._monotonic_s()
        is_over = self.is_ready and self._wordless == []
        if (self._is_end_told and is_over) or (now_s - self._told_s < COMMIT_S and not is_over):
            return
        self._told_s, self._is_end_told = now_s, is_over
        files, _, _ = self._writer.counts()
        self._begin()
        self._writer.set_progress(
            Progress(
                stage=self._stage,
                files=files + len(self._to_read) + len(self._data_to_read),
                to_read=len(self._to_read) + len(self._data_to_read),
                # That late work has not been counted yet is told as one file.
                to_parse=len(self._agenda) + self.pool.files_given + (self._wordless is None),
                parsed=self._parsed,
                symbols=self._symbols,
                wordless=len(self._wordless or ()),
                quarantined=self._quarantined,
                pid=os.getpid(),
                updated_s=time.time(),
                seconds=self._seconds,
                seconds_to_word_search=self._seconds_to_word_search,
                peak_rss_bytes=peak_rss_bytes() + self.pool.rss_bytes,
            )
        )
        self.commit()

    def _begin(self) -> None:
        if self._batch_began_s is None:
            self._writer.begin()
            self._batch_began_s = self._monotonic_s()


def _language_name(path: str) -> str:
    language = language_of_path(path)
    return language.name if language is not None else ""


def _file_of(path: str) -> str:
    """Returns the path of the file that has this text: the notebook's for a cell."""
    virtual = split_virtual(path)
    return path if virtual is None else virtual[0]
