"""Who mentions whose names, for the whole workspace, in arrays; contents that have not changed are not read again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from fimble.index.languages import language_of_path
from fimble.index.mentions import name_hash, pack_mentions, unpack_mentions
from fimble.index.queries.nearness import family_of
from fimble.index.queries.page_rank import Floats, Links, Ranking, SmallFloats
from fimble.index.queries.view import View
from fimble.index.store.schema import FileFlag

DEFINERS_MAX: Final = 20
"""A name that more files define says nothing of any of them; with this, edges shrink to a hundredth."""
MENTIONS_MAX: Final = 1_500_000
"""The heaviest mentions that are kept; ranks of more take more than a tenth of a second."""
_TABLE_BITS: Final = 24
_TABLE_MASK: Final = np.uint32((1 << _TABLE_BITS) - 1)
# Building it anew may take a second in the largest repositories; it then waits for this many times as long.
_REST_FACTOR: Final = 20.0
# What these define, other files do not use by name.
_WITHOUT_INTERFACES: Final = frozenset({"markdown", "make", "dockerfile"})
_GENERATED_WEIGHT: Final = 0.1
_VENDORED_WEIGHT: Final = 0.05

Hashes: TypeAlias = npt.NDArray[np.uint32]
Places: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A file of the graph."""

    path: str
    flags: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The graph at one moment. `hashes` are sorted and number the names."""

    files: tuple[GraphFile, ...]
    numbers: dict[str, int]
    hashes: Hashes
    ranking: Ranking
    weights: Floats
    """How much a file matters by what it is, at most 1: generated and vendored ones less."""

    def name_numbers(self, definitions: Sequence[tuple[str, str]]) -> list[int]:
        """Returns the numbers of names, each with the path of the file that defines it.

        It is -1 for a name that nobody mentions, or that too many define.
        """
        hashes = [name_hash(name) ^ int(_salt(path)) for path, name in definitions]
        wanted = np.array(hashes, dtype=np.uint32)
        at, is_known = _numbered(self.hashes, wanted)
        numbers: list[int] = np.where(is_known, at, -1).tolist()
        return numbers


@dataclass(slots=True)
class NameGraph:
    """Keeps a graph for a workspace; it belongs to one thread."""

    clock: Callable[[], float] = time.monotonic
    _packed: dict[int, bytes] = field(default_factory=dict)
    _snapshot: Snapshot | None = None
    _generation: int = -2
    _rested_at_s: float = 0.0

    def snapshot(self, view: View) -> Snapshot:
        """Returns the graph, which may be some seconds older than the view: the ranks of files hardly change."""
        with view.reader.reading():
            generation = view.reader.generation()
            if self._snapshot is None or (generation != self._generation and self.clock() >= self._rested_at_s):
                started_s = self.clock()
                self._snapshot = self._build(view)
                self._generation = generation
                ended_s = self.clock()
                self._rested_at_s = ended_s + _REST_FACTOR * (ended_s - started_s)
            return self._snapshot

    def _build(self, view: View) -> Snapshot:
        entries = [
            (entry.path, entry.content, entry.flags)
            for entry in view.reader.files()
            if entry.content is not None and entry.path not in view.open_files and _is_code(entry.path)
        ]
        live = {content for _, content, _ in entries}
        self._packed = {content: packed for content, packed in self._packed.items() if content in live}
        self._packed.update(view.reader.mentions_of(live - self._packed.keys()))
        files = [GraphFile(path, flags) for path, _, flags in entries]
        packed = [self._packed.get(content, b"") for _, content, _ in entries]
        for path, opened in view.open_files.items():
            if _is_code(path):
                files.append(GraphFile(path, 0))
                packed.append(pack_mentions(opened.source, opened.symbols))
        hashes, links = _links(packed, [_salt(file.path) for file in files])
        numbers = {file.path: number for number, file in enumerate(files)}
        weights = np.array([flag_weight(file.flags) for file in files], dtype=np.float64)
        return Snapshot(tuple(files), numbers, hashes, Ranking(links), weights)


def flag_weight(flags: int) -> float:
    """Returns how much a file with these flags matters."""
    weight = 1.0
    if flags & FileFlag.GENERATED:
        weight *= _GENERATED_WEIGHT
    if flags & FileFlag.VENDORED:
        weight *= _VENDORED_WEIGHT
    return weight


@lru_cache(65_536)
def _salt(path: str) -> np.uint32:
    """Returns what tells names apart that languages cannot take from each other."""
    return np.uint32(name_hash(str(family_of(path))))


def _is_code(path: str) -> bool:
    language = language_of_path(path)
    return language is not None and not language.is_data and language.name not in _WITHOUT_INTERFACES


def _links(packed: Sequence[bytes], salts: Sequence[np.uint32]) -> tuple[Hashes, Links]:
    """Returns the hashes of the names that link files, and the links."""
    unpacked = [unpack_mentions(data) for data in packed]
    defined = np.frombuffer(b"".join(one.defined for one in unpacked if one), "<u4")
    used = np.frombuffer(b"".join(one.used for one in unpacked if one), "<u4")
    counts = np.frombuffer(b"".join(one.counts for one in unpacked if one), "u1")
    numbers = np.arange(len(packed), dtype=np.int32)
    define_file = np.repeat(numbers, [len(one.defined) // 4 if one else 0 for one in unpacked])
    mention_file = np.repeat(numbers, [len(one.counts) if one else 0 for one in unpacked])
    salt = np.array(salts, dtype=np.uint32)
    defined, used = defined ^ salt[define_file], used ^ salt[mention_file]

    hashes, definers = np.unique(defined, return_counts=True)
    hashes = hashes[definers <= DEFINERS_MAX]
    # Nine of ten names that are not defined here are sorted out by a table of a part of the hash.
    may_be_defined = np.zeros(1 << _TABLE_BITS, dtype=bool)
    may_be_defined[hashes & _TABLE_MASK] = True
    likely = np.flatnonzero(may_be_defined[used & _TABLE_MASK])
    # Hash and place in one number: sorting these is many times faster than finding the order of the hashes.
    keys = np.sort((used[likely].astype(np.uint64) << np.uint64(32)) | likely.astype(np.uint64))
    sorted_hashes = (keys >> np.uint64(32)).astype(np.uint32)
    order = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    is_defined = _numbered(hashes, sorted_hashes)[1]
    sorted_hashes, order = sorted_hashes[is_defined], order[is_defined]
    # Names that nobody else mentions link nothing.
    hashes = np.unique(sorted_hashes)
    mention_name = np.searchsorted(hashes, sorted_hashes)
    mention_file, counts = mention_file[order], counts[order]
    define_name, is_linking = _numbered(hashes, defined)
    define_file, define_name = define_file[is_linking], define_name[is_linking]

    weight = _weights(len(packed), len(hashes), mention_name, define_name, counts)
    if len(weight) > MENTIONS_MAX:
        # Of what a file mentions, what counts less than its other mentions hardly changes any rank.
        mean = np.bincount(mention_file, weight, len(packed)) / np.maximum(np.bincount(mention_file), 1)
        relative = weight / mean[mention_file]
        kept = relative >= np.partition(relative, len(relative) - MENTIONS_MAX)[len(relative) - MENTIONS_MAX]
        mention_file, mention_name, weight = mention_file[kept], mention_name[kept], weight[kept]
        is_mentioned = np.zeros(len(hashes), dtype=bool)
        is_mentioned[mention_name] = True
        is_linking = is_mentioned[define_name]
        renumbered = np.cumsum(is_mentioned) - 1
        hashes, mention_name = hashes[is_mentioned], renumbered[mention_name]
        define_file, define_name = define_file[is_linking], renumbered[define_name[is_linking]]
    return hashes, Links(
        files=len(packed),
        names=len(hashes),
        mention_file=mention_file.astype(np.int32),
        mention_name=mention_name.astype(np.int32),
        mention_weight=weight.astype(np.float32),
        define_file=define_file.astype(np.int32),
        define_name=define_name.astype(np.int32),
    )


def _weights(
    files: int, names: int, mention_name: Places, define_name: Places, counts: npt.NDArray[np.uint8]
) -> SmallFloats:
    """Returns how much each mention counts.

    Many mentions in a file count more than one, but not as many times; a name that has many definers says less of
    each, and one that very many files mention (it may be a word of the comments) less than one that few know.
    """
    definers = np.bincount(define_name, minlength=names)
    mentioners = np.bincount(mention_name, minlength=names)
    telling = np.log1p(files / np.maximum(mentioners, 1)) / np.sqrt(np.maximum(definers, 1))
    return np.sqrt(counts.astype(np.float32)) * telling.astype(np.float32)[mention_name]


def _numbered(hashes: Hashes, wanted: Hashes) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Returns where each wanted hash is among the sorted `hashes`, and whether it is there at all."""
    at = np.searchsorted(hashes, wanted)
    if len(hashes) == 0:
        return at, np.zeros(len(wanted), dtype=bool)
    return at, hashes[np.minimum(at, len(hashes) - 1)] == wanted
