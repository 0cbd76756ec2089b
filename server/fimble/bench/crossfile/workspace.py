"""An unpacked package as the arms see it: its files, with the hole of one spot cut out."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fimble.bench.crossfile.errors import SpotInvalid
from fimble.bench.crossfile.modules import CodePackage, Function, Module
from fimble.bench.crossfile.spots import Definition, Package, Spot
from fimble.bench.crossfile.uses import Uses

# What one definition may take of a prompt, in lines.
_WHOLE_LINES_MAX = 40
_FIELDS_MAX = 15
_SITE_LINES_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A definition as text: the line of its class, its own first lines, and all of it, without common indentation.

    `sites` are statements elsewhere in the package that use it: the path and the text of each.
    """

    path: str
    name: str
    owner: str
    signature: str
    whole: str
    sites: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A spot in its file: the text before it, in it, and after it."""

    before: str
    gold: str
    after: str

    @property
    def text(self) -> str:
        """The file without the gold text."""
        return self.before + self.after


class Workspace:
    """One package on the disk, below `folder`; its files are read once."""

    def __init__(self, package: Package, folder: Path) -> None:
        self.package = package
        self.folder = folder

    @cached_property
    def code(self) -> CodePackage:
        """The package's modules."""
        return CodePackage.read(self.folder, self.package.root)

    @cached_property
    def uses(self) -> Uses:
        """What its files use of each other."""
        return Uses(self.code)

    def hole(self, spot: Spot) -> Hole:
        """Returns a spot's text.

        Raises:
            SpotInvalid: the package has no such place.
        """
        text = self._module(spot.path).text
        end = spot.offset + spot.length
        if end > len(text):
            raise SpotInvalid(f"{spot.path} of {spot.package} ends before the spot at {spot.offset}.")
        return Hole(before=text[: spot.offset], gold=text[spot.offset : end], after=text[end:])

    def excerpt(self, definition: Definition) -> Excerpt:
        """Returns a definition's text.

        Raises:
            SpotInvalid: there is none at its lines.
        """
        module = self._module(definition.path)
        *owners, _ = definition.name.split(".")
        classes = (node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))
        owner = next((node for node in classes if [node.name] == owners[-1:]), None)
        node = _node_at(module.tree, definition)
        if node is None:
            raise SpotInvalid(f"{definition.path} does not define {definition.name} in line {definition.first_line}.")
        lines = module.text.split("\n")
        whole = lines[definition.first_line - 1 : definition.last_line][:_WHOLE_LINES_MAX]
        return Excerpt(
            path=definition.path,
            name=definition.name,
            owner=_dedented(_head(lines, owner)) if owner is not None else "",
            signature=_dedented(_signature(lines, node)),
            whole=_dedented(whole),
        )

    def sites(self, definition: Definition, spot: Spot, most: int) -> tuple[tuple[str, str], ...]:
        """Returns statements that use a definition, outside of the spot and of the definition's own file."""
        found: dict[str, str] = {}
        for module in self.code.modules.values():
            if len(found) == most:
                break
            if module.path == definition.path:
                continue
            statements = (
                _statement_at(module.tree, use.node)
                for use in self.uses.of(module)
                if use.symbol.definition == definition
            )
            # One of each file, so that they differ.
            for statement in statements:
                if statement is not None and not _touches(module, statement, spot):
                    lines = module.text.split("\n")[statement.lineno - 1 : statement.end_lineno]
                    found.setdefault(_dedented(lines), module.path)
                    break
        return tuple((path, text) for text, path in found.items())

    def _module(self, path: str) -> Module:
        module = self.code.by_path.get(path)
        if module is None:
            raise SpotInvalid(f"{self.package.name} has no file {path} that this Python can read.")
        return module


def _node_at(tree: ast.Module, definition: Definition) -> ast.stmt | None:
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef | ast.Assign | ast.AnnAssign):
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            if (first, node.end_lineno) == (definition.first_line, definition.last_line):
                return node
    return None


def _statement_at(tree: ast.Module, node: ast.Name | ast.Attribute) -> ast.stmt | None:
    """Returns the short statement around a node, if it is one that shows how something is used."""
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.stmt) or hasattr(statement, "body"):
            continue
        last = statement.end_lineno or statement.lineno
        if statement.lineno <= node.lineno <= last:
            is_short = last - statement.lineno < _SITE_LINES_MAX
            return statement if is_short and not isinstance(statement, ast.Import | ast.ImportFrom) else None
    return None


def _touches(module: Module, statement: ast.stmt, spot: Spot) -> bool:
    if module.path != spot.path:
        return False
    first = module.line_starts[statement.lineno - 1]
    last = module.line_starts[statement.end_lineno or statement.lineno]
    return first < spot.offset + spot.length and last > spot.offset


def _head(lines: list[str], node: ast.stmt) -> list[str]:
    """Returns the lines from `def` or `class` up to the colon."""
    body = getattr(node, "body", None)
    if not body:
        return lines[node.lineno - 1 : node.end_lineno]
    first = min([body[0].lineno, *(decorator.lineno for decorator in getattr(body[0], "decorator_list", []))])
    return lines[node.lineno - 1 : max(first - 1, node.lineno)]


def _signature(lines: list[str], node: ast.stmt) -> list[str]:
    head = [line for line in _head(lines, node) if line.strip()]
    if not isinstance(node, ast.ClassDef):
        return head[:_WHOLE_LINES_MAX]
    fields: list[str] = []
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and len(fields) < _FIELDS_MAX:
            fields += lines[member.lineno - 1 : member.lineno]
        elif isinstance(member, Function) and member.name == "__init__":
            fields += _head(lines, member)
    return head + fields


def _dedented(lines: list[str]) -> str:
    widths = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(widths, default=0)
    return "\n".join(line[least:].rstrip() for line in lines)
