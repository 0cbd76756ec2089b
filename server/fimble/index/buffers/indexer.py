"""The symbols of all open documents, for a language server's event loop: nothing here waits for a parser.

`BufferIndexer` tells a process of its own what changed and takes note of what it finds. The process is started with the
first document that has a known language, and again when it dies; a document that killed it twice is not parsed again.
"""

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from fimble.errors import FrameInvalid, IndexUnavailable
from fimble.index.buffers.child import COMMAND, Child
from fimble.index.buffers.document import BufferDocument, BufferSymbols
from fimble.index.buffers.messages import Close, Declined, Working
from fimble.index.languages import language_of_editor_id
from fimble.workspace.text import Text

logger = logging.getLogger(__name__)

# The process keeps trees of about 25 times the size of the text; what was not touched for longest goes first.
RESIDENT_BYTES_MAX: Final = 6 * 1024 * 1024
# A process that owes an answer and says nothing for so many looks, a second apart, is killed. The looks are counted,
# not the time, so that a computer that slept does not count.
SILENT_LOOKS_MAX: Final = 30
_LOOK_INTERVAL_S: Final = 1.0
_STARTS_MAX: Final = 20
_STARTS_WINDOW_S: Final = 600.0
_RESTART_PAUSE_S: Final = 0.05

SurfaceChanged = Callable[[str], None]


