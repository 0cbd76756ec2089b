"""Settings as they are read, and what is made of those that cannot be used."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.navigation.served import Serving
from fimble.lsp.options import Fallback, Options, options_from_lsp

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["model", "completion", "enabled", "tokensMax", "fimble", "x", "index", "navigation"]),
            inner,
        )
    ),
    max_leaves=10,
)


def test_every_setting_is_read() -> None:
    settings = {
        "model": "qwen2.5-coder-0.5b",
        "completion": {
            "enabled": False,
            "languagesDisabled": ["markdown"],
            "globsDisabled": ["*.env"],
            "promptTokensMax": 1000,
            "tokensMax": 64,
            "fallback": "never",
        },
        "navigation": "always",
        "otherServers": ["python"],
        "index": {"enabled": False},
        "statistics": {"enabled": False},
    }
    expected = Options(
        model="qwen2.5-coder-0.5b",
        completion_enabled=False,
        languages_disabled=("markdown",),
        globs_disabled=("*.env",),
        prompt_tokens_max=1000,
        tokens_max=64,
        fallback=Fallback.NEVER,
        navigation=Serving.ALWAYS,
        other_servers=("python",),
        index_enabled=False,
        statistics_enabled=False,
    )
    assert options_from_lsp(settings, Options()) == (expected, [])
    assert options_from_lsp({"fimble": settings}, Options()) == (expected, [])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": "/home/me/model.gguf"}, "model"),
        ({"model": "../up"}, "model"),
        ({"model": "evil.gguf"}, "model"),
        ({"model": 5}, "model"),
        ({"completion": {"enabled": 1}}, "completion.enabled"),
        ({"completion": {"languagesDisabled": "python"}}, "completion.languagesDisabled"),
        ({"completion": {"globsDisabled": ["x" * 300]}}, "completion.globsDisabled"),
        ({"completion": {"globsDisabled": ["x"] * 300}}, "completion.globsDisabled"),
        ({"completion": {"promptTokensMax": True}}, "completion.promptTokensMax"),
        ({"completion": {"tokensMax": 1.5}}, "completion.tokensMax"),
        ({"completion": {"fallback": []}}, "completion.fallback"),
        ({"completion": {"enabeld": True}}, "completion.enabeld"),
        ({"completion": 5}, "completion"),
        ({"navigation": "sometimes"}, "navigation"),
        ({"navigation": True}, "navigation"),
        ({"otherServers": "python"}, "otherServers"),
        ({"otherServers": [5]}, "otherServers"),
        ({"index": {"enabled": "no"}}, "index.enabled"),
        ({"index": {"folder": "/tmp"}}, "index.folder"),
        ({"index": False}, "index"),
        ({"fimble": 5}, "fimble"),
        ("odd", "settings"),
    ],
)
def test_an_unusable_setting_keeps_its_default_and_is_named(settings: Any, named: str) -> None:
    options, problems = options_from_lsp(settings, Options(tokens_max=9))
    assert options == Options(tokens_max=9)
    assert len(problems) == 1
    assert named in problems[0]


def test_settings_of_others_and_without_a_value_are_ignored() -> None:
    settings = {"editorInfo": {"name": "x"}, "trace": 1, "model": None, "completion": {"enabled": None}}
    assert options_from_lsp(settings, Options()) == (Options(), [])


def test_an_index_that_is_switched_off_serves_no_language() -> None:
    assert Options(navigation=Serving.ALWAYS).served.is_everything
    assert not Options(navigation=Serving.ALWAYS, index_enabled=False).served.is_anything


def test_no_other_servers_is_not_the_same_as_not_knowing() -> None:
    assert options_from_lsp({"otherServers": []}, Options())[0].served.is_everything
    assert not options_from_lsp({}, Options())[0].served.is_anything


@given(JSON)
def test_no_settings_are_too_odd(settings: Any) -> None:
    _, problems = options_from_lsp(settings, Options())
    assert len(problems) <= 20


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.env", "a/b/.env", True),
        ("secrets/*", "secrets/a/b.py", True),
        ("secrets/*", "src/secrets.py", False),
        ("A.py", "a.py", False),
    ],
)
def test_patterns_match_path_and_name(glob: str, path: str, expected: bool) -> None:
    assert Options(globs_disabled=(glob,)).is_disabled("python", path) is expected
