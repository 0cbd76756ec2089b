"""Control tokens that a model wrote as text: the ones of its own prompt format, or of another one."""

import re
from typing import Final

from fimble.features.completion.surroundings import Surroundings

_TOKEN: Final = re.compile(
    r"<[|｜][A-Za-z_▁ ]{1,40}[|｜]>"
    r"|</?s>|<(?:fim|file|repo|issue|jupyter|commit)_[a-z_]{2,20}>|<(?:PRE|SUF|MID|EOT|EOM)>|\[/?(?:INST|PREFIX|SUFFIX|MIDDLE)\]"
)
# The beginning of one, where the text ended.
_BROKEN_TOKEN: Final = re.compile(r"<[|｜][A-Za-z_▁]{0,40}[|｜]?\Z")
_QUOTES: Final = "'\"`"
# In these, `<s>` is a tag, with which text is struck out.
_TAGGED: Final = frozenset({"html", "markdown", "php", "javascript", "tsx", "typescript"})


def leak_start(written: str, around: Surroundings) -> int | None:
    """Returns where the first leaked control token begins.

    Code that deals with models has them as well, but in quotes, or it has them around the hole already.
    """
    if "<" not in written and "[" not in written:
        return None
    for found in _TOKEN.finditer(written):
        start = found.start()
        before = (around.line_before + written[:start])[-1:]
        if before and before in _QUOTES:
            continue
        if found.group() in ("<s>", "</s>") and (around.language is None or around.language.name in _TAGGED):
            continue
        if any(found.group() in line for line in (around.line_before, *around.above, *around.below)):
            continue
        return start
    return None


def without_broken_token(text: str) -> str:
    """Returns text without the beginning of a control token at its end."""
    return _BROKEN_TOKEN.sub("", text)
