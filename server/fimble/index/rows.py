"""The first step from a syntax tree to symbols: rows, which hold nothing but offsets and names.

A tag query is either looked for in the whole tree or, when it captures `@scope` or `@inner`, only among the children
of the root and of what these capture. Walking a whole tree costs a third of parsing it, and most of a tree is the
inside of functions, where few definitions are. tags/README.md says what each capture means.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import tree_sitter

from fimble.index.imports import imports_of
from fimble.index.languages import Grammar, tag_query
from fimble.index.symbols import Kind

NAME_BYTES_MAX: Final = 200
IMPORT_BYTES_MAX: Final = 16_384
# How deep functions, and blocks of functions, are searched in each other; it bounds how often a text is read.
FUNCTION_DEPTH_MAX: Final = 32
_OUTER_CAPTURE: Final = re.compile(r"@(definition\.[a-z_]+|import|scope|inner)\b")
_Captures: TypeAlias = dict[str, list[tree_sitter.Node]]
# Makes a named tuple in half the time that its class takes.
_new_row: Final = tuple.__new__
# The last part of a qualified name, without its template arguments.
_LAST_NAME: Final = re.compile(rb"(operator\b[^\w].*|operator\b.*|~?\s*[A-Za-z_]\w*)\s*(?:<[^:]*>)?$", re.DOTALL)


class Row(NamedTuple):
    """A definition as found in the tree; offsets in bytes, `body` is where its body begins, or -1."""

    start: int
    end: int
    name_start: int
    body: int
    kind: Kind
    name: str


class ImportRow(NamedTuple):
    """An import as found in the tree."""

    start: int
    end: int
    module: str
    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query found, in no particular order and possibly with one definition twice."""

    definitions: list[Row]
    imports: list[ImportRow]


def query_rows(grammar: Grammar, root: tree_sitter.Node, byte_range: tuple[int, int] | None = None) -> Rows:
    """Returns the rows that intersect `byte_range`, or all rows of the tree."""
    low, high = byte_range if byte_range is not None else (-1, root.end_byte + 1)
    if low >= high:
        return Rows([], [])
    plan = _plan(grammar)
    cursor = tree_sitter.QueryCursor(grammar.query)
    if plan.is_scoped:
        cursor.set_max_start_depth(plan.depth)
    if byte_range is not None:
        first = max(low, 0)
        cursor.set_byte_range(_with_neighbours(root, first) if plan.has_neighbours else first, high)
    search = _Search(grammar.language.name, plan, low, high)
    search.run(cursor, root)
    return Rows(search.definitions, search.imports)


def _with_neighbours(root: tree_sitter.Node, low: int) -> int:
    """Returns where a search has to begin to find definitions of which `low` is in a later neighbour."""
    at = min(low, root.end_byte)
    node = root.descendant_for_byte_range(at, at)
    while node is not None:
        # Between two neighbours it is the second that counts, and the first that is to be found.
        before = None
        for child in node.named_children:
            if child.end_byte > at:
                break
            before = child
        if before is not None:
            low = min(low, before.start_byte)
        node = node.parent
    return low


