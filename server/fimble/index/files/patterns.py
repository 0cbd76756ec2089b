"""The patterns of one ignore file, compiled to answer for one path in about a microsecond."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fimble.index.files.globs import Part, Token, literal_of, regex_of, tokens_of

# Of a file with more patterns that need a regular expression the rest is not read; to compile them takes seconds.
REGEXES_MAX: Final = 4000
# No path is so long that a longer pattern could be meant.
PATTERN_CHARACTERS_MAX: Final = 8192


class Patterns:
    """The patterns of one ignore file in the language of gitignore(5).

    Paths are relative to the folder that the file speaks about.
    """

    __slots__ = ("_for_files", "_for_folders", "_is_case_blind")

    def __init__(self, text: str, *, is_case_blind: bool = False) -> None:
        rules = list(_rules(text.lower() if is_case_blind else text))
        self._is_case_blind = is_case_blind
        self._for_folders = _runs(rules)
        self._for_files = _runs([rule for rule in rules if not rule.is_for_folders])

    def __bool__(self) -> bool:
        return bool(self._for_folders)

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """Returns whether `path` is ignored, None when no pattern speaks about it; its folders do not count."""
        if self._is_case_blind:
            path = path.lower()
        name = path[path.rfind("/") + 1 :]
        # The last pattern that matches decides, and the runs are in that order.
        for run in self._for_folders if is_folder else self._for_files:
            if (
                name in run.names
                or name.endswith(run.suffixes)
                or path in run.paths
                or (run.name_regex is not None and run.name_regex.fullmatch(name) is not None)
                or (run.path_regex is not None and run.path_regex.fullmatch(path) is not None)
            ):
                return run.is_ignoring
        return None


class _Rule(NamedTuple):
    is_ignoring: bool
    is_for_folders: bool
    is_name: bool
    tokens: Sequence[Token]
    literal: str | None
    suffix: str | None


@dataclass(slots=True)
class _Run:
    """Neighbouring patterns that all ignore, or all take back; among them the order does not matter."""

    is_ignoring: bool
    names: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    suffixes: tuple[str, ...] = ()
    name_regex: re.Pattern[str] | None = None
    path_regex: re.Pattern[str] | None = None


def _rules(text: str) -> Iterator[_Rule]:
    regexes = 0
    for line in text.removeprefix("\ufeff").split("\n"):
        rule = _rule(line.removesuffix("\r"))
        if rule is not None:
            regexes += rule.literal is None and rule.suffix is None
            if regexes <= REGEXES_MAX:
                yield rule


def _rule(line: str) -> _Rule | None:
    if line.startswith("#") or len(line) > PATTERN_CHARACTERS_MAX:
        return None
    pattern = _without_trailing_spaces(line)
    is_ignoring = not pattern.startswith("!")
    pattern = pattern if is_ignoring else pattern[1:]
    is_for_folders = pattern.endswith("/")
    pattern = pattern[:-1] if is_for_folders else pattern
    is_name = "/" not in pattern
    tokens = tokens_of(pattern.removeprefix("/"))
    if not tokens:
        return None
    suffix = literal_of(tokens[1:]) if is_name and tokens[0].part is Part.STAR else None
    return _Rule(is_ignoring, is_for_folders, is_name, tokens, literal_of(tokens), suffix)


def _without_trailing_spaces(line: str) -> str:
    stripped = line.rstrip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    # A space after an odd number of backslashes is meant.
    return stripped + " " if len(stripped) < len(line) and backslashes % 2 else stripped


def _runs(rules: Iterable[_Rule]) -> tuple[_Run, ...]:
    """Returns the runs, the last one of the file first."""
    groups: list[list[_Rule]] = []
    for rule in rules:
        if not groups or groups[-1][0].is_ignoring != rule.is_ignoring:
            groups.append([])
        groups[-1].append(rule)
    return tuple(_run(group) for group in reversed(groups))


def _run(rules: Sequence[_Rule]) -> _Run:
    run = _Run(rules[0].is_ignoring)
    suffixes: list[str] = []
    name_regexes: list[str] = []
    path_regexes: list[str] = []
    for rule in rules:
        if rule.literal is not None:
            (run.names if rule.is_name else run.paths).add(rule.literal)
        elif rule.suffix is not None:
            suffixes.append(rule.suffix)
        else:
            (name_regexes if rule.is_name else path_regexes).append(regex_of(rule.tokens))
    run.suffixes = tuple(suffixes)
    run.name_regex = _any_of(name_regexes)
    run.path_regex = _any_of(path_regexes)
    return run


def _any_of(regexes: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(regexes)
    return re.compile(joined, re.DOTALL) if joined else None
