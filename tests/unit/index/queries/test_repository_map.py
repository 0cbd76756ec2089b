"""What a repository map shows, and that it keeps to its budget."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.index.queries.name_graph import NameGraph
from fimble.index.queries.repository_map import repository_map
from fimble.index.queries.view import View
from fimble.index.store.writer import Writer
from tests.unit.index.building import build, put
from tests.unit.index.queries.workspaces import indexed, with_open

_FILES = {
    "app/main.py": "from app.storage import BlobStore\n\ndef start_app():\n    BlobStore().save_blob(1)\n",
    "app/storage.py": (
        "class BlobStore:\n    def save_blob(self, blob): ...\n    def unused_method(self): ...\n\n"
        "def storage_helper():\n    def hidden_inside(): ...\n"
    ),
    "app/unrelated.py": "class Painter:\n    def paint_wall(self): ...\n",
    "tests/test_storage.py": "from app.storage import BlobStore\n\ndef test_blob_store(): BlobStore()\n",
    "data/settings.json": '{"BlobStore": {"save_blob": 1}}\n',
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return indexed(tmp_path_factory.mktemp("map"), _FILES)


def test_what_the_focus_mentions_comes_first_in_the_order_of_its_file(view: View) -> None:
    found = repository_map(view, tokens_max=22, focus_paths=["app/main.py"])
    assert found.text == "app/storage.py:\n  class BlobStore\n    def save_blob(self, blob)\n"
    assert [file.path for file in found.files] == ["app/storage.py"]
    assert [symbol.name for symbol in found.files[0].symbols] == ["BlobStore", "save_blob"]


def test_all_is_shown_that_fits_but_what_is_inside_of_functions(view: View) -> None:
    found = repository_map(view, tokens_max=10_000, focus_paths=["app/main.py"])
    assert [file.path for file in found.files] == [
        "app/storage.py",
        "app/unrelated.py",
        "tests/test_storage.py",
    ]
    assert "hidden_inside" not in found.text
    assert "start_app" not in found.text


def test_of_overloads_one_is_shown(tmp_path: Path) -> None:
    view = indexed(
        tmp_path, {"a.py": "def load_it(x): ...\ndef load_it(y): ...\nclass A:\n    def load_it(self): ...\n"}
    )
    found = repository_map(view, tokens_max=1000)
    assert found.text == "a.py:\n  def load_it(x)\n  class A\n    def load_it(self)\n"


def test_mentioned_names_come_first(view: View) -> None:
    found = repository_map(view, tokens_max=15, focus_paths=["app/main.py"], mentioned_names=["paint_wall"])
    assert found.text == "app/unrelated.py:\n  class Painter\n    def paint_wall(self)\n"


@settings(deadline=None)
@given(tokens_max=st.integers(0, 100))
def test_the_budget_is_kept(view: View, tokens_max: int) -> None:
    found = repository_map(view, tokens_max=tokens_max, count_tokens=lambda text: len(text.split()))
    assert len(found.text.split()) == found.tokens <= tokens_max


def test_a_file_that_is_open_has_the_symbols_of_the_editor(view: View) -> None:
    changed = with_open(view, "app/storage.py", "class BlobStore:\n    def save_blob(self, blob, *, twice): ...\n")
    found = repository_map(changed, tokens_max=30, focus_paths=["app/main.py"])
    assert "def save_blob(self, blob, *, twice)" in found.text


def test_an_empty_workspace_has_an_empty_map(tmp_path: Path) -> None:
    view = indexed(tmp_path, {})
    found = repository_map(view, tokens_max=100, focus_paths=["missing.py"], mentioned_names=["x"])
    assert (found.text, found.tokens, found.files) == ("", 0, ())


class _Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class _SlowClock(_Clock):
    """With each look at it, a second has passed."""

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def test_the_graph_is_built_anew_when_the_workspace_has_changed_and_time_has_passed(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "class Alpha: ...\n", "b.py": "Alpha()\n"})
    clock = _Clock()
    graph = NameGraph(clock)
    first = graph.snapshot(view)
    assert graph.snapshot(view) is first
    assert [file.path for file in first.files] == ["a.py", "b.py"]
    assert first.name_numbers([("a.py", "Alpha"), ("a.py", "alpha"), ("a.go", "Alpha")]) == [0, -1, -1]
    clock.now_s += 1000
    assert graph.snapshot(view) is first

    added = view.root / "c.py"
    added.write_text("class Gamma(Alpha): ...\n")
    writer = Writer(tmp_path / "database", view.root)
    with writer.batch():
        put(writer, "c.py", added.read_bytes(), added)
    writer.close()
    second = graph.snapshot(view)
    assert [file.path for file in second.files] == ["a.py", "b.py", "c.py"]


def test_a_graph_that_took_long_to_build_rests_before_it_is_built_anew(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": ""})
    clock = _SlowClock()
    graph = NameGraph(clock)
    first = graph.snapshot(view)
    build(view.root, tmp_path / "database")
    assert graph.snapshot(view) is first
    clock.now_s += 1000
    assert graph.snapshot(view) is not first
