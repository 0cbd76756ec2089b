"""Writes to the editor's log what went wrong, never as a popup and never too often."""

from collections.abc import Callable
from typing import Final

from lsprotocol import types

_MESSAGES_MAX: Final = 10
_WINDOW_S: Final = 60.0


class EditorLog:
    """Sends at most ten messages a minute; what is left out is counted in the next one.

    Messages are ours word for word: nothing that the editor or the model wrote goes into them.
    """

    def __init__(self, send: Callable[[types.LogMessageParams], None], monotonic_s: Callable[[], float]) -> None:
        self._send = send
        self._monotonic_s = monotonic_s
        self._window_start_s = float("-inf")
        self._count = 0
        self._left_out = 0

    def error(self, message: str) -> None:
        """Logs that something of ours failed."""
        self._log(types.MessageType.Error, message)

    def warning(self, message: str) -> None:
        """Logs something that the user should set right."""
        self._log(types.MessageType.Warning, message)

    def _log(self, kind: types.MessageType, message: str) -> None:
        now_s = self._monotonic_s()
        if now_s - self._window_start_s >= _WINDOW_S:
            self._window_start_s = now_s
            self._count = 0
        if self._count >= _MESSAGES_MAX:
            self._left_out += 1
            return
        self._count += 1
        if self._left_out:
            message += f" ({self._left_out} earlier messages were left out.)"
            self._left_out = 0
        self._send(types.LogMessageParams(type=kind, message=message))
