"""What a language server and its index process tell each other: lines of JSON through the process's pipes."""

from typing import Final

import msgspec

EXIT_ALREADY_RUNNING: Final = 75
"""Another process writes this index (EX_TEMPFAIL of sysexits.h)."""
EXIT_WITHOUT_STORE: Final = 73
"""The database cannot be made (EX_CANTCREAT of sysexits.h)."""
EXIT_STORE_GONE: Final = 74
"""Somebody deleted the database; another process makes it anew (EX_IOERR of sysexits.h)."""


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """To the process. Paths are relative to the root.

    `opened` are all files that are open in editors now, if that changed; `soon` files that will be wanted next, for
    example what the open ones import; `changed` files that were just saved.
    """

    opened: list[str] | None = None
    soon: list[str] = []
    changed: list[str] = []


class Trouble(msgspec.Struct, frozen=True):
    """From the process: one sentence that says what is wrong and what to do; empty when all is well again."""

    message: str
