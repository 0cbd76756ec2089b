"""The language of ignore files: documented cases, and whatever git itself says about random ones."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.index.files.patterns import Patterns

PIECES = [
    *("a", "b", "foo", "bar", ".", "-", "!", "#", " ", "*", "**", "***", "?", "/", "/", "\\", "\\*", "\\a"),
    *("[ab]", "[!a]", "[^a]", "[a-c]", "[]a]", "[^]b]", "[z-a]", "[a-]", "[a/b]", "[\\]a]", "[a-\\c]", "[a"),
    *("[[:alpha:]]", "[[:digit:]x]", "[[:nope:]]", "[[:a]", "[[:punct:]]", "[^[:lower:]]"),
]
NAMES = ["a", "b", "c", "foo", "bar", "foobar", "ab", "a.b", "x*", "a b", "a ", "!a", "#b", "-", "1x", "-a", "[a", "A"]


def is_ignored(patterns: Patterns, path: str) -> bool:
    parts = path.split("/")
    folders = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return any(patterns.verdict(folder, is_folder=True) for folder in folders) or bool(
        patterns.verdict(path, is_folder=False)
    )


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("name", ["name", "a/name", "name/x"], ["names", "a/named"]),
        ("/name", ["name", "name/x"], ["a/name"]),
        ("a/name", ["a/name", "a/name/x"], ["x/a/name", "name"]),
        ("name/", ["name/x", "a/name/x"], ["name", "a/name"]),
        ("*.py", ["x.py", "a/x.py", ".py"], ["x.pyc", "py"]),
        ("*", ["x", "a/b"], []),
        ("a/*", ["a/b", "a/b/c"], ["a", "b/a"]),
        ("a?c", ["abc", "x/abc"], ["ac", "a/c", "abbc"]),
        ("x/a*c", ["x/ac", "x/abc", "x/abbc/d"], ["x/a/c", "abc"]),
        ("**/b", ["b", "a/b", "a/a/b"], ["ab", "bb"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "x/a/b", "a/xb"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
        ("x/a**b", ["x/ab", "x/axb"], ["x/a/b"]),
        ("*.py\n!keep.py", ["x.py", "a/x.py"], ["keep.py", "a/keep.py"]),
        ("!keep.py\n*.py", ["keep.py"], []),
        ("build/\n!build/keep", ["build/keep", "build/x"], ["build"]),
        ("build/*\n!build/keep", ["build/x"], ["build/keep"]),
        ("\\#name\n#other", ["#name"], ["#other", "other"]),
        ("\\!name", ["!name"], ["name"]),
        ("name   ", ["name"], ["name   ", "name "]),
        ("name\\ ", ["name "], ["name"]),
        ("na me", ["na me"], ["na", "me"]),
        ("name\t", ["name\t"], ["name"]),
        ("name\r\nother\r\n", ["name", "other"], ["name\r"]),
        ("\ufeffname", ["name"], ["\ufeffname"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[!a-c]x", ["dx"], ["ax", "x"]),
        ("[[:digit:]_]x", ["1x", "_x"], ["ax"]),
        ("[]x]", ["]", "x"], ["[]x]", "a"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("[a", [], ["a", "[a"]),
        ("a\\", [], ["a", "a\\"]),
        ("", [], ["a"]),
        ("/", [], ["a"]),
        ("\n\n  \n#\n", [], ["a", " "]),
    ],
)
def test_documented_patterns(text: str, ignored: list[str], kept: list[str]) -> None:
    patterns = Patterns(text)
    assert [path for path in ignored if not is_ignored(patterns, path)] == []
    assert [path for path in kept if is_ignored(patterns, path)] == []


class CheckIgnore:
    """Git's own answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "init", "-q", folder], check=True)

    def ignored(self, text: str, paths: list[str]) -> set[str]:
        (self.folder / ".gitignore").write_text(text)
        command = [
            "git",
            "-C",
            str(self.folder),
            "-c",
            "core.excludesFile=",
            "check-ignore",
            "-z",
            "--stdin",
            "--no-index",
        ]
        output = subprocess.run(
            command, check=False, input="\0".join(paths) + "\0", capture_output=True, text=True
        ).stdout
        return set(output.split("\0")) - {""}


@pytest.fixture(scope="module")
def check_ignore(tmp_path_factory: pytest.TempPathFactory) -> CheckIgnore:
    return CheckIgnore(tmp_path_factory.mktemp("patterns"))


line = st.builds(
    lambda negation, pieces, end: negation + "".join(pieces) + end,
    st.sampled_from(["", "", "", "!"]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5),
    st.sampled_from(["", "", "/", " "]),
)
path = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(lines=st.lists(line, min_size=1, max_size=4), paths=st.lists(path, min_size=30, max_size=60, unique=True))
def test_random_patterns_mean_what_git_takes_them_for(
    check_ignore: CheckIgnore, lines: list[str], paths: list[str]
) -> None:
    text = "\n".join(lines) + "\n"
    patterns = Patterns(text)
    assert {path for path in paths if is_ignored(patterns, path)} == check_ignore.ignored(text, paths)


def test_capital_letters_count_unless_the_file_system_ignores_them() -> None:
    assert Patterns("Build/").verdict("build", is_folder=True) is None
    assert Patterns("Build/", is_case_blind=True).verdict("BUILD", is_folder=True) is True


def test_patterns_made_to_be_slow_are_not() -> None:
    """With backtracking this would never end."""
    patterns = Patterns("*a*a*a*a*a*a*a*a*a*a*a*a*b\n" + "**/a*/" * 12 + "b\nx/" + "*a" * 12 + "b\n")
    assert patterns.verdict("a" * 250, is_folder=False) is None
    assert patterns.verdict("x/" + "a" * 250, is_folder=False) is None
    assert patterns.verdict("/".join(["aa"] * 1000), is_folder=False) is None
    assert patterns.verdict("aab", is_folder=False) is None
    assert patterns.verdict("a" * 50 + "b", is_folder=False) is True


def test_names_that_are_not_utf8_can_be_matched() -> None:
    patterns = Patterns(b"caf\xe9*\n".decode("utf-8", "surrogateescape"))
    assert patterns.verdict(b"x/caf\xe9.py".decode("utf-8", "surrogateescape"), is_folder=False) is True
    assert patterns.verdict("x/café.py", is_folder=False) is None
