"""How far the index of a workspace is; stored with the data that it describes."""

from enum import StrEnum

import msgspec


class Stage(StrEnum):
    """What the index process is doing."""

    NONE = "none"
    """No index process has been here yet."""
    LISTING = "listing"
    """It looks which files there are and which have changed."""
    WORDS = "words"
    """It makes the words of new files searchable; definitions come in meanwhile."""
    SYMBOLS = "symbols"
    """Words can be searched; files are being parsed."""
    READY = "ready"
    """All is known; changes are followed."""
    WITHOUT_STORE = "without-store"
    """Nothing can be written, for example because the disk is full; open files are known nevertheless."""


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts of files, and times.

    `to_read` files have yet to get searchable words, `to_parse` their symbols; `wordless` contents of data formats get
    theirs last. `parsed`, `symbols` and `quarantined` count what this process has done.
    `updated_s` is when it was written (seconds since the epoch), `seconds` and `seconds_to_word_search` are what the
    last full build took from the process's start, `peak_rss_bytes` the most memory that the index process and its
    workers had together.
    """

    stage: Stage = Stage.NONE
    files: int = 0
    to_read: int = 0
    to_parse: int = 0
    parsed: int = 0
    symbols: int = 0
    wordless: int = 0
    quarantined: int = 0
    pid: int = 0
    updated_s: float = 0.0
    seconds: float = 0.0
    seconds_to_word_search: float = 0.0
    peak_rss_bytes: int = 0
    message: str = ""
