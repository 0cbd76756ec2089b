"""tsconfig.json and package.json: the few entries that say where an import leads. Both are read as hostile input."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fimble.index.queries.imports.workspace_files import WorkspaceFiles, folder_of, join

_EXTENDS_MAX: Final = 8
_ENTRIES_MAX: Final = 300
_TARGETS_MAX: Final = 20
_NESTING_MAX: Final = 8
# Strings are matched first, so that what looks like a comment inside of one stays.
_JSON_TRIVIA: Final = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA: Final = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')


@dataclass(frozen=True, slots=True)
class CompilerOptions:
    """What a tsconfig says of paths; all targets and folders are relative to the workspace's root.

    `paths` has what comes before the star and what comes after (None: there is no star), and the targets.
    """

    base_url: str | None
    paths: tuple[tuple[str, str | None, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Package:
    """What a package.json says of its own files."""

    name: str
    entries: tuple[str, ...]
    exports: Any
    imports: Any

    def targets(self, exports: Any, key: str) -> list[str]:
        """Returns the files that `exports` (or the package's private imports) name for `key`, a few at most."""
        if isinstance(exports, dict) and any(isinstance(one, str) and one.startswith((".", "#")) for one in exports):
            found = list(_strings(exports.get(key)))
            for pattern, value in list(exports.items())[:_ENTRIES_MAX]:
                before, star, after = pattern.partition("*")
                if star and key.startswith(before) and key.endswith(after) and len(key) >= len(pattern) - 1:
                    middle = key[len(before) : len(key) - len(after)]
                    found.extend(target.replace("*", middle) for target in _strings(value))
            return found[:_TARGETS_MAX]
        return list(_strings(exports))[:_TARGETS_MAX] if key == "." else []


@dataclass(frozen=True, slots=True)
class _Options:
    extends: tuple[str, ...]
    base_url: str | None
    paths: tuple[tuple[str, tuple[str, ...]], ...] | None


def compiler_options(files: WorkspaceFiles, path: str) -> CompilerOptions | None:
    """Reads a tsconfig with all that it extends."""
    base_url: str | None = None
    paths: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    paths_folder = ""
    waiting, seen = [path], set[str]()
    while waiting and len(seen) < _EXTENDS_MAX:
        at = waiting.pop(0)
        options = files.settings(at, _options) if at not in seen else None
        seen.add(at)
        if options is None:
            continue
        # The outermost file that says something wins.
        if base_url is None and options.base_url is not None:
            base_url = join(folder_of(at), options.base_url)
        if paths is None and options.paths is not None:
            paths, paths_folder = options.paths, folder_of(at)
        for extended in reversed(options.extends):
            target = join(folder_of(at), extended) if extended.startswith(".") else None
            if target is not None:
                waiting.append(target if target.endswith(".json") else target + ".json")
    if base_url is None and paths is None:
        return None
    start = base_url if base_url is not None else paths_folder
    mapped: list[tuple[str, str | None, tuple[str, ...]]] = []
    for pattern, targets in paths or ():
        before, star, after = pattern.partition("*")
        joined = tuple(target for target in (join(start, one) for one in targets) if target is not None)
        if joined:
            mapped.append((before, after if star else None, joined))
    # An exact entry comes before a pattern, a longer prefix before a shorter one, as the compiler has it.
    mapped.sort(key=lambda entry: (entry[1] is not None, -len(entry[0])))
    return CompilerOptions(base_url, tuple(mapped))


def package(text: str) -> Package | None:
    """Reads a package.json."""
    manifest = _json(text)
    if not isinstance(manifest, dict):
        return None
    name = manifest.get("name")
    entries = [manifest.get(key) for key in ("source", "types", "typings", "module", "main")]
    return Package(
        name if isinstance(name, str) else "",
        tuple(entry for entry in entries if isinstance(entry, str)),
        manifest.get("exports"),
        manifest.get("imports"),
    )


def package_name(text: str) -> str | None:
    """Returns the name that a package.json gives to its package."""
    found = package(text)
    return found.name if found else None


def _options(text: str) -> _Options | None:
    settings = _json(text)
    if not isinstance(settings, dict):
        return None
    extends = settings.get("extends")
    listed = extends if isinstance(extends, list) else [extends]
    options = settings.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    base_url = options.get("baseUrl")
    paths = options.get("paths")
    return _Options(
        tuple(one for one in listed[:_EXTENDS_MAX] if isinstance(one, str)),
        base_url if isinstance(base_url, str) else None,
        tuple(_path_entries(paths)) if isinstance(paths, dict) else None,
    )


def _path_entries(paths: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for pattern, targets in list(paths.items())[:_ENTRIES_MAX]:
        if isinstance(targets, list) and pattern.count("*") <= 1:
            yield pattern, tuple(target for target in targets[:_TARGETS_MAX] if isinstance(target, str))


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """Yields all strings in nested conditions, in their order."""
    if isinstance(value, str):
        yield value
    elif depth < _NESTING_MAX and isinstance(value, dict | list):
        for inner in list(value.values() if isinstance(value, dict) else value)[:_TARGETS_MAX]:
            yield from _strings(inner, depth + 1)


def _json(text: str) -> Any:
    """Reads JSON with comments and trailing commas; None where it is something else."""
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text)
    except RecursionError:
        return None
    except ValueError:
        pass
    without = _TRAILING_COMMA.sub(_keep_string, _JSON_TRIVIA.sub(_keep_string, text))
    try:
        return json.loads(without)
    except (ValueError, RecursionError):
        return None


def _keep_string(match: re.Match[str]) -> str:
    return match[1] or ""
