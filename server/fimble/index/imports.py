"""Takes import statements apart, by their text.

One match of a query for a whole statement, and some splitting, costs a third of one match for each name. A language
without an entry here captures `@module`, `@imported` and `@alias` in its tag query instead.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

Taken: TypeAlias = tuple[str, str, str]
"""The module, the name and the alias of an import, see `symbols.Import`."""

_PYTHON_COMMENT: Final = re.compile(r"#[^\n]*")
_PYTHON_FROM: Final = re.compile(r"(from\b.*?)\bimport\b(.*)", re.DOTALL)
_PYTHON_WORD: Final = re.compile(r"[\w.*]+")
# Strings are matched so that a `//` inside of them is not taken for a comment.
_COMMENT_OR_STRING: Final = re.compile(r"""("[^"\n]*"|'[^'\n]*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_ECMASCRIPT_MODULE: Final = re.compile(r"""\bfrom\s*(["'])(.*?)\1""", re.DOTALL)
_ECMASCRIPT_REQUIRE: Final = re.compile(
    r"""^(.*?)=\s*require\s*\(\s*(["'`])(.*?)\2\s*,?\s*\)(?:\.([\w$]+))?""", re.DOTALL
)
_ECMASCRIPT_BARE: Final = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_ECMASCRIPT_LEADING: Final = re.compile(
    r"\s*(?:(?:import|export|const|let|var|declare|type|typeof)\b\s*(?!\s*(?:,|=|from\b|$)))*"
)
_RUST_TOKEN: Final = re.compile(r"::|[{},*]|(?:r#)?\w+")
_RUST_DEPTH_MAX: Final = 64
_GO_SPEC: Final = re.compile(r"""([\w.]+)?\s*(["`])(.*?)\2""")
_C_INCLUDE: Final = re.compile(r"""#\s*(?:include|include_next|import)\s*(?:"([^"\n]*)"|<([^>\n]*)>|(\w+))""")


def imports_of(language: str, statement: str) -> Iterable[Taken]:
    """Returns what an import statement takes; nothing for a text that is none."""
    take = _TAKE.get(language)
    return take(statement) if take is not None else ()


def _python(statement: str) -> Iterable[Taken]:
    if "#" in statement:
        statement = _PYTHON_COMMENT.sub("", statement)
    module = ""
    names = statement[len("import") :]
    if statement.startswith("from"):
        before, separator, names = statement.partition(" import ")
        if not separator:
            match = _PYTHON_FROM.match(statement)
            if match is None:
                return ()
            before, names = match[1], match[2]
        module = "".join(before[len("from") :].replace("\\", " ").split())
    words = _PYTHON_WORD.findall(names)
    if "as" not in words:
        return [(module, word, "") for word in words] if module else [(word, "", "") for word in words]
    return _python_with_aliases(module, words)


def _python_with_aliases(module: str, words: list[str]) -> Iterator[Taken]:
    following = [*words[1:], ""]
    aliases = [*words[2:], "", ""]
    is_alias = 0
    for word, next_word, alias in zip(words, following, aliases, strict=True):
        if is_alias:
            is_alias -= 1
            continue
        is_alias = 2 if next_word == "as" else 0
        alias_here = alias if is_alias else ""
        yield (module, word, alias_here) if module else (word, "", alias_here)


def _ecmascript(statement: str) -> Iterator[Taken]:
    statement = _without_comments(statement)
    if (match := _ECMASCRIPT_REQUIRE.match(statement)) is not None:
        yield from _required(match[3], _ECMASCRIPT_LEADING.sub("", match[1], count=1).strip(), match[4] or "")
        return
    match = _ECMASCRIPT_MODULE.search(statement)
    if match is None:
        if (bare := _ECMASCRIPT_BARE.search(statement)) is not None:
            yield bare[2], "", ""
        else:
            yield from _aliased_path(statement.removeprefix("import"), ".")
        return
    module = match[2]
    clause = _ECMASCRIPT_LEADING.sub("", statement[: match.start()], count=1)
    before, _, rest = clause.partition("{")
    for part in before.split(","):
        words = part.split()
        if words == ["*"]:
            yield module, "*", ""
        elif words[:2] == ["*", "as"] and len(words) == 3:
            yield module, "*", words[2]
        elif len(words) == 1:
            yield module, "default", words[0]
    for part in rest.partition("}")[0].split(","):
        words = part.split()
        if len(words) in (2, 4) and words[0] == "type":
            words = words[1:]
        if len(words) == 3 and words[1] == "as":
            yield module, words[0].strip("\"'"), words[2].strip("\"'")
        elif len(words) == 1:
            yield module, words[0], ""


def _required(module: str, target: str, member: str) -> Iterator[Taken]:
    if not target.startswith("{"):
        yield module, member, "" if target == member else target
        return
    for part in target.strip("{} \n").split(","):
        name, _, alias = part.partition("=")[0].partition(":")
        if name.strip():
            yield module, name.strip(), alias.strip()


def _rust(statement: str) -> Iterator[Taken]:
    """Follows the nested groups of a use declaration with a stack of the lengths of the paths before each."""
    tokens = _RUST_TOKEN.findall(_without_comments(statement))
    if "crate" in tokens and "extern" in tokens[: tokens.index("crate")]:
        names = tokens[tokens.index("crate") + 1 :]
        yield from [(names[0], "", names[2] if len(names) == 3 else "")] if names else ()
        return
    if "use" not in tokens:
        return
    prefixes = [0]
    path: list[str] = []
    alias: str | None = None
    for word in [*tokens[tokens.index("use") + 1 :], ","]:
        if word == "{":
            prefixes.append(len(path))
        elif word in {",", "}"}:
            if len(path) > prefixes[-1]:
                yield _rust_leaf(path, alias or "")
            alias = None
            if word == "}" and len(prefixes) > 1:
                prefixes.pop()
            del path[prefixes[-1] :]
        elif word == "as":
            alias = ""
        elif alias is not None:
            alias = alias or word
        elif word != "::" and len(path) < _RUST_DEPTH_MAX:
            path.append(word)


def _rust_leaf(path: list[str], alias: str) -> Taken:
    if path[-1] == "self" and len(path) > 1:
        path = path[:-1]
    if len(path) == 1:
        return path[0], "", alias
    return "::".join(path[:-1]), path[-1], alias


def _go(statement: str) -> Iterator[Taken]:
    for alias, _, path in _GO_SPEC.findall(_without_comments(statement)):
        yield path, "*" if alias == "." else "", "" if alias == "." else alias


def _java(statement: str) -> Iterator[Taken]:
    words = _without_comments(statement).replace(";", " ").split()
    path = "".join(word for word in words if word not in {"import", "static", "module"})
    module, _, name = path.rpartition(".")
    if path:
        yield (module, name, "") if module else (path, "", "")


def _c(statement: str) -> Iterator[Taken]:
    match = _C_INCLUDE.search(statement)
    if match is not None:
        yield match[1] or match[2] or match[3] or "", "", ""
        return
    words = _without_comments(statement).replace(";", " ").split()
    if words[:2] == ["using", "namespace"]:
        yield "".join(words[2:]), "*", ""
    elif words[:1] == ["using"]:
        module, _, name = "".join(word for word in words[1:] if word != "typename").rpartition("::")
        if module:
            yield module, name, ""


def _csharp(statement: str) -> Iterator[Taken]:
    text = _without_comments(statement).replace(";", " ")
    words = text.split()
    if "using" not in words:
        return
    if "=" in text:
        yield from _aliased_path(text.partition("using")[2], ".")
        return
    path = "".join(word for word in words if word not in {"global", "using", "static", "unsafe"})
    if path:
        yield path.removeprefix("global::"), "*", ""


def _aliased_path(text: str, separator: str) -> Iterator[Taken]:
    alias, _, path = (part.strip(" \t\r\n;") for part in text.partition("="))
    module, _, name = "".join(path.split()).rpartition(separator)
    if name:
        yield (module, name, alias.split()[-1] if alias else "") if module else (name, "", alias)


def _without_comments(statement: str) -> str:
    if "//" in statement or "/*" in statement:
        return _COMMENT_OR_STRING.sub(lambda match: match[1] or " ", statement)
    return statement


_TAKE: Final[dict[str, Callable[[str], Iterable[Taken]]]] = {
    "python": _python,
    "typescript": _ecmascript,
    "tsx": _ecmascript,
    "javascript": _ecmascript,
    "rust": _rust,
    "go": _go,
    "java": _java,
    "c": _c,
    "cpp": _c,
    "csharp": _csharp,
}
