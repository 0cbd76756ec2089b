"""Reads what the editor sent as settings; nobody else does.

Settings may come from a repository's own files, so they can choose among what is installed but never name a
path, an address or a command.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from fimble.features.navigation.served import Served, Serving

_MODEL_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PATTERNS_MAX: Final = 256
_PATTERN_CHARACTERS_MAX: Final = 256
_PROBLEMS_MAX: Final = 20


class Fallback(StrEnum):
    """When suggestions also appear in the ordinary completion list."""

    AUTO = "auto"
    """Only for editors without ghost text."""
    ALWAYS = "always"
    """For every editor."""
    NEVER = "never"
    """For none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of one editor window. An empty `model` and a maximum of 0 leave the choice to Fimble.

    `globs_disabled` are matched against the path in the workspace folder and against the file's name; their
    `*` also stands for slashes. `other_servers` are the languages that other servers serve, None if nobody told.
    """

    model: str = ""
    completion_enabled: bool = True
    languages_disabled: tuple[str, ...] = ()
    globs_disabled: tuple[str, ...] = ()
    prompt_tokens_max: int = 0
    latency_target_ms: int = 0
    tokens_max: int = 0
    is_context_on: bool = True
    fallback: Fallback = Fallback.AUTO
    navigation: Serving = Serving.AUTO
    other_servers: tuple[str, ...] | None = None
    index_enabled: bool = True
    statistics_enabled: bool = True

    @property
    def served(self) -> Served:
        """The languages for which questions about the code are answered."""
        if not self.index_enabled:
            return Served(Serving.NEVER)
        return Served(self.navigation, None if self.other_servers is None else frozenset(self.other_servers))

    def is_disabled(self, language: str, path: str) -> bool:
        """Tells whether the user wants no suggestions in this file."""
        name = path.rpartition("/")[2]
        return language in self.languages_disabled or any(
            fnmatchcase(path, glob) or fnmatchcase(name, glob) for glob in self.globs_disabled
        )


def options_from_lsp(settings: object, base: Options) -> tuple[Options, list[str]]:
    """Returns `base` with what `settings` says on top, and a sentence for each setting that cannot be used.

    `settings` is the value of the section `fimble`, or an object that has it under that name.
    """
    if settings is None:
        return base, []
    if not isinstance(settings, Mapping):
        return base, ["The settings must be an object."]
    inner = settings.get("fimble", settings)
    if not isinstance(inner, Mapping):
        return base, ["fimble must be an object."]
    problems: list[str] = []
    # Beside these, initializationOptions hold what editors tell about themselves.
    changes = _read(inner, "", _OPTIONS, problems)
    for section, known in _SECTIONS.items():
        value = inner.get(section)
        if isinstance(value, Mapping):
            changes |= _read(value, f"{section}.", known, problems)
            problems += [f"{section}.{name} is unknown." for name in value if name not in known]
        elif value is not None:
            problems.append(f"{section} must be an object.")
    return replace(base, **changes), [problem[:200] for problem in problems[:_PROBLEMS_MAX]]


def _read(
    settings: Mapping[str, object],
    prefix: str,
    known: Mapping[str, tuple[str, Callable[[object], Any], str]],
    problems: list[str],
) -> dict[str, Any]:
    changes = {}
    for name, (field, read, expected) in known.items():
        value = settings.get(name)
        # VS Code sends null for a setting without a value.
        if value is None:
            continue
        try:
            changes[field] = read(value)
        except ValueError:
            problems.append(f"{prefix}{name} must be {expected}.")
    return changes


def _model(value: object) -> str:
    # A name with this ending would be taken for a file, perhaps one of the workspace.
    if isinstance(value, str) and not value.endswith(".gguf") and (not value or _MODEL_NAME.fullmatch(value)):
        return value
    raise ValueError


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError


def _strings(value: object) -> tuple[str, ...]:
    if (
        isinstance(value, list)
        and len(value) <= _PATTERNS_MAX
        and all(isinstance(each, str) and 0 < len(each) <= _PATTERN_CHARACTERS_MAX for each in value)
    ):
        return tuple(value)
    raise ValueError


def _fallback(value: object) -> Fallback:
    if isinstance(value, str):
        return Fallback(value)
    raise ValueError


def _whole_number(largest: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is int and 0 <= value <= largest:
            return value
        raise ValueError

    return read


def _serving(value: object) -> Serving:
    if isinstance(value, str):
        return Serving(value)
    raise ValueError


_Option = tuple[str, Callable[[object], Any], str]

# The name in the editor's settings, the field, how to read it, and what to tell the user.
_OPTIONS: Final[dict[str, _Option]] = {
    "model": ("model", _model, "the name of a model, as `fimble models list` shows it"),
    "navigation": ("navigation", _serving, "auto, always or never"),
    "otherServers": ("other_servers", _strings, "a list of language ids"),
}
_SECTIONS: Final[dict[str, dict[str, _Option]]] = {
    "completion": {
        "enabled": ("completion_enabled", _boolean, "true or false"),
        "languagesDisabled": ("languages_disabled", _strings, "a list of language ids"),
        "globsDisabled": ("globs_disabled", _strings, "a list of patterns"),
        "promptTokensMax": ("prompt_tokens_max", _whole_number(131_072), "a whole number from 0 to 131072"),
        "latencyTargetMs": ("latency_target_ms", _whole_number(60_000), "a whole number from 0 to 60000"),
        "tokensMax": ("tokens_max", _whole_number(1_024), "a whole number from 0 to 1024"),
        "otherFiles": ("is_context_on", _boolean, "true or false"),
        "fallback": ("fallback", _fallback, "auto, always or never"),
    },
    "index": {"enabled": ("index_enabled", _boolean, "true or false")},
    "statistics": {"enabled": ("statistics_enabled", _boolean, "true or false")},
}
