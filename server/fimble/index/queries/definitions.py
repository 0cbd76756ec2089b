"""Where a name is defined, the likeliest place first: around the cursor, through imports, near by, elsewhere."""

from collections.abc import Iterator, Sequence
from typing import Final

from fimble.index.queries.candidates import (
    Candidate,
    candidates_in,
    exactly,
    open_candidates,
    read_definitions,
    stored_candidates,
)
from fimble.index.queries.imports import files_of, resolve_all
from fimble.index.queries.imports.workspace_files import WorkspaceFiles
from fimble.index.queries.nearness import Nearness
from fimble.index.queries.view import Definition, View
from fimble.index.symbols import FUNCTIONS, FileSymbols, Import, Kind, Symbol

# A name that thousands of files define is looked for in the nearest of this many.
_POSTINGS_MAX: Final = 600
_READ_MAX: Final = 120
_HOPS_MAX: Final = 3
_HOP_FILES_MAX: Final = 24
_IMPORTED_FILES_MAX: Final = 60

IN_SCOPE: Final = 1_000.0
IN_FILE: Final = 800.0
IMPORTED: Final = 900.0
IN_IMPORTED_FILE: Final = 400.0
_HOP_MALUS: Final = 10.0
_DEPTH_BONUS: Final = 5.0
_MALUS: Final = {
    Kind.IMPLEMENTATION: 5.0,
    Kind.KEY: 30.0,
    Kind.SECTION: 30.0,
    Kind.SELECTOR: 30.0,
    Kind.MODULE: 2.0,
}
# What is defined inside of a function can be used there only.
_HIDDEN_MALUS: Final = 200.0


def definitions(view: View, name: str, *, path: str = "", line: int | None = None, limit: int = 50) -> list[Definition]:
    """Returns definitions of exactly `name` as the place `path`:`line` would mean it, best first.

    A name that the file imports under an alias is followed to what it stands for.
    """
    if not name or limit <= 0:
        return []
    with view.reader.reading():
        found = _Found()
        nearness = Nearness(path)
        own = view.symbols(path) if path else None
        if own is not None:
            _add_own(found, path, own, name, line)
            _add_imported(found, view, path, own, name)
        _add_others(found, view, nearness, name, path)
        best = sorted(found.scores.items(), key=lambda entry: (-entry[1], entry[0].path, entry[0].line))[:limit]
        return read_definitions(view, best)


class _Found:
    """Candidates with the best score that any way to them gave."""

    def __init__(self) -> None:
        self.scores: dict[Candidate, float] = {}

    def add(self, candidate: Candidate, score: float) -> None:
        score -= _MALUS.get(candidate.kind, 0.0)
        if score > self.scores.get(candidate, float("-inf")):
            self.scores[candidate] = score


def _add_own(found: _Found, path: str, own: FileSymbols, name: str, line: int | None) -> None:
    for candidate in candidates_in(path, own, lambda other: other == name):
        parent = own.symbols[candidate.number].parent
        if parent < 0:
            # What is at the top is seen from everywhere in the file.
            found.add(candidate, IN_SCOPE)
        elif line is not None and own.symbols[parent].start_line <= line <= own.symbols[parent].end_line:
            found.add(candidate, IN_SCOPE + _DEPTH_BONUS * _depth(own.symbols, parent))
        elif own.symbols[parent].kind in FUNCTIONS and line is not None:
            found.add(candidate, IN_FILE - _HIDDEN_MALUS)
        else:
            found.add(candidate, IN_FILE)


def _depth(symbols: Sequence[Symbol], number: int) -> int:
    depth = 0
    while 0 <= number < len(symbols) and depth < 100:
        number = symbols[number].parent
        depth += 1
    return depth


