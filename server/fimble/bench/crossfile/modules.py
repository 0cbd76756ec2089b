"""The modules of a Python package by Python's own parser: what each binds, and what its classes have.

Knows nothing of expressions (see `uses`), and never imports or runs what it reads.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from fimble.bench.crossfile.spots import Definition

# Bases outside of the package that give their classes no attributes that code would name.
_PLAIN_BASES: Final = frozenset({"object", "ABC", "Protocol", "Generic"})
_FILE_BYTES_MAX: Final = 1_000_000

Function = ast.FunctionDef | ast.AsyncFunctionDef
Statement = ast.Assign | ast.AnnAssign


@dataclass(frozen=True, slots=True)
class Import:
    """A name that an import binds: a module, or what `name` is in it."""

    module: str
    name: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """Something that a module defines; there is one object for each, so that they compare by identity."""

    kind: Literal["module", "class", "function", "field"]
    module: "Module"
    name: str
    node: ast.ClassDef | Function | Statement | None = None
    owner: "Symbol | None" = None

    @property
    def definition(self) -> Definition | None:
        """Where it is defined, its decorators included; None for a module."""
        if self.node is None:
            return None
        first = min([self.node.lineno, *(decorator.lineno for decorator in getattr(self.node, "decorator_list", ()))])
        return Definition(self.module.path, first, self.node.end_lineno or first, self.name)


@dataclass(eq=False)
class Module:
    """One file: its text, its syntax tree, and what its top level binds."""

    path: str
    name: str
    is_package: bool
    text: str
    tree: ast.Module
    bindings: dict[str, ast.ClassDef | Function | Statement | Import] = field(default_factory=dict)
    late_imports: dict[str, Import] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for statement in _flat(self.tree.body):
            self._bind(statement)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, imported in self._imported(node):
                    self.late_imports.setdefault(name, imported)

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset in code points at which each line starts."""
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def offset(self, line: int, column_bytes: int) -> int:
        """Returns the offset of a place as syntax trees give it: lines from 1, columns in bytes of UTF-8."""
        start = self.line_starts[line - 1]
        text = self.text[start : self.line_starts[line] - 1]
        if text.isascii():
            return start + column_bytes
        return start + len(text.encode()[:column_bytes].decode(errors="ignore"))

    def _bind(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.ClassDef | Function):
            self.bindings[statement.name] = statement
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            self.bindings.update(self._imported(statement))
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            for target in _targets(statement):
                if isinstance(target, ast.Name):
                    self.bindings.setdefault(target.id, statement)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or module, Import(module, None)
            return
        source = node.module or ""
        if node.level:
            parts = self.name.split(".")
            parts = parts[: len(parts) - node.level + (1 if self.is_package else 0)]
            source = ".".join([*parts, source] if source else parts)
        for alias in node.names:
            if alias.name == "*":
                if source not in self.stars:
                    self.stars.append(source)
            else:
                yield alias.asname or alias.name, Import(source, alias.name)


