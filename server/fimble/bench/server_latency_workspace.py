"""Makes a workspace of many Python and TypeScript files that import each other, the same ones for the same seed.

Speed depends on how many files there are, how long they are and how often names meet, not on what the code does.
"""

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

# Two thirds of the files are Python's.
_PYTHON_OF: Final = 3
_FILES_PER_FOLDER: Final = 20
# Modules import from their neighbourhood, as packages do.
_NEAR: Final = 200
_IMPORTS: Final = (2, 4)
_FUNCTIONS: Final = (2, 6)
# Imports that are further up than the model sees are the rule in long files.
_LONG_IMPORTS: Final = 12
LONG_LINES: Final = 1000
_STATEMENTS: Final = 400
_STATEMENT_MIN: Final = 20
_LANGUAGES: Final = {".py": "python", ".ts": "typescript"}
_LEFT_OUT: Final = ("node_modules", "__pycache__")
_BYTES_MAX: Final = 1_000_000

_VERBS: Final = (
    "load", "merge", "count", "parse", "render", "check", "split", "fetch", "store", "resolve", "collect", "group",
    "update", "remove", "select", "match", "order", "encode", "measure", "compare", "restore", "publish", "convert",
)  # fmt: skip
_NOUNS: Final = (
    "invoice", "customer", "shipment", "ticket", "account", "payment", "product", "message", "schedule", "report",
    "address", "contract", "delivery", "session", "template", "warehouse", "discount", "campaign", "document",
    "package", "currency", "employee", "location", "category", "supplier", "question", "vehicle", "reminder",
)  # fmt: skip
_WHAT: Final = ("", "", "batch", "history", "draft", "total", "group", "entry")