def _add_imported(found: _Found, view: View, path: str, own: FileSymbols, name: str) -> None:
    files = files_of(view)
    bound = [import_ for import_ in own.imports if _binds(import_, name)]
    for candidate, hops in _followed(view, files, path, bound, name):
        found.add(candidate, IMPORTED - _HOP_MALUS * hops)
    # What `module.name` or `instance.name` may mean: something in a file that this one imports.
    others = resolve_all(view, path, own.imports, files)
    reached = list(dict.fromkeys(file for some in others for file in some))[:_IMPORTED_FILES_MAX]
    for candidate in _in_files(view, reached, name):
        is_hidden = candidate.parent_kind in FUNCTIONS
        found.add(candidate, IN_IMPORTED_FILE - (_HIDDEN_MALUS if is_hidden else 0.0))


def _followed(
    view: View, files: WorkspaceFiles, path: str, imports: Sequence[Import], name: str
) -> Iterator[tuple[Candidate, int]]:
    """Yields what imports of `name` lead to, through files that only pass it on, and over how many steps."""
    waiting = [(path, import_, import_.name or name, 0) for import_ in imports]
    seen: set[tuple[str, str]] = set()
    while waiting and len(seen) < _HOP_FILES_MAX:
        at, import_, wanted, hops = waiting.pop(0)
        wanted = name if wanted in {"*", "default"} else wanted
        for target in resolve_all(view, at, [import_], files)[0]:
            if (target, wanted) in seen:
                continue
            seen.add((target, wanted))
            symbols = view.symbols(target)
            if symbols is None:
                continue
            inside = [
                candidate
                for candidate in candidates_in(target, symbols, lambda other, wanted=wanted: other == wanted)  # type: ignore[misc]
                if candidate.parent_kind not in FUNCTIONS
            ]
            for candidate in inside:
                yield candidate, hops + (0 if not candidate.container else 1)
            if not inside and hops + 1 < _HOPS_MAX:
                waiting.extend(
                    (target, passed, passed.name or wanted, hops + 1)
                    for passed in symbols.imports
                    if _binds(passed, wanted)
                )


def _binds(import_: Import, name: str) -> bool:
    """Returns whether an import may make `name` known in its file."""
    if import_.alias:
        return import_.alias == name
    if import_.name:
        return import_.name in {name, "*"}
    # An import of the module alone: `import a.b`, `use a::b::C`, `import a.b.C;`.
    return import_.module.replace("::", ".").replace("/", ".").rpartition(".")[2] == name


def _in_files(view: View, paths: Sequence[str], name: str) -> Iterator[Candidate]:
    for path in paths:
        if path in view.open_files:
            yield from candidates_in(path, view.open_files[path].symbols, lambda other: other == name)
    contents: dict[int, list[str]] = {}
    for path in paths:
        entry = view.reader.file(path)
        if entry is not None and entry.content is not None:
            contents.setdefault(entry.content, []).append(path)
    yield from stored_candidates(view, list(contents), exactly(name), contents)


def _add_others(found: _Found, view: View, nearness: Nearness, name: str, own_path: str) -> None:
    entries = view.reader.entries_of(view.reader.defining(name, _POSTINGS_MAX))
    scores: dict[str, float] = {}
    contents: dict[int, list[str]] = {}
    for content, some in entries.items():
        for entry in some:
            scores[entry.path] = nearness.of(entry.path, entry.flags)
            contents.setdefault(content, []).append(entry.path)
    nearest = sorted(contents, key=lambda content: -max(scores[path] for path in contents[content]))[:_READ_MAX]
    for candidate in stored_candidates(view, nearest, exactly(name), contents):
        if candidate.path != own_path:
            found.add(candidate, scores[candidate.path] - (_HIDDEN_MALUS if candidate.parent_kind in FUNCTIONS else 0))
    for candidate in open_candidates(view, lambda other: other == name):
        if candidate.path != own_path:
            hidden = _HIDDEN_MALUS if candidate.parent_kind in FUNCTIONS else 0
            found.add(candidate, nearness.of(candidate.path) - hidden)