class _Step(NamedTuple):
    """What a pattern of a tag query stands for.

    `capture` captures all of it (empty: the pattern only leads to further ones), `kind` is what it defines (None: an
    import), and `word` is what its text contains if it also counts inside of functions. The first group
    of `name_pattern` is the name within what is captured as the name: without quotes, without a symbol's colon.
    """

    capture: str
    kind: Kind | None
    word: bytes | None
    name_pattern: re.Pattern[bytes] | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to run a tag query."""

    steps: tuple[_Step, ...]
    words: tuple[bytes, ...]
    is_scoped: bool
    depth: int
    has_neighbours: bool
    """Whether some definitions are several nodes next to each other."""


class _Search:
    """A run of a tag query over the root and all scopes, as far as they intersect a range."""

    def __init__(self, language: str, plan: "_Plan", low: int, high: int) -> None:
        self.definitions: list[Row] = []
        self.imports: list[ImportRow] = []
        self._language = language
        self._steps = plan.steps
        self._words = plan.words
        self._low = low
        self._high = high
        # Nodes to search, whether they are inside of a function, and how often text was read on the way there. This
        # is a list and not recursion because sources may nest deeper than Python's stack.
        self._pending: list[tuple[tree_sitter.Node, bool, int]] = []
        # What was put there, by its id: positive where all counts, negative where it is inside of a function. Several
        # patterns may capture one scope, and one that captures its own root finds it again.
        self._known: set[int] = set()

    def run(self, cursor: tree_sitter.QueryCursor, root: tree_sitter.Node) -> None:
        """Fills `definitions` and `imports`."""
        self._pending.append((root, False, 0))
        self._known.add(root.id)
        while self._pending:
            searched, is_local, depth = self._pending.pop()
            for pattern, captures in cursor.matches(searched):
                step = self._steps[pattern]
                if step.capture:
                    node = captures[step.capture][0]
                    if is_local and (step.word is None or step.word not in (node.text or b"")):
                        continue
                    if step.kind is None:
                        self._add_imports(node, captures)
                        continue
                    self._add_definition(step, step.kind, captures)
                if "scope" in captures:
                    if is_local and not step.capture:
                        self._search_function(captures["scope"], depth)
                    else:
                        self._search_all(captures["scope"], depth)
                if "inner" in captures:
                    self._search_function(captures["inner"], depth)

    def _add_definition(self, step: _Step, kind: Kind, captures: _Captures) -> None:
        # A definition may be several neighbours: Dart's functions are a signature and a body.
        nodes = captures[step.capture]
        start = nodes[0].start_byte
        end = nodes[-1].end_byte
        if start >= self._high or end <= self._low:
            return
        if "name" in captures:
            name_node = captures["name"][0]
            name = name_node.text
            name_start = name_node.start_byte
            if step.name_pattern is not None:
                match = step.name_pattern.search(name or b"")
                if match is None:
                    return
                name = match[1]
                name_start += match.start(1)
        else:
            name, name_start, kind = _unqualified(captures["qualified"][0], kind)
        if not name or len(name) > NAME_BYTES_MAX or b"\n" in name:
            return
        body = captures.get("body") or captures.get("scope") or captures.get("inner")
        body_start = body[0].start_byte if body is not None else -1
        self.definitions.append(
            _new_row(Row, (start, end, name_start, body_start, kind, name.decode("utf-8", "replace")))
        )

    def _add_imports(self, node: tree_sitter.Node, captures: _Captures) -> None:
        start = node.start_byte
        end = node.end_byte
        if start >= self._high or end <= self._low:
            return
        if "module" in captures:
            module = _text(captures["module"])
            name = _text(captures.get("imported"))
            self.imports.append(ImportRow(start, end, module, name, _text(captures.get("alias"))))
            return
        statement = (node.text or b"")[:IMPORT_BYTES_MAX].decode("utf-8", "replace")
        for module, name, alias in imports_of(self._language, statement):
            self.imports.append(_new_row(ImportRow, (start, end, module, name, alias)))

    def _search_all(self, scopes: list[tree_sitter.Node], depth: int) -> None:
        for scope in scopes:
            if scope.id not in self._known and scope.start_byte < self._high and scope.end_byte > self._low:
                self._known.add(scope.id)
                self._pending.append((scope, False, depth))

    def _search_function(self, scopes: list[tree_sitter.Node], depth: int) -> None:
        """Puts down scopes inside of functions if there may be something in them, at the price of reading them."""
        if depth >= FUNCTION_DEPTH_MAX:
            return
        for scope in scopes:
            if scope.start_byte >= self._high or scope.end_byte <= self._low or -scope.id in self._known:
                continue
            text = scope.text or b""
            for word in self._words:
                if word in text:
                    self._known.add(-scope.id)
                    self._pending.append((scope, True, depth + 1))
                    break


@cache
def _plan(grammar: Grammar) -> _Plan:
    query = grammar.query
    text = tag_query(grammar.language).encode()
    steps: list[_Step] = []
    is_scoped = has_neighbours = False
    depth = 1
    for pattern in range(query.pattern_count):
        pattern_text = text[query.start_byte_for_pattern(pattern) : query.end_byte_for_pattern(pattern)]
        found = set(_OUTER_CAPTURE.findall(pattern_text.decode()))
        outer = found - {"scope", "inner"}
        if not found or len(outer) > 1:
            raise ValueError(f"Pattern {pattern} of {grammar.language.tags_file} does not capture one thing.")
        is_scoped = is_scoped or outer != found
        capture = "".join(outer)
        kind = Kind[capture.removeprefix("definition.").upper()] if capture.startswith("definition.") else None
        settings = query.pattern_settings(pattern)
        word = settings.get("word")
        has_neighbours = has_neighbours or "neighbours" in settings
        depth = max(depth, int(settings.get("depth") or 1))
        name = settings.get("name")
        name_pattern = re.compile(name.encode()) if name else None
        steps.append(_Step(capture, kind, word.encode() if word else None, name_pattern))
    words = dict.fromkeys(step.word for step in steps if step.word is not None)
    return _Plan(tuple(steps), tuple(words), is_scoped, depth, has_neighbours)


def _unqualified(node: tree_sitter.Node, kind: Kind) -> tuple[bytes, int, Kind]:
    """Returns the last part of a qualified name, where it starts, and what such a name says of its kind."""
    text = node.text or b""
    match = _LAST_NAME.search(text)
    if match is None:
        return text, node.start_byte, kind
    if kind is Kind.FUNCTION and match.start():
        is_constructor = re.search(rb"\b" + re.escape(match[1]) + rb"\b", text[: match.start()]) is not None
        kind = Kind.CONSTRUCTOR if is_constructor and not match[1].startswith(b"operator") else Kind.METHOD
    return match[1], node.start_byte + match.start(), kind


def _text(nodes: Iterable[tree_sitter.Node] | None) -> str:
    # More than one node is a path in pieces, as Scala's imports have it.
    text = b"".join([node.text or b"" for node in nodes or ()]).decode("utf-8", "replace")
    return text.strip("\"'`<>") if text.startswith(('"', "'", "`", "<")) else text
