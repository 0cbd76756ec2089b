"""What a typed piece of a name matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.index.queries.name_match import NameMatch, parts_of, qualifiers_of

_NAMES = st.text("abAB_1é", max_size=12)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("BrowserContext", ["browser", "context"]),
        ("HTTPServer2", ["http", "server", "2"]),
        ("async_setup_entry", ["async", "setup", "entry"]),
        ("__init__", ["init"]),
        ("größe_ändern", ["größe", "ändern"]),
        ("___", []),
    ],
)
def test_a_name_has_parts(name: str, parts: list[str]) -> None:
    assert parts_of(name) == parts


@pytest.mark.parametrize(
    "query", ["BrowserContext", "browsercontext", "Brow", "brow", "brCon", "brow cont", "Context", "brcon", "BC"]
)
def test_a_query_matches_by_case_prefix_and_parts(query: str) -> None:
    assert NameMatch(query).score("BrowserContext") is not None


@pytest.mark.parametrize("query", ["", " ", "rowser", "conBr", "brcons", "BrowserContexts", "x", ".*", "["])
def test_a_query_does_not_match_inside_of_parts_or_in_another_order(query: str) -> None:
    assert NameMatch(query).score("BrowserContext") is None


def test_better_matches_score_higher() -> None:
    match = NameMatch("get")
    names = ["get", "GET", "get_all", "GetAll", "forget", "widget_get", "gather_every_thing"]
    scored = [(score, name) for name in names if (score := match.score(name)) is not None]
    assert [name for _, name in sorted(scored, reverse=True)] == [
        "get",
        "GET",
        "get_all",
        "GetAll",
        "widget_get",
        "gather_every_thing",
    ]


@given(_NAMES, _NAMES)
def test_what_matches_has_the_letters_of_the_query_in_their_order(query: str, name: str) -> None:
    if NameMatch(query).score(name) is not None:
        letters = iter(name.lower())
        assert all(letter in letters for letter in query.lower().replace("_", "") if not letter.isspace())


@given(st.text("abAB_1é", min_size=1, max_size=12), _NAMES)
def test_every_prefix_of_a_name_matches_it(prefix: str, rest: str) -> None:
    assert NameMatch(prefix).score(prefix + rest) is not None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Class.method", (["Class"], "method")),
        ("a::b::C", (["a", "b"], "C")),
        ("src/app#run", (["src", "app"], "run")),
        ("plain", ([], "plain")),
        ("...", ([], "")),
    ],
)
def test_a_query_may_be_qualified(query: str, expected: tuple[list[str], str]) -> None:
    assert qualifiers_of(query) == expected
