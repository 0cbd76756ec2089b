"""Open documents through the real process that parses them."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from fimble.index.buffers.child import COMMAND
from fimble.index.buffers.document import DEATHS_MAX, IN_FLIGHT_MAX, BufferDocument, BufferSymbols
from fimble.index.buffers.indexer import RESIDENT_BYTES_MAX, BufferIndexer
from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_named
from fimble.workspace.documents import DOCUMENT_BYTES_MAX
from fimble.workspace.text import Text

URI = "file:///project/shop.py"
TIMEOUT_S = 30.0
SHOP = '''\
class Order:
    """What somebody ordered: Zoë."""

    def total(self):
        return 1


def post(address):
    return address
'''


class Listener:
    """Remembers which documents changed their surface."""

    def __init__(self) -> None:
        self.uris: list[str] = []

    def __call__(self, uri: str) -> None:
        self.uris.append(uri)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def indexer(listener: Listener) -> AsyncIterator[BufferIndexer]:
    indexer = BufferIndexer(listener)
    yield indexer
    await indexer.stop()


async def parsed(indexer: BufferIndexer, uri: str = URI) -> BufferSymbols:
    await asyncio.wait_for(indexer.parsed(uri), TIMEOUT_S)
    return known(indexer, uri)


async def settled(indexer: BufferIndexer, uri: str = URI) -> BufferSymbols:
    await asyncio.wait_for(indexer.settled(uri), TIMEOUT_S)
    return known(indexer, uri)


def known(indexer: BufferIndexer, uri: str = URI) -> BufferSymbols:
    symbols = indexer.symbols(uri)
    assert symbols is not None
    return symbols


def names(symbols: BufferSymbols) -> list[str]:
    return [symbol.name for symbol in symbols.symbols.symbols]


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_open_document_has_symbols_once_it_is_parsed(indexer: BufferIndexer) -> None:
    indexer.open(URI, "python", Text(SHOP), 1)
    assert indexer.symbols(URI) is None
    symbols = await settled(indexer)
    assert (symbols.version, symbols.is_complete, symbols.stale) == (1, True, frozenset())
    assert names(symbols) == ["Order", "total", "post"]


async def test_while_somebody_types_symbols_are_at_their_places_before_and_after_each_parse(
    indexer: BufferIndexer,
) -> None:
    text = Text(SHOP)
    indexer.open(URI, "python", text, 1)
    await parsed(indexer)
    place = SHOP.index("return 1")
    for version, character in enumerate('x = "😀"\n        y = (2,\n    3)\n        ', 2):
        text = text.replace(place, place, character)
        place += 1
        indexer.change(URI, text, version)
        for symbols in (known(indexer), await parsed(indexer)):
            assert symbols.version == version
            assert names(symbols) == ["Order", "total", "post"]
            for symbol in symbols.symbols.symbols:
                assert text.line(symbol.line)[symbol.column :].startswith(symbol.name)
        assert known(indexer).is_complete
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    assert (await settled(indexer)).symbols == extract(grammar, text.content.encode())


async def test_readers_hear_of_a_surface_only_when_it_changed(indexer: BufferIndexer, listener: Listener) -> None:
    text = Text(SHOP)
    indexer.open(URI, "python", text, 1)
    await settled(indexer)
    assert listener.uris == [URI]
    text = text.replace(SHOP.index("1\n"), SHOP.index("1\n"), "2 + ")
    indexer.change(URI, text, 2)
    await settled(indexer)
    assert listener.uris == [URI]
    text = text.replace(0, 0, "import json\n")
    indexer.change(URI, text, 3)
    await settled(indexer)
    assert listener.uris == [URI, URI]


async def test_after_random_changes_the_symbols_equal_those_of_a_fresh_parse(indexer: BufferIndexer) -> None:
    chance = random.Random(7)
    language = language_named("typescript")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    content = "export class A {\n  b(): void {}\n}\n\nfunction c(x = '漢') { return `😀${x}` }\n" * 40
    text = Text(content)
    indexer.open("file:///a.ts", "typescript", text, 0)
    for version in range(1, 80):
        start = chance.randrange(0, len(text) + 1)
        new = chance.choice(["x", " ", "\n", "{", "}", "'", "`", "class ", "é", "", content[start : start + 90]])
        text = text.replace(start, start + chance.choice([0, 0, 1, 30]), new)
        indexer.change("file:///a.ts", text, version)
        # Some are answered one by one, others overtake each other.
        if chance.random() < 0.5:
            await parsed(indexer, "file:///a.ts")
    text = Text(content)
    indexer.change("file:///a.ts", text, 99)
    symbols = await settled(indexer, "file:///a.ts")
    assert (symbols.version, symbols.stale) == (99, frozenset())
    assert symbols.symbols == extract(grammar, content.encode())


async def test_a_burst_of_changes_ends_with_the_newest(indexer: BufferIndexer) -> None:
    text = Text(SHOP * 2000)
    indexer.open(URI, "python", text, 1)
    for version in range(2, 2 + 4 * IN_FLIGHT_MAX):
        text = text.replace(0, 0, "#")
        indexer.change(URI, text, version)
        if version % 3 == 0:
            await asyncio.sleep(0)
    text = Text("def last(): pass\n")
    indexer.change(URI, text, 999)
    symbols = await parsed(indexer)
    assert (symbols.version, names(symbols)) == (999, ["last"])


async def test_symbols_that_a_broken_text_hides_stay_and_are_marked(indexer: BufferIndexer) -> None:
    text = Text(SHOP)
    indexer.open(URI, "python", text, 1)
    await settled(indexer)
    indexer.change(URI, Text("f('''" + SHOP), 2)
    symbols = await settled(indexer)
    assert names(symbols) == ["Order", "total", "post"]
    assert symbols.stale == frozenset({0, 1, 2})
    assert symbols.symbols.is_broken
    indexer.change(URI, Text("f('''" + SHOP + "''')\n"), 3)
    symbols = await settled(indexer)
    assert (names(symbols), symbols.stale, symbols.symbols.is_broken) == ([], frozenset(), False)


async def test_documents_of_unknown_languages_are_ignored(indexer: BufferIndexer) -> None:
    indexer.open("file:///a.txt", "plaintext", Text("hello\n"), 1)
    indexer.change("file:///a.txt", Text("hello you\n"), 2)
    await asyncio.wait_for(indexer.settled("file:///a.txt"), TIMEOUT_S)
    assert indexer.symbols("file:///a.txt") is None
    assert indexer.process_id is None
    indexer.close("file:///a.txt")


async def test_documents_that_are_not_open_are_ignored(indexer: BufferIndexer) -> None:
    indexer.change(URI, Text(SHOP), 2)
    indexer.close(URI)
    await asyncio.wait_for(indexer.settled(URI), TIMEOUT_S)
    assert indexer.symbols(URI) is None


async def test_a_text_over_the_size_cap_has_no_symbols_until_it_shrinks(indexer: BufferIndexer) -> None:
    large = "# " + "x" * DOCUMENT_BYTES_MAX + "\n" + SHOP
    indexer.open(URI, "python", Text(large), 1)
    await asyncio.wait_for(indexer.settled(URI), TIMEOUT_S)
    assert indexer.symbols(URI) is None
    indexer.change(URI, Text(SHOP), 2)
    assert names(await settled(indexer)) == ["Order", "total", "post"]
    indexer.change(URI, Text(large), 3)
    await asyncio.wait_for(indexer.settled(URI), TIMEOUT_S)
    assert indexer.symbols(URI) is None


async def test_each_cell_of_a_notebook_is_a_document_of_its_own(indexer: BufferIndexer) -> None:
    for number in range(3):
        indexer.open(f"notebook-cell:/book.ipynb#{number}", "python", Text(f"def cell{number}(): pass\n"), 1)
    indexer.open("notebook-cell:/book.ipynb#3", "markdown", Text("# Title\n"), 1)
    found = [names(await settled(indexer, f"notebook-cell:/book.ipynb#{number}")) for number in range(4)]
    assert found == [["cell0"], ["cell1"], ["cell2"], ["Title"]]


async def test_a_document_may_be_closed_and_opened_while_it_is_parsed(indexer: BufferIndexer) -> None:
    for _ in range(3):
        indexer.open(URI, "python", Text(SHOP * 3000), 1)
        await asyncio.sleep(0.03)
        waiting = asyncio.create_task(indexer.settled(URI))
        await asyncio.sleep(0)
        indexer.close(URI)
        assert indexer.symbols(URI) is None
        await asyncio.wait_for(waiting, TIMEOUT_S)
    indexer.open(URI, "python", Text(SHOP), 1)
    assert names(await settled(indexer)) == ["Order", "total", "post"]


async def test_many_documents_keep_their_symbols_though_the_process_keeps_few(indexer: BufferIndexer) -> None:
    content = SHOP * 3000
    count = RESIDENT_BYTES_MAX // len(content.encode()) + 6
    for number in range(count):
        indexer.open(f"file:///{number}.py", "python", Text(content + f"def last{number}(): pass\n"), 1)
    for number in range(count):
        assert names(await settled(indexer, f"file:///{number}.py"))[-1] == f"last{number}"
    indexer.change("file:///0.py", Text(content + "def changed(): pass\n"), 2)
    assert names(known(indexer, "file:///0.py"))[-1] == "last0"
    assert names(await settled(indexer, "file:///0.py"))[-1] == "changed"


async def test_when_the_process_dies_the_symbols_stay_and_another_one_goes_on(indexer: BufferIndexer) -> None:
    indexer.open(URI, "python", Text(SHOP), 1)
    await settled(indexer)
    first = indexer.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: indexer.process_id != first)
    assert names(known(indexer)) == ["Order", "total", "post"]
    indexer.change(URI, Text(SHOP + "late = 1\n"), 2)
    assert names(await settled(indexer)) == ["Order", "total", "post", "late"]


async def test_a_document_on_which_the_parser_stands_still_is_left_alone_and_the_others_go_on() -> None:
    """While it recovers from errors, C#'s parser calls nobody back: seconds for this text, at any deadline."""
    indexer = BufferIndexer(command=(*COMMAND, "0.5"))
    indexer.open("file:///bad.cs", "csharp", Text("class A { void f() { " + "a<b<c<" * 8000), 1)
    indexer.open(URI, "python", Text(SHOP), 1)
    await asyncio.wait_for(indexer.settled("file:///bad.cs"), TIMEOUT_S)
    assert indexer.symbols("file:///bad.cs") is None
    assert names(await settled(indexer)) == ["Order", "total", "post"]
    # Its like without the trap is fine, and so is the same document when it is opened again.
    indexer.open("file:///good.cs", "csharp", Text("class B { void f() {} }"), 1)
    assert names(await settled(indexer, "file:///good.cs")) == ["B", "f"]
    indexer.open("file:///bad.cs", "csharp", Text("class A { void f() {} }"), 2)
    assert names(await settled(indexer, "file:///bad.cs")) == ["A", "f"]
    await indexer.stop()


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-c", "raise SystemExit(3)"),
        (sys.executable, "-c", "print('nonsense' * 99)"),
        ("/nowhere/python",),
    ],
)
async def test_a_process_that_does_not_work_leaves_documents_without_symbols_and_nobody_waiting(
    command: tuple[str, ...],
) -> None:
    indexer = BufferIndexer(command=command)
    indexer.open(URI, "python", Text(SHOP), 1)
    await asyncio.wait_for(indexer.settled(URI), TIMEOUT_S)
    assert indexer.symbols(URI) is None
    assert indexer.process_id is None
    await indexer.stop()


async def test_stopping_leaves_no_process(indexer: BufferIndexer) -> None:
    indexer.open(URI, "python", Text(SHOP), 1)
    await settled(indexer)
    process_id = indexer.process_id
    assert process_id is not None
    await indexer.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
    assert names(known(indexer)) == ["Order", "total", "post"]


async def test_the_process_ends_when_its_input_does() -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0


def test_what_waits_for_the_process_is_bounded() -> None:
    document = BufferDocument(URI, 1, "python", Text(SHOP), 1)
    for number in range(10 * IN_FLIGHT_MAX):
        if document.is_waiting_to_be_sent:
            document.request()
        document.replace_text(Text(SHOP + "x" * number), number)
    assert len(document.in_flight) == IN_FLIGHT_MAX
    document.deaths = DEATHS_MAX
    assert not document.is_waiting_to_be_sent
