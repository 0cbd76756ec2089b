"""Where in a text a name stands as a name: found by a regular expression, judged by the syntax tree."""

import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import tree_sitter

from fimble.index.extraction import file_symbols, query_rows
from fimble.index.files.source import PARSE_BYTES_MAX
from fimble.index.languages import Grammar, Language, grammar_of
from fimble.index.lines import line_starts
from fimble.index.symbols import FileSymbols

_PARSE_S_MAX: Final = 0.3
_PIECE_BYTES: Final = 64 * 1024
_CLIMB_MAX: Final = 12
_OCCURRENCES_MAX: Final = 2_000

_TEXT_TYPE: Final = re.compile(r"comment|string|char|heredoc|regex|^text$|_text$|documentation|content")
# Inside of a string, these hold code again.
_CODE_TYPE: Final = re.compile(r"interpolation|substitution|expansion|embedded|template_type")
_CALL_TYPE: Final = re.compile(r"call|invocation|new_expression|object_creation|constructor_invocation")
_MEMBER_TYPE: Final = re.compile(
    r"attribute|member|dot_index|method_index|field_expression|selector_expression|scoped|qualified|navigation|generic|optional_chain"
    r"|nested_identifier|instantiation_expression|template_function|dotted_name"
)
_DECORATOR_TYPE: Final = re.compile(r"decorator|annotation")
_ARGUMENTS_TYPE: Final = re.compile(r"argument|parameters|block|body|index|lambda")
_CALL_FIELDS: Final = ("function", "name", "constructor", "method", "macro", "type", "target")
_PARENTHESIS: Final = re.compile(rb"\s*(?:::)?(?:<[\w\s,.<>\[\]]{0,80}>)?\s*!?\(")


class Occurrence(NamedTuple):
    """A place in a text: its offset in bytes, line and column in code points, and whether it is called there."""

    start: int
    line: int
    column: int
    is_call: bool


class Occurrences(NamedTuple):
    """All places of a name in a text; `symbols` are the text's own, None where it could not be parsed."""

    places: list[Occurrence]
    symbols: FileSymbols | None


def occurrences(
    source: bytes, language: Language | None, name: str, *, clock: Callable[[], float] = time.monotonic
) -> Occurrences:
    """Returns where a text uses `name`, not counting comments and strings.

    Where the text cannot be parsed in time, words that look like the name count, wherever they are.
    """
    offsets = _word_offsets(source, name)
    if not offsets:
        return Occurrences([], None)
    grammar = grammar_of(language) if language is not None and len(source) <= PARSE_BYTES_MAX else None
    root = _parsed(grammar, source, clock) if grammar is not None else None
    length = len(name.encode("utf-8", "surrogateescape"))
    lines = line_starts(source)
    places: list[Occurrence] = []
    for offset in offsets:
        if root is None:
            is_call = _PARENTHESIS.match(source, offset + length) is not None
        else:
            node = root.descendant_for_byte_range(offset, offset + length)
            if node is None or not _is_name(node, offset, offset + length):
                continue
            is_call = _is_called(node)
        line = bisect_right(lines, offset) - 1
        column = len(source[lines[line] : offset].decode("utf-8", "replace"))
        places.append(Occurrence(offset, line, column, is_call))
    if root is None or grammar is None:
        return Occurrences(places, None)
    symbols = file_symbols(grammar.language, source, query_rows(grammar, root), is_broken=root.has_error)
    return Occurrences(places, symbols)


def line_text(source: bytes, offset: int, characters_max: int) -> str:
    """Returns the line at an offset, without the blanks at its end."""
    start = max(source.rfind(b"\n", 0, offset), source.rfind(b"\r", 0, offset)) + 1
    end = source.find(b"\n", offset)
    text = source[start : end if end >= 0 else len(source)][: 4 * characters_max]
    return text.decode("utf-8", "replace").rstrip()[:characters_max]


def _word_offsets(source: bytes, name: str) -> list[int]:
    found: list[int] = []
    for match in _word(name).finditer(source):
        found.append(match.start())
        if len(found) == _OCCURRENCES_MAX:
            break
    return found


@lru_cache(64)
def _word(name: str) -> re.Pattern[bytes]:
    word = re.escape(name.encode("utf-8", "surrogateescape"))
    before = rb"(?<![A-Za-z0-9_\x80-\xff])" if re.match(r"\w", name) else b""
    after = rb"(?![A-Za-z0-9_\x80-\xff])" if re.search(r"\w$", name) else b""
    return re.compile(before + word + after)


def _parsed(grammar: Grammar, source: bytes, clock: Callable[[], float]) -> tree_sitter.Node | None:
    until_s = clock() + _PARSE_S_MAX
    parser = tree_sitter.Parser(grammar.parser_language)
    try:
        tree = parser.parse(
            lambda offset, _point: source[offset : offset + _PIECE_BYTES],
            progress_callback=lambda _offset, _has_error: clock() > until_s,
        )
    except ValueError:
        return None
    return tree.root_node


def _is_name(node: tree_sitter.Node, start: int, end: int) -> bool:
    if node.start_byte < start - 1 or node.end_byte > end + 1:
        # A longer token holds it: a string, a comment, a text, or something that the grammar does not take apart.
        return False
    for around in _upwards(node):
        if _CODE_TYPE.search(around.type):
            return True
        if _TEXT_TYPE.search(around.type) and not around.type.endswith("identifier"):
            return False
    return True


def _upwards(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    at: tree_sitter.Node | None = node
    for _ in range(_CLIMB_MAX):
        if at is None or at.parent is None:
            return
        yield at
        at = at.parent


def _is_called(node: tree_sitter.Node) -> bool:
    for at in _upwards(node):
        parent = at.parent
        if parent is None:
            return False
        if _DECORATOR_TYPE.search(parent.type):
            return True
        if _CALL_TYPE.search(parent.type) and not _ARGUMENTS_TYPE.search(parent.type):
            return any(parent.child_by_field_name(field) == at for field in _CALL_FIELDS) or (
                bool(parent.named_children) and parent.named_children[0] == at
            )
        # Of `a.b.name` only the last is what is called.
        if not _MEMBER_TYPE.search(parent.type) or (parent.end_byte > at.end_byte and not _is_generic(parent)):
            return False
    return False


def _is_generic(node: tree_sitter.Node) -> bool:
    return "generic" in node.type or "instantiation" in node.type or "template" in node.type
