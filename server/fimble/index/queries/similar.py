"""Code that resembles a piece of code, anywhere in the workspace: chunks that share its rarest words."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from fimble.index.queries.nearness import family_of, is_test
from fimble.index.queries.sources import source_of
from fimble.index.queries.view import View
from fimble.index.store.schema import CHUNK_LINES

_WORD: Final = re.compile(r"[^\W\d]\w{2,59}")
_WORD_LIST: Final = re.compile(r"\w+")
_WORDS_MAX: Final = 60
_PER_FILE_MAX: Final = 3
_FETCH_FACTOR: Final = 6
# Of what was found, this share of the words must still be in the text that is read.
_SHARED_MIN: Final = 2
_OTHER_LANGUAGE: Final = 0.5
_TEST: Final = 0.8

_STOP_WORDS: Final = frozenset(
    _WORD_LIST.findall("""
    and any args arg assert async await bool boolean break case catch char class const continue def default del
    delete dict elif else end enum err error except export extends extern false final finally float fmt for
    foreach from func function get global has id if impl implements import in include init int interface is item
    items key lambda len let list long loop main map match mod module mut name namespace new nil none not null
    number obj object of operator option or package pass path print private protected pub public raise readonly
    ref result return self set shift size static str string struct super switch test text that the then this throw
    throws to true try tuple type typedef typeof undefined union unless unsafe unsigned until use using val value
    values var vec virtual void when where while with yield
""")
)


@dataclass(frozen=True, slots=True)
class SimilarChunk:
    """Lines `first_line` up to but without `end_line` of a file, with their text as it is now."""

    path: str
    first_line: int
    end_line: int
    text: str
    score: float


def similar_chunks(
    view: View, text: str, *, path: str = "", limit: int = 10, exclude: Collection[str] = ()
) -> list[SimilarChunk]:
    """Returns chunks that share the rarest words of `text`, best first; nothing of `path` or of files in `exclude`."""
    words = rare_words(text)
    if not words or limit <= 0:
        return []
    with view.reader.reading():
        chunks = view.reader.similar(words, _FETCH_FACTOR * limit)
    family = family_of(path) if path else None
    is_from_test = is_test(path)
    weighted: list[tuple[float, str, int]] = []
    for chunk in chunks:
        if chunk.path == path or chunk.path in exclude:
            continue
        weight = 1.0 if family is None or family_of(chunk.path) == family else _OTHER_LANGUAGE
        if not is_from_test and is_test(chunk.path):
            weight *= _TEST
        weighted.append((chunk.score * weight, chunk.path, chunk.first_line))
    weighted.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    wanted = {word.lower() for word in words}
    per_file: Counter[str] = Counter()
    texts: set[str] = set()
    lines_of: dict[str, list[str]] = {}
    found: list[SimilarChunk] = []
    for score, file, first_line in weighted:
        if per_file[file] >= _PER_FILE_MAX:
            continue
        if file not in lines_of:
            source = source_of(view, file)
            lines_of[file] = source.decode("utf-8", "replace").split("\n") if source is not None else []
        lines = lines_of[file][first_line : first_line + CHUNK_LINES]
        chunk_text = "\n".join(line.rstrip("\r") for line in lines)
        # The file may have changed since: what is there now must resemble the text, too; copies count once.
        shared = wanted & {word.lower() for word in _WORD.findall(chunk_text)}
        if len(shared) < min(_SHARED_MIN, len(wanted)) or chunk_text in texts:
            continue
        texts.add(chunk_text)
        per_file[file] += 1
        found.append(SimilarChunk(file, first_line, first_line + len(lines), chunk_text, score))
        if len(found) == limit:
            break
    return found


def rare_words(text: str) -> list[str]:
    """Returns the words of a text that may tell it from others, each once, those that matter most last.

    The end of the text is nearest to the cursor, so that of very many words the last ones are taken.
    """
    words: dict[str, None] = {}
    for word in reversed(_WORD.findall(text)):
        if word.lower() not in _STOP_WORDS:
            words.setdefault(word, None)
            if len(words) == _WORDS_MAX:
                break
    return list(reversed(words))
