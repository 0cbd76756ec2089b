"""How near an answer is to the gold text; each measure looks at one answer for one spot.

The published measures differ in details from each other, so that only figures of one run can be compared.
"""

import ast
import builtins
import keyword
import re
from collections import Counter
from typing import Final

import msgspec

from fimble.bench.crossfile.modules import CodePackage, Module, parsed
from fimble.bench.crossfile.spots import Kind
from fimble.bench.crossfile.uses import Uses
from fimble.bench.crossfile.workspace import Hole

_STRING: Final = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_COMMENT: Final = re.compile(r"#[^\n]*")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_OPENERS: Final = "([{"
_CLOSERS: Final = ")]}"
_KNOWN_NAMES: Final = frozenset(dir(builtins)) | {"__file__", "__path__", "__class__"}


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: 0 or 1, or a share; the last three are None where nothing is shown, or it does not parse."""

    exact: float
    first_line: float
    edit_similarity: float
    identifier_f1: float
    parse_valid: float | None
    overrun: float | None
    hallucinated_names: float | None


def measure(answer: str, hole: Hole, kind: Kind, code: CodePackage, path: str, *, replaced: int = 0) -> Measures:
    """Measures `answer` for the hole of a file at `path`; it replaces `replaced` characters after the hole."""
    after = hole.after[replaced:]
    # Where the answer repeats what it replaces, that is not part of what is compared.
    compared = answer.removesuffix(hole.after[:replaced]) if replaced else answer
    tree = parsed(hole.before + answer + after) if answer.strip() else None
    return Measures(
        exact=float(normal(compared) == normal(hole.gold)),
        first_line=float(first_line(compared) == first_line(hole.gold)),
        edit_similarity=edit_similarity(normal(compared), normal(hole.gold)),
        identifier_f1=identifier_f1(compared, hole.gold),
        parse_valid=float(tree is not None) if answer.strip() else None,
        overrun=float(overruns(compared, hole, kind)) if answer.strip() else None,
        hallucinated_names=float(bool(invented_names(answer, hole, after, code, path))) if tree is not None else None,
    )


def normal(text: str) -> str:
    """Returns a text without the blanks at the ends of its lines and around it."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def first_line(text: str) -> str:
    """Returns the first line that is not blank, without the blanks around it."""
    return next((line.strip() for line in text.split("\n") if line.strip()), "")


def edit_similarity(one: str, other: str) -> float:
    """Returns 1 less the Levenshtein distance in characters, as a share of the longer text."""
    if one == other:
        return 1.0
    row = list(range(len(other) + 1))
    for number, sign in enumerate(one, 1):
        corner, row[0] = row[0], number
        for at, another in enumerate(other, 1):
            corner, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, corner + (sign != another))
    return 1.0 - row[-1] / max(len(one), len(other))


def identifiers(text: str) -> Counter[str]:
    """Returns the identifiers of a piece of code and how often each stands in it, without strings and comments."""
    plain = _COMMENT.sub("", _STRING.sub("''", text))
    return Counter(word for word in _WORD.findall(plain) if not keyword.iskeyword(word))


def identifier_f1(answer: str, gold: str) -> float:
    """Returns the F1 of the answer's identifiers against the gold text's, each counted as often as it stands there."""
    written, wanted = identifiers(answer), identifiers(gold)
    common = (written & wanted).total()
    if not written and not wanted:
        return 1.0
    return 2 * common / (written.total() + wanted.total())


def overruns(answer: str, hole: Hole, kind: Kind) -> bool:
    """Tells whether an answer goes on past its hole: another statement, another scope, or what follows anyway."""
    line_before = hole.before.rpartition("\n")[2]
    width = len(line_before) - len(line_before.lstrip()) if line_before.strip() else len(line_before)
    line_after = hole.after.partition("\n")[0].strip()
    below = next((line for line in hole.after.partition("\n")[2].split("\n") if line.strip()), "")
    plain = _COMMENT.sub("", _STRING.sub(lambda found: "'" * len(found.group()), answer))
    lines = plain.rstrip().split("\n")
    # Brackets that the line has opened before the hole: what follows them is inside until they are closed.
    depth = 0 if kind == "call" else _depth(line_before)
    for number, line in enumerate(lines):
        indentation = len(line) - len(line.lstrip())
        if number and line.strip() and depth <= 0:
            # Inside of a call's brackets, only what stands as far left as its statement is another one.
            least = {"call": width + 1, "body": width}.get(kind)
            if (least is None or indentation < least) and not (kind == "call" and line.lstrip()[0] in _CLOSERS):
                return True
            if kind == "body" and line.rstrip() == below.rstrip() and below.strip() not in hole.gold:
                return True
        for at, sign in enumerate(line):
            depth += (sign in _OPENERS) - (sign in _CLOSERS)
            if kind == "call" and depth < 0:
                # The answer closed the call itself: what follows is past the hole, but for what stands there anyway.
                rest = answer.split("\n")[number][at:].strip()
                return not line_after.startswith(rest) or number + 1 < len(lines)
    return False


def invented_names(answer: str, hole: Hole, after: str, code: CodePackage, path: str) -> tuple[str, ...]:
    """Returns the names in an answer that neither the file, Python nor the package knows.

    Those are names that nothing binds, and attributes that the package's module or class lacks. What comes from
    elsewhere, or from a value whose class is unknown, is not looked at. Nothing is found where the file does not parse.
    """
    text = hole.before + answer + after
    tree = parsed(text)
    known = code.by_path.get(path)
    if tree is None or known is None:
        return ()
    module = Module(path, known.name, known.is_package, text, tree)
    start, end = len(hole.before), len(hole.before) + len(answer)
    bound = _bound(tree)
    is_open = any(star not in code.modules for star in module.stars)
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not is_open:
            place = module.offset(node.lineno, node.col_offset)
            if start <= place < end and node.id not in bound | _KNOWN_NAMES and not _is_in_package(code, node.id):
                found[node.id] = None
    for missing in Uses(code.with_module(module)).missing(module):
        if start <= missing.start < end:
            found[missing.name] = None
    # What the real text names is there, whatever our reading of the package says.
    return tuple(name for name in found if name not in identifiers(hole.gold))


def _depth(text: str) -> int:
    plain = _STRING.sub("''", text)
    return max(0, sum((sign in _OPENERS) - (sign in _CLOSERS) for sign in plain))


def _bound(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names


def _is_in_package(code: CodePackage, name: str) -> bool:
    """Tells whether a module defines the name: then only its import is missing, which an editor adds."""
    return any(name in module.bindings for module in code.modules.values())
