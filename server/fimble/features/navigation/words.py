"""The word at the cursor: what the user asks about when they ask where something is defined."""

from dataclasses import dataclass
from typing import Final

from fimble.workspace.text import Text

WORD_CHARACTERS_MAX: Final = 200

# What words hold besides letters, digits and underscores, by LSP language id.
_DOLLAR: Final = frozenset(
    {"javascript", "javascriptreact", "typescript", "typescriptreact", "java", "scala", "dart", "vue", "svelte"}
)
_DASH: Final = frozenset({"css", "scss", "less", "html", "clojure", "lisp", "scheme", "makefile", "yaml", "toml"})
# Ruby's `empty?` and `save!`, Elixir's and Julia's `push!`: only at the end.
_MARKS: Final = {"ruby": "?!", "elixir": "?!", "julia": "!"}


@dataclass(frozen=True, slots=True)
class Word:
    """An identifier in a text, and the offsets of its start and its end."""

    text: str
    start: int
    end: int


def word_at(text: Text, offset: int, language: str) -> Word | None:
    """Returns the identifier that holds `offset` or ends there, None where there is none."""
    line_number = text.line_at(offset)
    line_start = text.line_start(line_number)
    line = text.line(line_number)
    at = min(offset - line_start, len(line))
    extra = ("$" if language in _DOLLAR else "") + ("-" if language in _DASH else "")
    marks = _MARKS.get(language, "")
    if marks and 0 < at <= len(line) and line[at - 1] in marks and not _starts_inside(line, at, extra):
        # The cursor is after the mark, which belongs to the word before it.
        at -= 1
    start = end = at
    while start > 0 and at - start <= WORD_CHARACTERS_MAX and _is_part(line[start - 1], extra):
        start -= 1
    while end < len(line) and end - at <= WORD_CHARACTERS_MAX and _is_part(line[end], extra):
        end += 1
    # `a != b` has no `a!`.
    if start < end < len(line) and line[end] in marks and line[end + 1 : end + 2] != "=":
        end += 1
    # Dashes join words, they do not begin or end them: `--color`, `a - b`.
    while start < end and line[start] == "-":
        start += 1
    while start < end and line[end - 1] == "-":
        end -= 1
    word = line[start:end]
    if not word or len(word) > WORD_CHARACTERS_MAX or word[0].isdigit():
        return None
    return Word(word, line_start + start, line_start + end)


def _starts_inside(line: str, at: int, extra: str) -> bool:
    return at < len(line) and _is_part(line[at], extra)


def _is_part(letter: str, extra: str) -> bool:
    # Not str.isalnum, which leaves out the vowel signs of Indic scripts and other marks that identifiers may have.
    return letter in extra or ("_" + letter).isidentifier()
