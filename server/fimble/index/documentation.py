"""The first line of a definition's documentation, read from the text alone: a docstring, or the comment above.

It is asked once for each symbol of a workspace, so that it looks at one line where there is nothing to find, and
at a bounded number of bytes where there is something.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

from fimble.index.languages import Language
from fimble.index.symbols import DOC_CHARACTERS_MAX

_LINES_MAX: Final = 60
_LINE_BYTES_MAX: Final = 2_000
_COMMENT_BYTES_MAX: Final = 8_192
_PREFIX_BYTES_MAX: Final = 200

_DOCSTRING: Final = re.compile(rb"\s*[rRuUbB]{0,2}(\"\"\"|'''|\"|')\s*(.*)")
# What may stand before a definition on its line: words like `export`, `local`, `static`, a type, an annotation.
_WORDS: Final = re.compile(rb"[\w\s<>,.?*&@\[\]]*")
# What may stand between a definition and its comment: decorators, annotations, attributes, a template's head.
_ATTRIBUTE: Final = re.compile(rb"@[\w(]|#!?\[|\[.*\]$|template\s*<")
_ATTRIBUTES: Final = {
    "elixir": re.compile(rb"@(?:spec|impl|doc|typedoc|deprecated|since|dialyzer)\b"),
    "haskell": re.compile(rb"\{-#"),
    "ruby": re.compile(rb"sig\b"),
}
_ATTRIBUTE_END: Final = re.compile(rb"[)\]}].*[)\]]$")
# Comments for tools, and those that say whose the file is.
_DIRECTIVE: Final = re.compile(
    r"(?:@?(?:ts-|eslint|prettier|biome|jshint|istanbul)|noqa|type:|pylint|mypy:|ruff:|fmt:|rubocop|frozen_string|nolint"
    r"|clang-|go:|\+build|syntax=|swiftlint|ktlint|shellcheck|noinspection|pragma|region\b|endregion|(?:en)?coding[:=]|vim?:)"
    r"|(?:copyright|\(c\)|©|spdx-|licensed under|this file is part of|all rights reserved)",
    re.IGNORECASE,
)
_XML_TAG: Final = re.compile(r"</?(?:summary|remarks|para|p|inheritdoc|returns)\b[^>\n]*>")
_SUMMARY_TAG: Final = re.compile(
    r"[@\\](?:brief|short|summary|description|desc|class|fn|function)\b:?\s*", re.IGNORECASE
)
_DECORATION: Final = b" \t/!*#-|:=~^;"
_RULE: Final = re.compile(rb"[\s\-=#*~_/]{3,}$")
_ELIXIR_MODULE_DOC: Final = re.compile(rb"do\s+@moduledoc\s+(?:~[sS])?(\"\"\"|\")\s*(.*)")
_ELIXIR_DOC: Final = re.compile(rb"\s*@(?:type)?doc\s+(?:~[sS])?(\"\"\"|\")\s*(.*)")


class _Style(NamedTuple):
    """How a language writes comments; a block's ends are empty where it has none."""

    markers: tuple[bytes, ...]
    opening: bytes
    closing: bytes
    attribute: re.Pattern[bytes]


_BLOCKS: Final = {"haskell": (b"{-", b"-}"), "lua": (b"--[[", b"]]"), "julia": (b"#=", b"=#")}


def documentation(language: Language, source: bytes, start: int, body: int) -> str:
    """Returns the first line of what documents the definition that starts at `start`, or an empty string.

    Args:
        language: the language of `source`.
        source: the text in UTF-8.
        start: where the definition starts.
        body: where its body starts, or -1.
    """
    if body >= 0:
        if language.name == "python":
            if found := _docstring(_DOCSTRING, source, body):
                return found
        elif language.name == "elixir" and (found := _docstring(_ELIXIR_MODULE_DOC, source, body)):
            return found
    line_start = source.rfind(b"\n", max(0, start - _PREFIX_BYTES_MAX), start) + 1
    if line_start == 0 and start > _PREFIX_BYTES_MAX:
        return ""
    if line_start < start and _WORDS.fullmatch(source, line_start, start) is None:
        return ""  # Other code is on the line, so that a comment above is not about this.
    return _above(language, source, line_start)


def _docstring(pattern: re.Pattern[bytes], source: bytes, at: int) -> str:
    match = pattern.match(source, at, at + _LINE_BYTES_MAX)
    return _text(match[2].partition(match[1])[0]) if match is not None else ""