class CodePackage:
    """The files of one package below `root`, by module name; files that this Python cannot parse are left out."""

    def __init__(self, texts: Mapping[str, str], root: str) -> None:
        """`texts` holds Python files by their paths, which start with `root`."""
        parent = PurePosixPath(root).parent
        modules: dict[str, Module] = {}
        for path, text in sorted(texts.items()):
            tree = parsed(text)
            if tree is None:
                continue
            parts = list(PurePosixPath(path).relative_to(parent).with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            modules[name] = Module(path, name, is_package, text, tree)
        self._take(modules)

    def _take(self, modules: dict[str, Module]) -> None:
        self.modules = modules
        self.by_path = {module.path: module for module in modules.values()}
        # What was found out once, since the same names come up again and again.
        self._symbols: dict[int, Symbol] = {}
        self._members: dict[Symbol, dict[str, Symbol]] = {}
        self._ancestors: dict[Symbol, list[Symbol | None]] = {}
        self._resolved: dict[tuple[str, str], Symbol | None] = {}

    def with_module(self, module: Module) -> "CodePackage":
        """Returns the package with `module` in the place of the one of its name."""
        other = CodePackage({}, "")
        other._take({**self.modules, module.name: module})
        return other

    @classmethod
    def read(cls, folder: Path, root: str) -> "CodePackage":
        """Reads the package whose code is in `root` below `folder`."""
        return cls(dict(read_texts(folder, root)), root)

    def resolve(self, module: Module, name: str) -> Symbol | None:
        """Returns what a module-level name is, through imports, if the package defines it."""
        key = module.name, name
        if key not in self._resolved:
            self._resolved[key] = self._resolve(module, name, set())
        return self._resolved[key]

    def module_symbol(self, name: str) -> Symbol | None:
        """Returns a module of the package."""
        module = self.modules.get(name)
        return None if module is None else self._symbol("module", module, module.name, module.tree, None)

    def has(self, module: Module, name: str) -> bool | None:
        """Tells whether a module has an attribute; None where that cannot be known."""
        if name.startswith("__") or name in module.bindings or f"{module.name}.{name}" in self.modules:
            return True
        if self.resolve(module, name) is not None:
            return True
        is_open = "__getattr__" in module.bindings or any(star not in self.modules for star in module.stars)
        bound = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
        return None if is_open or name in bound else False

    def member(self, owner: Symbol, name: str) -> tuple[Symbol | None, bool | None]:
        """Returns a class's member and whether there is one: None where a base is not the package's."""
        is_open = False
        for symbol in self.ancestors(owner):
            if symbol is None:
                is_open = True
            elif (found := self._own_members(symbol).get(name)) is not None:
                return found, True
            elif "__getattr__" in self._own_members(symbol):
                is_open = True
        return None, None if is_open or name.startswith("__") else False

    def ancestors(self, owner: Symbol) -> list[Symbol | None]:
        """Returns a class and its bases, nearest first; None for one that is not the package's."""
        if owner in self._ancestors:
            return self._ancestors[owner]
        found: list[Symbol | None] = []
        waiting: list[Symbol | None] = [owner]
        while waiting:
            symbol = waiting.pop(0)
            if symbol in found:
                continue
            found.append(symbol)
            if symbol is None or not isinstance(symbol.node, ast.ClassDef):
                continue
            # A metaclass may give a class any attribute.
            waiting += [None] * bool(symbol.node.keywords)
            for base in symbol.node.bases:
                plain = base.value if isinstance(base, ast.Subscript) else base
                if isinstance(plain, ast.Name | ast.Attribute) and _last_name(plain) in _PLAIN_BASES:
                    continue
                resolved = self.resolve_dotted(symbol.module, plain)
                waiting.append(resolved if resolved is not None and resolved.kind == "class" else None)
        self._ancestors[owner] = found
        return found

    def resolve_dotted(self, module: Module, node: ast.expr) -> Symbol | None:
        """Returns what `a` or `a.b.c` is at a module's top level."""
        if isinstance(node, ast.Name):
            return self.resolve(module, node.id)
        if not isinstance(node, ast.Attribute):
            return None
        base = self.resolve_dotted(module, node.value)
        return self.attribute(base, node.attr) if base is not None else None

    def attribute(self, base: Symbol, name: str) -> Symbol | None:
        """Returns what a name is in a module or a class."""
        if base.kind == "module":
            return self.resolve(base.module, name) or self.module_symbol(f"{base.module.name}.{name}")
        return self.member(base, name)[0] if base.kind == "class" else None

    def method_fields(self, owner: Symbol) -> Iterator[tuple[str, Statement, Function]]:
        """Yields what the methods of a class assign to `self`: the name, the statement, and the method."""
        if not isinstance(owner.node, ast.ClassDef):
            return
        for method in owner.node.body:
            if not isinstance(method, Function) or not method.args.args:
                continue
            own = method.args.args[0].arg
            for node in ast.walk(method):
                if not isinstance(node, ast.Assign | ast.AnnAssign):
                    continue
                for target in _targets(node):
                    if isinstance(target, ast.Attribute) and _is_name(target.value, own):
                        yield target.attr, node, method

    def _own_members(self, owner: Symbol) -> dict[str, Symbol]:
        if owner in self._members:
            return self._members[owner]
        members: dict[str, Symbol] = {}
        assert isinstance(owner.node, ast.ClassDef)  # noqa: S101 - only classes have members.
        for statement in _flat(owner.node.body):
            if isinstance(statement, Function | ast.ClassDef):
                # The first of several is a property's getter, or an overload, which says most.
                kind: Literal["class", "function"] = "class" if isinstance(statement, ast.ClassDef) else "function"
                name = f"{owner.name}.{statement.name}"
                members.setdefault(statement.name, self._symbol(kind, owner.module, name, statement, owner))
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                for target in _targets(statement):
                    if isinstance(target, ast.Name):
                        name = f"{owner.name}.{target.id}"
                        members.setdefault(target.id, self._symbol("field", owner.module, name, statement, owner))
        for attribute, statement, _ in self.method_fields(owner):
            name = f"{owner.name}.{attribute}"
            members.setdefault(attribute, self._symbol("field", owner.module, name, statement, owner))
        self._members[owner] = members
        return members

    def _resolve(self, module: Module, name: str, seen: set[tuple[str, str]]) -> Symbol | None:
        if (module.name, name) in seen:
            return None
        seen.add((module.name, name))
        binding = module.bindings.get(name) or module.late_imports.get(name)
        if isinstance(binding, Import):
            return self._resolve_import(binding, seen)
        if isinstance(binding, ast.ClassDef):
            return self._symbol("class", module, name, binding, None)
        if isinstance(binding, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._symbol("function", module, name, binding, None)
        if binding is not None:
            return self._symbol("field", module, name, binding, None)
        for star in module.stars:
            if star in self.modules and (found := self._resolve(self.modules[star], name, seen)) is not None:
                return found
        return None

    def _resolve_import(self, imported: Import, seen: set[tuple[str, str]]) -> Symbol | None:
        if imported.name is None:
            return self.module_symbol(imported.module)
        source = self.modules.get(imported.module)
        found = self._resolve(source, imported.name, seen) if source is not None else None
        return found or self.module_symbol(f"{imported.module}.{imported.name}")

    def _symbol(
        self,
        kind: Literal["module", "class", "function", "field"],
        module: Module,
        name: str,
        node: ast.ClassDef | Function | Statement | ast.Module,
        owner: Symbol | None,
    ) -> Symbol:
        if (known := self._symbols.get(id(node))) is not None and known.name == name:
            return known
        symbol = Symbol(kind, module, name, None if isinstance(node, ast.Module) else node, owner)
        self._symbols[id(node)] = symbol
        return symbol


def read_texts(folder: Path, root: str) -> Iterator[tuple[str, str]]:
    """Yields the Python files below `root` of `folder`: path and text; files with other line ends are left out."""
    for file in sorted((folder / root).rglob("*.py")):
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _FILE_BYTES_MAX:
            continue
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        if "\r" not in text and "\f" not in text:
            yield file.relative_to(folder).as_posix(), text


def parsed(text: str) -> ast.Module | None:
    """Returns the syntax tree of a file, or None where it is not Python."""
    try:
        with warnings.catch_warnings():
            # Code that is only read need not be warned about.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields statements, also those in the branches of conditions, which bind names all the same."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from _flat(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _flat(handler.body)


def _targets(statement: Statement) -> Iterator[ast.expr]:
    """Yields what a statement assigns to, each member of a tuple for itself."""
    waiting = list(statement.targets) if isinstance(statement, ast.Assign) else [statement.target]
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Tuple | ast.List):
            waiting += target.elts
        else:
            yield target


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _last_name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr
