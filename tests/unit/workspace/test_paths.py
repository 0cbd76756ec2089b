"""URIs as editors send them, and what becomes of them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.workspace.paths import Folder, display_path, folder_of, path_from_uri, repository_of, uri_from_path

FOLDERS = (Folder.from_uri("file:///w/project"), Folder.from_uri("file:///w/project/sub%20one", "inner"))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///a/b.py", "/a/b.py"),
        ("file:///a%20b/%C3%A9%23.py", "/a b/é#.py"),
        ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"),
        ("file:///a/../b", "/b"),
        ("file:///a#L1", "/a"),
        ("file://server/share/a", None),
        ("file:///a%00b", None),
        ("file:a", None),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/a/b.ipynb#W0", None),
        ("http://[broken", None),
        ("no uri at all", None),
        ("", None),
    ],
)
def test_only_local_files_have_a_path(uri: str, expected: str | None) -> None:
    assert path_from_uri(uri) == (None if expected is None else Path(expected))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///w/project/src/a.py", "src/a.py"),
        ("file:///w/project/sub%20one/b.py", "b.py"),
        ("file:///w/projectile/c.py", "c.py"),
        ("file:///elsewhere/home/c.py", "c.py"),
        ("file:///w/project/../secret.py", "secret.py"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("vscode-notebook-cell:/w/project/b.ipynb#W0sZmlsZQ", "b.ipynb"),
        ("file:///w/project/%FF.py", "\ufffd.py"),
        ("", ""),
    ],
)
def test_a_file_is_called_by_its_path_in_the_innermost_folder(uri: str, expected: str) -> None:
    assert display_path(uri, FOLDERS) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///w/project/src/a.py", "project"),
        ("file:///w/project/sub%20one/b.py", "inner"),
        ("file:///elsewhere/tool/c.py", "tool"),
        ("untitled:Untitled-1", ""),
    ],
)
def test_a_file_belongs_to_its_folder(uri: str, expected: str) -> None:
    assert repository_of(uri, FOLDERS) == expected


def test_a_file_outside_of_all_folders_has_none() -> None:
    assert folder_of("file:///x/a.py", FOLDERS) is None
    assert folder_of("file:///x/a.py", [Folder.from_uri("file:///")]) is not None


@given(st.binary(min_size=1, max_size=20).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_every_file_name_survives_the_way_to_a_uri_and_back(name: bytes) -> None:
    path = Path("/folder") / os.fsdecode(name)
    if name not in (b".", b".."):
        assert path_from_uri(uri_from_path(path)) == path


@given(st.text(max_size=40))
def test_no_text_is_too_odd_for_a_uri(uri: str) -> None:
    path_from_uri(uri)
    display_path(uri, FOLDERS).encode("utf-8")
    repository_of(uri, FOLDERS).encode("utf-8")
