"""Personalised PageRank (Page, Brin, Motwani and Winograd 1999) over files and the names that link them.

A file passes its rank to the names that it mentions, a name to the files that define it. Keeping the names as nodes
of their own, instead of linking each file with each other one that shares a name, makes millions of edges of what
otherwise are tens of millions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SmallFloats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

DAMPING: Final = 0.85
TOLERANCE: Final = 1e-2
_ROUNDS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Links:
    """Which files mention and define which names; files and names are numbers from 0.

    The mentions are sorted by name, the definitions by file. Each name that is mentioned is also defined somewhere.
    """

    files: int
    names: int
    mention_file: Numbers
    mention_name: Numbers
    mention_weight: SmallFloats
    define_file: Numbers
    define_name: Numbers


@dataclass(frozen=True, slots=True)
class Ranks:
    """The rank of each file, all together 1, and how much of it passes through each name."""

    files: Floats
    names: SmallFloats


class Ranking:
    """What can be computed of links once and for all restarts."""

    def __init__(self, links: Links) -> None:
        self.links = links
        outgoing = np.bincount(links.mention_file, links.mention_weight, links.files)
        definers = np.bincount(links.define_name, minlength=links.names)
        # Half the bytes make the millions of mentions twice as fast; the ranks themselves stay exact.
        self._share = (links.mention_weight / np.maximum(outgoing[links.mention_file], 1e-30)).astype(np.float32)
        self._part = (1.0 / np.maximum(definers[links.define_name], 1)).astype(np.float32)
        self._is_sink = outgoing <= 0
        self._starts = np.flatnonzero(np.diff(links.mention_name, prepend=-1))
        self._mentioned = links.mention_name[self._starts]
        self._definition_starts = np.flatnonzero(np.diff(links.define_file, prepend=-1))
        self._defining = links.define_file[self._definition_starts]

    def rank(self, restart: Floats, *, damping: float = DAMPING, tolerance: float = TOLERANCE) -> Ranks:
        """Returns ranks where the walk begins anew at each file as often as `restart` says."""
        links = self.links
        if links.files == 0:
            return Ranks(np.zeros(0), np.zeros(links.names, dtype=np.float32))
        total = restart.sum()
        restart = restart / total if total > 0 else np.full(links.files, 1.0 / links.files)
        ranks = restart
        names = self._through_names(ranks)
        for _ in range(_ROUNDS_MAX):
            arrived = self._to_files(names)
            lost = ranks[self._is_sink].sum()
            following = damping * (arrived + lost * restart) + (1.0 - damping) * restart
            following /= following.sum()  # What rounding has taken.
            change = np.abs(following - ranks).sum()
            ranks = following
            names = self._through_names(ranks)
            if change < tolerance:
                break
        return Ranks(ranks, names)

    def _through_names(self, ranks: Floats) -> SmallFloats:
        names = np.zeros(self.links.names, dtype=np.float32)
        if len(self._starts):
            passed = ranks.astype(np.float32)[self.links.mention_file] * self._share
            names[self._mentioned] = np.add.reduceat(passed, self._starts)
        return names

    def _to_files(self, names: SmallFloats) -> Floats:
        files = np.zeros(self.links.files)
        if len(self._definition_starts):
            arrived = names[self.links.define_name] * self._part
            files[self._defining] = np.add.reduceat(arrived, self._definition_starts)
        return files