@dataclass(frozen=True, slots=True)
class Module:
    """The names of one file: what it is called, and what others may import of it."""

    is_python: bool
    folder: str
    name: str
    functions: tuple[str, ...]
    kind: str
    members: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file, relative to the workspace."""
        return f"{self.folder}/{self.name}.{'py' if self.is_python else 'ts'}"


@dataclass(frozen=True, slots=True)
class LongFile:
    """A file to type in: `statements` are lines that use what it imports, without indentation."""

    path: str
    language: str
    text: str
    statements: tuple[str, ...]


def make_workspace(root: Path, *, files: int, seed: int) -> tuple[LongFile, ...]:
    """Writes `files` files below `root`; returns those to type in, one per language, which are among them."""
    long = tuple(_long(seed, files, number) for number in (0, _PYTHON_OF - 1))
    for number in range(files):
        module = _module(seed, number)
        _write(root / module.path, _text(module, _imported(seed, files, number), _source(seed, number, "text")))
    for one in long:
        _write(root / one.path, one.text)
    return long


def long_files(root: Path, *, seed: int) -> tuple[LongFile, ...]:
    """Returns the Python and the TypeScript file below `root` whose lengths are nearest to `LONG_LINES`.

    What is typed in them are lines of their own.
    """
    nearest: dict[str, tuple[int, Path, str]] = {}
    for name_of_folder, folders, names in os.walk(root):
        folder = Path(name_of_folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(names):
            language = _LANGUAGES.get(Path(name).suffix)
            text = _read(folder / name) if language else ""
            distance = abs(text.count("\n") - LONG_LINES)
            if language and text and (language not in nearest or distance < nearest[language][0]):
                nearest[language] = (distance, folder / name, text)
    found = []
    for language, (_, file, text) in sorted(nearest.items()):
        lines = [line.strip() for line in text.split("\n") if len(line.strip()) >= _STATEMENT_MIN]
        source = _source(seed, 0, language)
        statements = tuple(source.choices(lines, k=_STATEMENTS)) if lines else ()
        found.append(LongFile(file.relative_to(root).as_posix(), language, text, statements))
    return tuple(one for one in found if one.statements)


def _write(file: Path, text: str) -> None:
    # A workspace that is there already stays as it is, so that its index has nothing to do.
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _read(file: Path) -> str:
    """Returns the text of a file; nothing where it is no text, or too long to be edited."""
    try:
        return file.read_text(encoding="utf-8") if file.stat().st_size <= _BYTES_MAX else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _source(seed: int, number: int, use: str) -> random.Random:
    # Each file draws for itself, so that its names are known without those of the files before it.
    return random.Random(f"{seed} {number} {use}")  # noqa: S311 - sample code, not a secret.


def _module(seed: int, number: int) -> Module:
    source = _source(seed, number, "names")
    is_python = _is_python(number)
    noun, folder = source.choice(_NOUNS), number // _FILES_PER_FOLDER
    count = source.randint(*_FUNCTIONS)
    spelled = _snake if is_python else _camel
    return Module(
        is_python=is_python,
        folder=f"package_{folder:03}" if is_python else f"web/feature{folder:03}",
        name=spelled(noun, source.choice(_WHAT), str(number % _FILES_PER_FOLDER)),
        functions=tuple(
            dict.fromkeys(
                spelled(source.choice(_VERBS), source.choice(_NOUNS), source.choice(_WHAT)) for _ in range(count)
            )
        ),
        kind="".join(word.capitalize() for word in (noun, source.choice(_WHAT), "store")),
        members=tuple(dict.fromkeys(spelled(source.choice(_VERBS), source.choice(_NOUNS)) for _ in range(3))),
    )


def _imported(seed: int, files: int, number: int, count: int = 0) -> list[Module]:
    source, is_python = _source(seed, number, "imports"), _is_python(number)
    first, last = max(0, number - _NEAR), min(files - 1, number + _NEAR)
    near = [other for other in range(first, last + 1) if other != number and _is_python(other) is is_python]
    chosen = source.sample(near, min(len(near), count or source.randint(*_IMPORTS)))
    # A module without neighbours uses itself.
    return [_module(seed, other) for other in chosen or [number]]


def _is_python(number: int) -> bool:
    return number % _PYTHON_OF != _PYTHON_OF - 1


def _long(seed: int, files: int, number: int) -> LongFile:
    module, source = _module(seed, number), _source(seed, number, "long")
    imported = _imported(seed, files, number, _LONG_IMPORTS)
    text = _text(module, imported, source, lines_min=LONG_LINES)
    statement = partial(_statement, source, imported, is_python=module.is_python)
    statements = tuple(statement() for _ in range(_STATEMENTS))
    return LongFile(module.path, "python" if module.is_python else "typescript", text, statements)


def _text(module: Module, imported: Sequence[Module], source: random.Random, *, lines_min: int = 0) -> str:
    lines = list(_head(module, imported, source))
    functions = list(module.functions)
    spelled = _snake if module.is_python else _camel
    while functions or len(lines) < lines_min:
        name = functions.pop() if functions else spelled(source.choice(_VERBS), source.choice(_NOUNS), str(len(lines)))
        lines += _function(name, imported, source, is_python=module.is_python)
    return "\n".join(lines) + "\n"


def _head(module: Module, imported: Sequence[Module], source: random.Random) -> Iterator[str]:
    limit = source.randint(10, 500)
    if module.is_python:
        yield from (f'"""Keeps what belongs to {module.name}, and its history."""', "")
        for one in imported:
            yield f"from {one.folder}.{one.name} import {one.kind}, {', '.join(one.functions)}"
        yield from ("", f"LIMIT = {limit}", "", "", f"class {module.kind}:", f'    """All of {module.name}."""', "")
        yield from ("    def __init__(self, items: list[str], limit: int = LIMIT) -> None:",)
        yield from ("        self.items = items", "        self.limit = limit")
        for member in module.members:
            yield from ("", f"    def {member}(self, first: str, amount: int = 1) -> int:")
            yield f'        """Returns how much of {member} there is for the first."""'
            yield f"        {_statement(source, imported, is_python=True)}"
            yield from ("        self.items.append(first)", "        return len(self.items) * amount")
        return
    for one in imported:
        yield f'import {{ {one.kind}, {", ".join(one.functions)} }} from "../../{one.folder}/{one.name}";'
    yield from ("", f"const limit = {limit};", "", f"/** All of {module.name}. */", f"export class {module.kind} {{")
    yield "  constructor(private readonly items: string[], private readonly most: number = limit) {}"
    for member in module.members:
        yield from ("", f"  {member}(first: string, amount: number = 1): number {{")
        yield f"    {_statement(source, imported, is_python=False)}"
        yield from ("    this.items.push(first);", "    return Math.min(this.items.length * amount, this.most);", "  }")
    yield "}"


def _function(name: str, imported: Sequence[Module], source: random.Random, *, is_python: bool) -> Iterator[str]:
    statements = [_statement(source, imported, is_python=is_python) for _ in range(source.randint(2, 6))]
    bound = source.randint(1, 90)
    if is_python:
        yield from ("", "", f"def {name}(first: str, second: int = {bound}) -> int:")
        yield f'    """Does {name.replace("_", " ")} for the first, at most so often as the second says."""'
        yield from (f"    {statement}" for statement in statements)
        yield from (f"    if second > {bound}:", "        second -= 1", "    return second")
        return
    yield from ("", f"export function {name}(first: string, second: number = {bound}): number {{")
    yield from (f"  {statement}" for statement in statements)
    yield from (f"  if (second > {bound}) {{", "    second -= 1;", "  }", "  return second;", "}")


def _statement(source: random.Random, imported: Sequence[Module], *, is_python: bool) -> str:
    """Returns one line that calls something of another file."""
    one, spelled = source.choice(imported), _snake if is_python else _camel
    value = spelled(source.choice(_NOUNS), source.choice(("value", "rows", "state")))
    number = source.randint(0, 99)
    called = source.choice(one.functions)
    member = source.choice(one.members)
    if is_python:
        made = f"{one.kind}([first]).{member}(first, {number})"
        return f"{value} = {source.choice((f'{called}(first, {number})', made))}"
    made = f"new {one.kind}([first]).{member}(first, {number})"
    return f"const {value} = {source.choice((f'{called}(first, {number})', made))};"


def _snake(*words: str) -> str:
    return "_".join(word for word in words if word)


def _camel(*words: str) -> str:
    first, *rest = (word for word in words if word)
    return first + "".join(word.capitalize() for word in rest)