class BufferIndexer:
    """Follows open documents by their texts; to be used from one event loop.

    `on_surface_change` hears the URI of a document whose names, kinds, nesting, signatures or imports changed.
    """

    def __init__(
        self,
        on_surface_change: SurfaceChanged = lambda uri: None,
        *,
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_surface_change = on_surface_change
        self._command = command
        self._clock = clock
        self._numbers = itertools.count(1)
        self._documents: dict[str, BufferDocument] = {}
        self._by_number: dict[int, BufferDocument] = {}
        # Numbers of documents that the process has, the one that was touched last at the end.
        self._resident: dict[int, None] = {}
        self._to_close: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._has_stopped = False
        self._working: int | None = None
        self._silent_looks = 0
        self._process_id: int | None = None

    @property
    def process_id(self) -> int | None:
        """The number of the process that parses, while there is one."""
        return self._process_id

    def open(self, uri: str, language_id: str, text: Text, version: int) -> None:
        """Starts to follow a document; one without a known language is ignored."""
        self.close(uri)
        language = language_of_editor_id(language_id)
        if language is None or self._has_stopped:
            return
        document = BufferDocument(uri, next(self._numbers), language.name, text, version)
        self._documents[uri] = document
        self._by_number[document.number] = document
        self._follow(document)

    def change(self, uri: str, text: Text, version: int) -> None:
        """Takes note of a document's newer text; what changed is found by comparing it with the older one."""
        document = self._documents.get(uri)
        if document is not None:
            document.replace_text(text, version)
            self._follow(document)

    def close(self, uri: str) -> None:
        """Forgets a document."""
        document = self._documents.pop(uri, None)
        if document is not None:
            del self._by_number[document.number]
            self._dismiss(document)
            document.has_ended = True
            document.wake()

    def symbols(self, uri: str) -> BufferSymbols | None:
        """Returns a document's symbols, or None where none are known or the document is too large."""
        document = self._documents.get(uri)
        return document.symbols() if document is not None else None

    async def parsed(self, uri: str) -> None:
        """Waits until the symbols are those of the document's current text, or no better ones are to be expected."""
        document = self._documents.get(uri)
        while document is not None and not document.is_parsed:
            await _next_answer(document)

    async def settled(self, uri: str) -> None:
        """Waits until nothing more is to be expected for the document's current text, once nobody types."""
        document = self._documents.get(uri)
        while document is not None and not document.is_settled:
            await _next_answer(document)

    async def stop(self) -> None:
        """Ends the process; the symbols that are known stay."""
        self._has_stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _follow(self, document: BufferDocument) -> None:
        if document.is_left_alone:
            self._dismiss(document)
            document.wake()
            return
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="open documents")
            self._task.add_done_callback(self._on_end)
        self._wake.set()

    def _dismiss(self, document: BufferDocument) -> None:
        """Lets the process forget a document."""
        if self._resident.pop(document.number, 0) is None:
            self._to_close[document.number] = None
            self._wake.set()
        document.forget_sent()

    async def _run(self) -> None:
        """Keeps a process running; every way out of it leaves no process behind."""
        starts: deque[float] = deque(maxlen=_STARTS_MAX)
        while len(starts) < _STARTS_MAX or self._clock() - starts[0] > _STARTS_WINDOW_S:
            await self._wake.wait()
            starts.append(self._clock())
            try:
                child = await Child.start(self._command)
            except IndexUnavailable as error:
                logger.warning("%s", error)
                await asyncio.sleep(_RESTART_PAUSE_S)
                continue
            self._process_id = child.pid
            try:
                await self._serve(child)
            finally:
                self._process_id = None
                status = await asyncio.shield(child.kill())
            logger.warning("The process for open documents ended with status %s.", status)
            self._after_death()
            await asyncio.sleep(_RESTART_PAUSE_S)
        logger.error("The process for open documents ends again and again; their symbols stay as they are.")

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """Takes note that there will be no process any more."""
        self._has_stopped = True
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Open documents are not parsed any more.", exc_info=error)
        for document in self._by_number.values():
            document.has_ended = True
            document.wake()

    async def _serve(self, child: Child) -> None:
        tasks = [asyncio.create_task(work) for work in (self._send(child), self._receive(child), self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            try:
                task.result()
            except (IndexUnavailable, FrameInvalid) as error:
                logger.warning("%s", error)

    async def _send(self, child: Child) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            closed, self._to_close = self._to_close, {}
            await child.send([Close(number) for number in closed])
            # The list may change while a process that does not read is waited for.
            for number in [number for number, document in self._by_number.items() if document.is_waiting_to_be_sent]:
                document = self._by_number.get(number)
                if document is None or not document.is_waiting_to_be_sent:
                    continue
                self._resident.pop(number, None)
                self._resident[number] = None
                # A close that is still to be sent would come after the text that replaces what it is about.
                self._to_close.pop(number, None)
                await child.send([document.request()])
            self._make_room()

    async def _receive(self, child: Child) -> None:
        async for answer in child.answers():
            self._silent_looks = 0
            if isinstance(answer, Working):
                self._working = answer.document
                continue
            document = self._by_number.get(answer.document)
            self._working = None
            if document is None:
                continue
            if isinstance(answer, Declined):
                document.has_ended = True
                self._dismiss(document)
            else:
                has_changed = document.take(answer)
                if document.is_waiting_to_be_sent:
                    self._wake.set()
                if has_changed:
                    self._on_surface_change(document.uri)
            document.wake()

    async def _watch(self) -> None:
        """Returns when the process owes an answer and has said nothing for too long."""
        self._silent_looks = 0
        while self._silent_looks < SILENT_LOOKS_MAX:
            await asyncio.sleep(_LOOK_INTERVAL_S)
            owes = any(self._by_number[number].in_flight for number in self._resident if number in self._by_number)
            self._silent_looks = self._silent_looks + 1 if owes else 0

    def _make_room(self) -> None:
        """Lets the process forget what was not touched for longest; what is known of it stays."""
        size = 0
        for number in reversed(list(self._resident)):
            document = self._by_number[number]
            size += document.text.size_bytes
            if size > RESIDENT_BYTES_MAX and document.is_settled and size > document.text.size_bytes:
                self._dismiss(document)

    def _after_death(self) -> None:
        blamed = self._by_number.get(self._working) if self._working is not None else None
        self._working = None
        self._resident.clear()
        self._to_close.clear()
        for document in self._by_number.values():
            document.forget_sent()
        if blamed is not None:
            blamed.deaths += 1
            if blamed.is_left_alone:
                logger.warning("A document is not parsed any more, because parsing it does not end.")
            # Those that can be parsed go first.
            self._by_number[blamed.number] = self._by_number.pop(blamed.number)
            blamed.wake()
        if any(document.is_waiting_to_be_sent for document in self._by_number.values()):
            self._wake.set()


async def _next_answer(document: BufferDocument) -> None:
    waiter = asyncio.get_running_loop().create_future()
    document.waiters.append(waiter)
    await waiter
