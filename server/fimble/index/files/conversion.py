"""Says for which tracked files git may store something else than what is on disk: line ends, filters, encodings.

For these, the name that git gives to the content says nothing about the file. In doubt a file counts as converted;
the only price is that it is read.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fimble.index.files.git import run_git
from fimble.index.files.patterns import Patterns
from fimble.index.files.repository import Repository, read_small_file

ATTRIBUTES_FILE: Final = ".gitattributes"
_ATTRIBUTES_BYTES_MAX: Final = 256 * 1024
_CONVERTING: Final = re.compile(r"[ \t](text|crlf|ident|eol=|filter|working-tree-encoding)")
_SYSTEM_FILE: Final = "/etc/gitattributes"
_CONFIG_TIMEOUT_S: Final = 5.0


class Conversion(NamedTuple):
    """Which files of a work tree git converts; `layers` hold folders, and patterns for what is in them."""

    is_everywhere: bool
    layers: tuple[tuple[str, Patterns], ...]

    def concerns(self, path: str) -> bool:
        """Returns whether git may convert the file at this absolute path."""
        return self.is_everywhere or any(
            path.startswith(folder) and patterns.verdict(path[len(folder) :], is_folder=False)
            for folder, patterns in self.layers
        )


def conversion_in(
    repository: Repository, attributes_files: Iterable[str], *, environment: Mapping[str, str] = os.environ
) -> Conversion:
    """Returns what git converts in a work tree, given the absolute paths of its attributes files."""
    output = run_git(
        ["config", "-z", "--type=path", "--get-regexp", r"^core\.(autocrlf|attributesfile)$"],
        repository.top,
        environment=environment,
        timeout_s=_CONFIG_TIMEOUT_S,
    )
    settings = dict(line.split("\n", 1) for line in os.fsdecode(output.data).split("\0") if "\n" in line)
    if settings.get("core.autocrlf", "false").lower() not in ("false", "no", "off", "0", ""):
        return Conversion(is_everywhere=True, layers=())
    home = environment.get("XDG_CONFIG_HOME") or environment.get("HOME", "") + "/.config"
    top = repository.top.rstrip("/") + "/"
    layers = [
        (top, _converting(f"{repository.common_dir}/info/attributes")),
        (top, _converting(os.path.realpath(settings.get("core.attributesfile") or f"{home}/git/attributes"))),
        (top, _converting(_SYSTEM_FILE)),
        *((path.removesuffix(ATTRIBUTES_FILE), _converting(path)) for path in attributes_files),
    ]
    layers = [layer for layer in layers if layer[1]]
    is_everywhere = any(folder == top and patterns.verdict("a/b", is_folder=False) for folder, patterns in layers)
    return Conversion(is_everywhere, tuple(layers))


def _converting(path: str) -> Patterns:
    content = os.fsdecode(read_small_file(path, _ATTRIBUTES_BYTES_MAX))
    lines = (line.strip() for line in content.split("\n"))
    patterns = (
        # A quoted pattern and a macro would need a parser of their own.
        "*" if line.startswith(('"', "[attr]")) else re.split(r"[ \t]", line, maxsplit=1)[0]
        for line in lines
        if not line.startswith(("#", "!")) and _CONVERTING.search(line)
    )
    return Patterns("\n".join(patterns))
