"""PageRank over files and names, against a slow one that follows its definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.queries.page_rank import Links, Ranking

_FILES, _NAMES = 6, 5
_Edges = list[tuple[int, int, float]]

_mentions = st.lists(
    st.tuples(st.integers(0, _FILES - 1), st.integers(0, _NAMES - 1), st.sampled_from([0.5, 1.0, 3.0])),
    max_size=20,
    unique_by=lambda edge: edge[:2],
)
_definitions = st.lists(st.tuples(st.integers(0, _FILES - 1), st.integers(0, _NAMES - 1)), max_size=12, unique=True)
_restarts = st.lists(st.floats(0, 5), min_size=_FILES, max_size=_FILES)


def _links(mentions: _Edges, definitions: list[tuple[int, int]]) -> tuple[Links, _Edges]:
    defined = {name for _, name in definitions}
    mentions = sorted((edge for edge in mentions if edge[1] in defined), key=lambda edge: edge[1])
    definitions = sorted(definitions)
    links = Links(
        files=_FILES,
        names=_NAMES,
        mention_file=np.array([edge[0] for edge in mentions], dtype=np.int32),
        mention_name=np.array([edge[1] for edge in mentions], dtype=np.int32),
        mention_weight=np.array([edge[2] for edge in mentions], dtype=np.float32),
        define_file=np.array([edge[0] for edge in definitions], dtype=np.int32),
        define_name=np.array([edge[1] for edge in definitions], dtype=np.int32),
    )
    return links, mentions


def _slowly(mentions: _Edges, definitions: list[tuple[int, int]], restart: list[float]) -> list[float]:
    total = sum(restart)
    start = [one / total for one in restart] if total else [1 / _FILES] * _FILES
    ranks = list(start)
    for _ in range(300):
        following = [0.15 * one for one in start]
        for file in range(_FILES):
            outgoing = [(name, weight) for mentioner, name, weight in mentions if mentioner == file]
            for name, weight in outgoing:
                definers = [definer for definer, defined in definitions if defined == name]
                share = weight / sum(weight for _, weight in outgoing)
                for definer in definers:
                    following[definer] += 0.85 * ranks[file] * share / len(definers)
            if not outgoing:
                for other in range(_FILES):
                    following[other] += 0.85 * ranks[file] * start[other]
        ranks = following
    return ranks


@settings(deadline=None)
@given(_mentions, _definitions, _restarts)
def test_ranks_are_those_of_the_definition(
    mentions: _Edges, definitions: list[tuple[int, int]], restart: list[float]
) -> None:
    links, kept = _links(mentions, definitions)
    ranks = Ranking(links).rank(np.array(restart), tolerance=1e-12)
    expected = _slowly(kept, definitions, restart)
    # 60 rounds at most: what is left is 0.85 to the power of 60.
    np.testing.assert_allclose(ranks.files, expected, atol=2e-4)


@settings(deadline=None)
@given(_mentions, _definitions, _restarts)
def test_ranks_add_up_to_one(mentions: _Edges, definitions: list[tuple[int, int]], restart: list[float]) -> None:
    links, _ = _links(mentions, definitions)
    ranks = Ranking(links).rank(np.array(restart))
    assert abs(ranks.files.sum() - 1.0) < 1e-9
    assert (ranks.files >= 0).all()
    assert ranks.names.sum() <= 1.0 + 1e-5


def test_rank_flows_from_the_restart_to_what_it_mentions() -> None:
    links, _ = _links([(0, 0, 1.0), (1, 1, 1.0)], [(2, 0), (3, 1)])
    ranks = Ranking(links).rank(np.array([1.0, 0, 0, 0, 0, 0]))
    assert ranks.files[2] > 0.3
    assert ranks.files[3] == 0.0


def test_a_graph_of_nothing_has_no_ranks() -> None:
    nothing = np.zeros(0, dtype=np.int32)
    links = Links(0, 0, nothing, nothing, np.zeros(0, dtype=np.float32), nothing, nothing)
    assert len(Ranking(links).rank(np.zeros(0)).files) == 0