def _above(language: Language, source: bytes, end: int) -> str:
    """Returns the documentation that ends where the line at `end` starts."""
    style = _style(language.name, language.line_comments, language.has_block_comments)
    comment: list[bytes] = []
    lowest = max(0, end - _COMMENT_BYTES_MAX)
    for _ in range(_LINES_MAX):
        if end <= lowest:
            break
        begin = source.rfind(b"\n", lowest, end - 1) + 1
        line = source[begin : end - 1].strip()
        if not line or (begin == 0 and lowest > 0):
            break
        if line.startswith(style.markers) and not line.startswith((b"#[", b"#![")):
            comment.append(line)
        elif comment:
            break
        elif style.attribute.match(line) is not None:
            if language.name == "elixir" and (found := _docstring(_ELIXIR_DOC, source, begin)):
                return found
        elif style.closing and line.endswith(style.closing):
            return _block(source, style, lowest, end)
        elif line.endswith(b'"') and language.name in {"julia", "elixir"}:
            return _string_above(language, source, lowest, begin, end)
        elif _ATTRIBUTE_END.match(line) is not None:
            begin = _attribute_start(source, lowest, begin)
            if begin < 0:
                break
        else:
            break
        end = begin
    return _summary(reversed(comment))


@cache
def _style(name: str, markers: tuple[str, ...], has_blocks: bool) -> _Style:
    opening, closing = _BLOCKS.get(name, (b"/*", b"*/") if has_blocks else (b"", b""))
    return _Style(tuple(marker.encode() for marker in markers), opening, closing, _ATTRIBUTES.get(name, _ATTRIBUTE))


def _block(source: bytes, style: _Style, lowest: int, end: int) -> str:
    opening = source.rfind(style.opening, lowest, end)
    line_start = source.rfind(b"\n", lowest, max(opening, lowest)) + 1
    if opening < 0 or source[line_start:opening].strip():
        return ""  # The comment follows code on its line and is about that.
    comment = source[opening + len(style.opening) : end].rstrip()
    return _summary(comment.removesuffix(style.closing).splitlines())


def _string_above(language: Language, source: bytes, lowest: int, begin: int, end: int) -> str:
    """Returns what the string says that ends on the line above: Julia's docstring, or the heredoc of Elixir's @doc."""
    end = begin + len(source[begin:end].rstrip())
    if source.endswith(b'"""', begin, end):
        opening = source.rfind(b'"""', lowest, end - 3)
        if opening < 0:
            return ""
        begin = source.rfind(b"\n", lowest, opening) + 1
    if language.name == "elixir":
        return _docstring(_ELIXIR_DOC, source, begin)
    text = source[begin:end].strip()
    if not text.startswith(b'"'):
        return ""
    lines = text.strip(b'"').splitlines()
    # A docstring of Julia may begin with indented signatures.
    return _summary(line for line in lines if not line.startswith((b"    ", b"\t"))) or _summary(lines)


def _attribute_start(source: bytes, lowest: int, end: int) -> int:
    """Returns where the attribute starts that spans the lines before `end` and closes there, or -1."""
    last = source[end : end + _PREFIX_BYTES_MAX]
    indentation = last[: len(last) - len(last.lstrip(b" \t"))]
    for _ in range(_LINES_MAX):
        if end <= lowest:
            break
        begin = source.rfind(b"\n", lowest, end - 1) + 1
        line = source[begin:end]
        if line.startswith(indentation) and line[len(indentation) : len(indentation) + 1] not in b" \t\r\n)]}":
            return begin if line[len(indentation) :].startswith((b"@", b"#[", b"[")) else -1
        end = begin
    return -1


def _summary(lines: Iterable[bytes]) -> str:
    for line in lines:
        words = line[:_LINE_BYTES_MAX].strip().lstrip(_DECORATION)
        text = _text(_RULE.sub(b"", words[: 4 * DOC_CHARACTERS_MAX]).removeprefix(b"[[").removesuffix(b"]]"))
        if line.startswith(b"#!") or _DIRECTIVE.match(text) is not None:
            continue
        if text.startswith(("@", "\\")):
            text, tags = _SUMMARY_TAG.subn("", text, count=1)
            if not tags:
                continue
        if text:
            return text
    return ""


def _text(text: bytes) -> str:
    decoded = text.decode("utf-8", "replace")
    if "<" in decoded:
        decoded = _XML_TAG.sub("", decoded)
    return " ".join(decoded.split())[:DOC_CHARACTERS_MAX].rstrip()
