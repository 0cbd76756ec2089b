"""What the code of a file uses of the package's other files: names, and members of values whose class is known.

A value's class is known from annotations and constructor calls; whatever needs more than that counts as unknown.
"""

import ast
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from fimble.bench.crossfile.modules import CodePackage, Function, Module, Symbol
from fimble.bench.crossfile.spots import Definition

# A chain of calls that ends inside of a hole may begin this far before it.
_CHAIN_CHARACTERS_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class Use:
    """An expression from `start` to `end` (offsets) that means something which the package defines."""

    node: ast.Name | ast.Attribute
    symbol: Symbol
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Missing:
    """An attribute, at `start`, that its module or class does not have."""

    name: str
    start: int


@dataclass(slots=True)
class _Scope:
    """What is known inside of a function or class: its names with the classes of their values, None if unknown."""

    owner: Symbol | None = None
    values: dict[str, Symbol | None] = field(default_factory=dict)

    def inner(self, owner: Symbol | None = None) -> "_Scope":
        return _Scope(owner or self.owner, dict(self.values))


class Uses:
    """The uses in the files of one package."""

    def __init__(self, package: CodePackage) -> None:
        self._package = package
        self._of_module: dict[str, list[Use]] = {}
        self._resolving: set[int] = set()

    def of(self, module: Module) -> list[Use]:
        """Returns all uses in a file, in their order."""
        if module.path not in self._of_module:
            found = [use for use, _ in self._visit(module) if use is not None]
            self._of_module[module.path] = sorted(found, key=lambda use: (use.start, use.end))
        return self._of_module[module.path]

    def missing(self, module: Module) -> list[Missing]:
        """Returns the attributes in a file that the package's modules and classes do not have."""
        return [missing for _, missing in self._visit(module) if missing is not None]

    def definitions(self, module: Module, start: int, end: int) -> tuple[Definition, ...]:
        """Returns what the text from `start` to `end` uses of other files, each once."""
        found: dict[Definition, None] = {}
        uses = self.between(module, start, end)
        inside = [use for use in uses if start <= use.end - len(_own_name(use.node))]
        for use in inside:
            is_base = any(other.start == use.start and other.end > use.end for other in inside)
            definition = use.symbol.definition
            if definition is not None and definition.path != module.path and not is_base:
                found[definition] = None
        return tuple(found)

    def between(self, module: Module, start: int, end: int) -> list[Use]:
        """Returns the uses that end by `end`, and begin not long before `start`."""
        uses = self.of(module)
        first = bisect_left(uses, start - _CHAIN_CHARACTERS_MAX, key=lambda use: use.start)
        last = bisect_left(uses, end, key=lambda use: use.start)
        return [use for use in uses[first:last] if use.end <= end]

    def _visit(self, module: Module) -> Iterator[tuple[Use | None, Missing | None]]:
        yield from self._visit_node(module, module.tree, _Scope())

    def _visit_node(self, module: Module, node: ast.AST, scope: _Scope) -> Iterator[tuple[Use | None, Missing | None]]:
        # Places inside of f-strings are wrong in the syntax trees of Python 3.11.
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, ast.ClassDef):
            owner = self._package.resolve(module, node.name) if scope.owner is None else None
            scope = scope.inner(owner if owner is not None and owner.node is node else None)
        elif isinstance(node, Function):
            scope = self._function_scope(module, node, scope)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield self._looked_up(module, node, scope)
        for child in ast.iter_child_nodes(node):
            yield from self._visit_node(module, child, scope)

    def _looked_up(
        self, module: Module, node: ast.Name | ast.Attribute, scope: _Scope
    ) -> tuple[Use | None, Missing | None]:
        symbol = self._symbol_of(module, node, scope)
        if symbol is not None:
            start = module.offset(node.lineno, node.col_offset)
            end = module.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
            return Use(node, symbol, start, end), None
        if isinstance(node, ast.Attribute) and self._lacks(module, node, scope):
            end = module.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
            return None, Missing(node.attr, end - len(node.attr))
        return None, None

    def _lacks(self, module: Module, node: ast.Attribute, scope: _Scope) -> bool:
        base = self._symbol_of(module, node.value, scope)
        if base is not None and base.kind == "module":
            return self._package.has(base.module, node.attr) is False
        if base is None or base.kind != "class":
            base = self._class_of(module, node.value, scope)
        return base is not None and base.kind == "class" and self._package.member(base, node.attr)[1] is False

    def _symbol_of(self, module: Module, node: ast.expr, scope: _Scope) -> Symbol | None:
        """Returns what a name or an attribute means."""
        if isinstance(node, ast.Name):
            return None if node.id in scope.values else self._package.resolve(module, node.id)
        if not isinstance(node, ast.Attribute):
            return None
        base = self._symbol_of(module, node.value, scope)
        if base is None or base.kind in ("field", "function"):
            base = self._class_of(module, node.value, scope)
        return self._package.attribute(base, node.attr) if base is not None else None

    def _class_of(self, module: Module, node: ast.expr, scope: _Scope) -> Symbol | None:
        """Returns the class of an expression's value."""
        if isinstance(node, ast.Await):
            return self._class_of(module, node.value, scope)
        if isinstance(node, ast.Name) and node.id in scope.values:
            return scope.values[node.id]
        if isinstance(node, ast.Call):
            called = self._symbol_of(module, node.func, scope)
            if called is None:
                return None
            if called.kind == "class":
                return called
            return self._annotated(called.module, called.node.returns, called) if _is_function(called.node) else None
        symbol = self._symbol_of(module, node, scope)
        return self._class_of_symbol(symbol) if symbol is not None else None

    def _class_of_symbol(self, symbol: Symbol) -> Symbol | None:
        node = symbol.node
        if _is_function(node):
            is_property = any(_name(decorator) in ("property", "cached_property") for decorator in node.decorator_list)
            return self._annotated(symbol.module, node.returns, symbol) if is_property else None
        if symbol.kind != "field" or id(node) in self._resolving:
            return None
        if isinstance(node, ast.AnnAssign):
            return self._annotated(symbol.module, node.annotation, symbol)
        if not isinstance(node, ast.Assign):
            return None
        # A value that is computed from itself has no class that could be told.
        self._resolving.add(id(node))
        try:
            scope = _Scope()
            if symbol.owner is not None:
                for _, statement, method in self._package.method_fields(symbol.owner):
                    if statement is node:
                        scope = self._parameters(symbol.module, method, _Scope(symbol.owner))
            return self._class_of(symbol.module, node.value, scope)
        finally:
            self._resolving.discard(id(node))

    def _function_scope(self, module: Module, node: Function, outer: _Scope) -> _Scope:
        scope = self._parameters(module, node, outer)
        for name, value, annotation in _assigned(node):
            found = None
            if annotation is not None:
                found = self._annotated(module, annotation, scope.owner)
            elif value is not None:
                found = self._class_of(module, value, scope)
            # Where two values of a name differ in class, nothing is known of it.
            is_known = name in scope.values
            scope.values[name] = found if not is_known or scope.values[name] is found else None
        return scope

    def _parameters(self, module: Module, node: Function, outer: _Scope) -> _Scope:
        scope = outer.inner()
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in arguments:
            scope.values[argument.arg] = self._annotated(module, argument.annotation, scope.owner)
        for extra in (node.args.vararg, node.args.kwarg):
            if extra is not None:
                scope.values[extra.arg] = None
        is_static = any(_name(decorator) == "staticmethod" for decorator in node.decorator_list)
        body = outer.owner.node.body if outer.owner and isinstance(outer.owner.node, ast.ClassDef) else []
        if arguments and not is_static and node in body:
            scope.values[arguments[0].arg] = outer.owner
        return scope

    def _annotated(self, module: Module, node: ast.expr | None, near: Symbol | None) -> Symbol | None:
        """Returns the only class of the package that an annotation names, None aside."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except (SyntaxError, ValueError):
                return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = [side for side in (node.left, node.right) if not _is_none(side)]
            return self._annotated(module, sides[0], near) if len(sides) == 1 else None
        if isinstance(node, ast.Subscript):
            if _name(node.value) == "Optional":
                return self._annotated(module, node.slice, near)
            if _name(node.value) == "Annotated" and isinstance(node.slice, ast.Tuple):
                return self._annotated(module, node.slice.elts[0], near)
            node = node.value
        if isinstance(node, ast.Name | ast.Attribute):
            if _name(node) == "Self" and near is not None:
                return near.owner or (near if near.kind == "class" else None)
            symbol = self._package.resolve_dotted(module, node)
            return symbol if symbol is not None and symbol.kind == "class" else None
        return None


def _assigned(function: Function) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    """Yields the names that a function's own statements bind: name, value and annotation where there are any."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Function | ast.ClassDef | ast.Lambda):
            if not isinstance(node, ast.Lambda):
                yield node.name, None, None
            continue
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, None, node.annotation
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value, None
        elif isinstance(node, ast.NamedExpr):
            yield node.target.id, node.value, None
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, None, None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, None, None
        # What was just bound is not bound again by the name inside of the statement.
        bound = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        plain = [target for target in bound if isinstance(target, ast.Name)] if len(bound) == 1 else []
        is_bound = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
        waiting[:0] = [child for child in ast.iter_child_nodes(node) if not (is_bound and child in plain)]


def _is_function(node: ast.AST | None) -> TypeGuard[Function]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _own_name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _name(node: ast.expr) -> str:
    return _own_name(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
