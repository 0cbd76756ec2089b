"""Finds spots in a package: holes whose text uses what another file of the same package defines.

The same text and seed give the same spots. Nothing of the package is imported or run.
"""

import ast
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from fimble.bench.crossfile.modules import CodePackage, Function, Module
from fimble.bench.crossfile.spots import KINDS, Kind, Package, Spot
from fimble.bench.crossfile.uses import Use, Uses

# Generated and vendored code, and what only shows the package's use.
_LEFT_OUT: Final = re.compile(
    r"(^|[/_])(tests?|testing|docs?|examples?|samples?|vendor|_vendor|compat|v0_3|grpc|types_pb2)(/|$)"
    r"|_pb2|_generated|generated/|(^|/)(test_|conftest|schema)"
)
# The product writes 64 tokens and 12 lines at most; four characters make about a token.
_GOLD_CHARACTERS_MAX: Final = 280
_GOLD_LINES_MAX: Final = 10
_LINE_CHARACTERS: Final = (8, 120)
_ARGUMENTS_CHARACTERS: Final = (6, 120)
_BODY_LINES: Final = (2, 8)
_PER_FILE_MAX: Final = 4
# A text of this length that stands elsewhere in the file could simply be copied.
_COPIED_CHARACTERS_MIN: Final = 30
# There must be something to read before the hole.
_LINES_BEFORE_MIN: Final = 10

_SimpleStatement = ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Raise | ast.Assert
_HeadedStatement = ast.If | ast.While | ast.For | ast.AsyncFor | ast.With | ast.AsyncWith


@dataclass(frozen=True, slots=True)
class _Hole:
    kind: Kind
    start: int
    end: int


def find_spots(folder: Path, package: Package, *, per_kind: int, seed: int) -> list[Spot]:
    """Returns up to `per_kind` spots of each kind in an unpacked package, in the order of their places."""
    code = CodePackage.read(folder, package.root)
    uses = Uses(code)
    candidates: dict[Kind, list[Spot]] = {kind: [] for kind in KINDS}
    for module in sorted(code.modules.values(), key=lambda module: module.path):
        if is_left_out(module.path, package.root):
            continue
        for hole in sorted(set(_holes(module, uses.of(module))), key=lambda hole: (hole.start, hole.end, hole.kind)):
            spot = _spot(package, module, hole, uses)
            if spot is not None:
                candidates[hole.kind].append(spot)
    return _chosen(candidates, per_kind=per_kind, seed=f"{seed}:{package.name}")


def is_left_out(path: str, root: str) -> bool:
    """Tells whether a file is generated, vendored, a test, or only joins others (`__init__`)."""
    below = PurePosixPath(path).relative_to(root)
    return below.name == "__init__.py" or _LEFT_OUT.search(below.as_posix()) is not None


def _holes(module: Module, uses: Sequence[Use]) -> Iterator[_Hole]:
    called = {id(use.node): use for use in uses if use.symbol.module is not module}
    for statement, function in _statements(module.tree):
        calls = [
            (node, called[id(node.func)])
            for part in _own_parts(statement)
            for node in ast.walk(part)
            if isinstance(node, ast.Call) and id(node.func) in called
        ]
        for call, use in calls:
            yield from _call_holes(module, statement, call, use)
        if calls and function is not None and (body := _body_hole(module, function)) is not None:
            yield body


def _call_holes(module: Module, statement: ast.stmt, call: ast.Call, use: Use) -> Iterator[_Hole]:
    start = module.offset(statement.lineno, statement.col_offset)
    end = module.offset(statement.end_lineno or statement.lineno, statement.end_col_offset or 0)
    line_end = module.line_starts[statement.lineno] - 1
    if isinstance(statement, _SimpleStatement):
        if statement.end_lineno != statement.lineno:
            if end == module.line_starts[statement.end_lineno or statement.lineno] - 1:
                yield _Hole("multi-line", start, end)
            return
        is_whole = end == line_end
    else:
        body = getattr(statement, "body", [])
        is_whole = bool(body) and body[0].lineno > statement.lineno and module.text[line_end - 1] == ":"
        is_whole = is_whole and call.end_lineno == statement.lineno
    if not is_whole:
        return
    name = use.node.id if isinstance(use.node, ast.Name) else use.node.attr
    yield _Hole("line", use.end - len(name), line_end)
    call_end = module.offset(call.end_lineno or call.lineno, call.end_col_offset or 0)
    if _is_telling(call):
        opening = module.text.index("(", use.end)
        yield _Hole("call", opening + 1, call_end - 1)


def _is_telling(call: ast.Call) -> bool:
    """Tells whether arguments are more than one name, often that of the parameter itself, and more than constants."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    is_one_name = len(arguments) == 1 and isinstance(arguments[0], ast.Name)
    return not is_one_name and not all(isinstance(argument, ast.Constant) for argument in arguments)


def _body_hole(module: Module, function: Function) -> _Hole | None:
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if not body or body[0].lineno == function.lineno:
        return None
    lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
    if not _BODY_LINES[0] <= lines <= _BODY_LINES[1]:
        return None
    start = module.offset(body[0].lineno, body[0].col_offset)
    end = module.offset(body[-1].end_lineno or 0, body[-1].end_col_offset or 0)
    # A decorated definition starts above its line.
    is_plain = not getattr(body[0], "decorator_list", None)
    return _Hole("body", start, end) if is_plain and end == module.line_starts[body[-1].end_lineno or 0] - 1 else None


def _spot(package: Package, module: Module, hole: _Hole, uses: Uses) -> Spot | None:
    gold = module.text[hole.start : hole.end]
    least, most = {"line": _LINE_CHARACTERS, "call": _ARGUMENTS_CHARACTERS}.get(hole.kind, (8, _GOLD_CHARACTERS_MAX))
    if not least <= len(gold) <= most or gold.count("\n") >= _GOLD_LINES_MAX or not gold.isascii():
        return None
    if hole.kind in ("line", "call") and "\n" in gold:
        return None
    if len(gold) >= _COPIED_CHARACTERS_MIN and module.text.count(gold) > 1:
        return None
    if module.text.count("\n", 0, hole.start) < _LINES_BEFORE_MIN:
        return None
    # For arguments, what is called decides, which stands in front of the hole.
    start = hole.start
    if hole.kind == "call":
        start = max(use.start for use in uses.between(module, start, start) if use.symbol.module is not module)
    definitions = uses.definitions(module, start, hole.end)
    if not definitions or any(definition.name.endswith("Error") for definition in definitions[:1]):
        return None
    return Spot(
        package=package.name,
        path=module.path,
        offset=hole.start,
        length=len(gold),
        kind=hole.kind,
        definitions=definitions,
    )


def _chosen(candidates: dict[Kind, list[Spot]], *, per_kind: int, seed: str) -> list[Spot]:
    """Draws spots that do not overlap, a few a file; the rarest kind first, so that it gets its places."""
    chosen: list[Spot] = []
    per_file: Counter[str] = Counter()
    for kind in sorted(KINDS, key=lambda kind: (len(candidates[kind]), kind)):
        mixed = list(candidates[kind])
        random.Random(f"{seed}:{kind}").shuffle(mixed)  # noqa: S311 - a sample.
        taken = 0
        for spot in mixed:
            if taken == per_kind:
                break
            if per_file[spot.path] < _PER_FILE_MAX and not any(_overlap(spot, other) for other in chosen):
                chosen.append(spot)
                per_file[spot.path] += 1
                taken += 1
    return sorted(chosen, key=lambda spot: (spot.path, spot.offset))


def _overlap(one: Spot, other: Spot) -> bool:
    return (
        one.path == other.path and one.offset < other.offset + other.length and other.offset < one.offset + one.length
    )


def _statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, Function | None]]:
    """Yields all statements that holes may lie in, with the innermost function around each."""
    waiting: list[tuple[ast.AST, Function | None]] = [(tree, None)]
    while waiting:
        node, function = waiting.pop()
        if isinstance(node, _SimpleStatement | _HeadedStatement):
            yield node, function
        inner = node if isinstance(node, Function) else function
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


def _own_parts(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yields the parts of a statement that are not statements themselves."""
    return (child for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt | ast.ExceptHandler))
