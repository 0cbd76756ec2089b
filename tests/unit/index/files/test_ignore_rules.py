"""Rules for single paths in folders without git; with git they are compared to listings in the functional tests."""

from pathlib import Path

import pytest

from fimble.index.files.ignoring import Rules


def make(root: Path, files: dict[str, str]) -> Rules:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return Rules(root, environment={})


def test_ignore_files_count_for_their_folder_and_deeper_ones_win(tmp_path: Path) -> None:
    rules = make(tmp_path, {".gitignore": "*.log\n/only_here\n", "a/.gitignore": "!keep.log\ndeep/\n", "a/b/x": ""})
    paths = ["x.log", "a/x.log", "a/keep.log", "keep.log", "only_here", "a/only_here", "a/b/deep/x", "deep/x", "a/b/x"]
    assert [path for path in paths if rules.is_ignored(path)] == [
        "x.log",
        "a/x.log",
        "keep.log",
        "only_here",
        "a/b/deep/x",
    ]


def test_what_tools_leave_behind_is_ignored_unless_a_pattern_takes_it_back(tmp_path: Path) -> None:
    rules = make(tmp_path, {".gitignore": "!kept/node_modules/\n"})
    paths = ["node_modules/a.js", "a/.venv/x.py", "x.py~", ".x.py.swp", "kept/node_modules/a.js", "vendor/a.go"]
    assert [path for path in paths if not rules.is_ignored(path)] == ["kept/node_modules/a.js", "vendor/a.go"]


def test_a_build_folder_is_ignored_only_beside_the_tool_that_fills_it(tmp_path: Path) -> None:
    rules = make(
        tmp_path, {"rust/Cargo.toml": "", "rust/target/x.rs": "", "game/target/x.rs": "", "web/package.json": ""}
    )
    assert rules.is_ignored("rust/target/x.rs")
    assert rules.is_ignored("web/dist/x.js")
    assert not rules.is_ignored("game/target/x.rs")
    assert not rules.is_ignored("rust/dist/x.js")


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "CACHEDIR.TAG"])
def test_a_folder_that_says_it_is_left_over_is_ignored(tmp_path: Path, mark: str) -> None:
    rules = make(tmp_path, {f"marked/{mark}": "", "marked/a/x.py": "", "plain/a/x.py": ""})
    assert rules.is_ignored("marked/a/x.py")
    assert not rules.is_ignored("plain/a/x.py")


@pytest.mark.parametrize("folder", [".git", ".hg", ".svn", ".jj"])
def test_version_control_keeps_its_folder_whatever_patterns_say(tmp_path: Path, folder: str) -> None:
    rules = make(tmp_path, {".gitignore": f"!{folder}/\n!*\n"})
    assert rules.is_ignored(f"{folder}/config")
    assert rules.is_ignored(f"a/{folder}/hooks/x.py")
    assert not rules.must_watch(folder)
    assert rules.must_watch("a")


@pytest.mark.parametrize("path", ["../x.py", "/etc/passwd", "a/../../x.py", ".."])
def test_nothing_outside_of_the_root_belongs_to_it(tmp_path: Path, path: str) -> None:
    assert make(tmp_path, {}).is_ignored(path)


def test_tracked_files_count_but_not_against_our_own_ignore_file(tmp_path: Path) -> None:
    rules = make(tmp_path, {".gitignore": "out/\n", ".fimbleignore": "*.big.py\n"})
    rules.note_tracked(["out/a/kept.py", "out/a/x.big.py"], [])
    assert not rules.is_ignored("out/a/kept.py")
    assert rules.is_ignored("out/a/other.py")
    assert rules.is_ignored("out/a/x.big.py")
    assert rules.must_watch("out")
    assert rules.must_watch("out/a")
    assert not rules.must_watch("out/b")


def test_rules_are_read_again_when_told(tmp_path: Path) -> None:
    rules = make(tmp_path, {".gitignore": "*.py\n"})
    assert rules.is_ignored("a/x.py")
    (tmp_path / ".gitignore").write_text("*.js\n")
    assert rules.is_rule_file(".gitignore")
    assert rules.is_rule_file("a/.fimbleignore")
    assert not rules.is_rule_file("a/x.py")
    rules.reload()
    assert not rules.is_ignored("a/x.py")
    assert rules.is_ignored("a/x.js")


def test_an_ignore_file_that_is_a_link_or_huge_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("*.py\n")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.gitignore").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "huge").mkdir()
    (tmp_path / "huge/.gitignore").write_text("*.py\n" + "#" * 1024 * 1024)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/.gitignore").write_text("*.py\n")
    rules = Rules(tmp_path, environment={})
    assert [name for name in ("linked", "huge", "plain") if rules.is_ignored(f"{name}/x.py")] == ["plain"]


def test_a_path_of_a_thousand_folders_is_answered(tmp_path: Path) -> None:
    rules = make(tmp_path, {".gitignore": "x.py\n"})
    assert rules.is_ignored("a/" * 1500 + "x.py")
    assert not rules.is_ignored("a/" * 1500 + "y.py")
