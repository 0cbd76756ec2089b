"""The database: what is written can be read, at any moment and after any accident."""

import os
import sqlite3
from pathlib import Path

import pytest

from fimble.errors import StoreUnusable
from fimble.index.files.source import content_id
from fimble.index.store.chunks import split_chunks
from fimble.index.store.progress import Progress, Stage
from fimble.index.store.reader import Reader
from fimble.index.store.schema import CHUNK_LINES, CHUNKS_MAX, DATABASE_NAME
from fimble.index.store.writer import Writer
from tests.unit.index.building import build, put

SOURCE = '''"""A shop."""


class Shop:
    """Sells things."""

    def open_door(self) -> None:
        """Lets customers in."""


def closeDoor():
    return Shop().open_door
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "shop.py").write_text(SOURCE)
    (root / "pkg" / "other.py").write_text("from pkg.shop import Shop\n\nCONSTANT = Shop\n")
    (root / "notes.txt").write_text("The shop opens at nine.\n")
    return root


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    folder = tmp_path / "index"
    build(root, folder)
    return folder


def test_what_was_written_can_be_read(folder: Path) -> None:
    reader = Reader(folder)
    assert [entry.path for entry in reader.files()] == ["notes.txt", "pkg/other.py", "pkg/shop.py"]
    assert [entry.path for entry in reader.files("pkg")] == ["pkg/other.py", "pkg/shop.py"]
    symbols = reader.symbols("pkg/shop.py")
    assert symbols is not None
    assert [symbol.name for symbol in symbols.symbols] == ["Shop", "open_door", "closeDoor"]
    assert [symbol.doc for symbol in symbols.symbols] == ["Sells things.", "Lets customers in.", ""]
    assert reader.symbols("notes.txt") is None
    assert reader.symbols("nowhere.py") is None


def test_definitions_are_found_by_name_prefix_and_part(folder: Path) -> None:
    reader = Reader(folder)
    (shop,) = reader.defining("Shop", 10)
    assert reader.paths_of([shop]) == {shop: ["pkg/shop.py"]}
    assert reader.defining("open_door", 10) == [shop]
    assert reader.defining("door", 10) == []
    assert reader.names_starting("Open", 10) == [("open_door", 1)]
    assert reader.defining_parts(["doo"], 10) == [shop]
    assert reader.defining_parts(["clo", "door"], 10) == [shop]
    assert reader.names_of([shop])[shop].all() == ["Shop", "open_door", "closeDoor"]


def test_words_are_found_with_the_lines_they_are_in(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "long.py").write_text("x = 1\n" * 100 + "needle = haystack\n")
    build(root, tmp_path / "index")
    reader = Reader(tmp_path / "index")
    (chunk,) = reader.mentioning(["needle", "haystack"], 10)
    assert (chunk.path, chunk.first_line) == ("long.py", 80)
    assert reader.mentioning(["needle", "pin"], 10) == []
    assert reader.document_frequency(["needle", "x", "pin"]) == {"needle": 1, "x": 3, "pin": 0}


def test_similar_chunks_are_those_with_the_rarest_words(folder: Path) -> None:
    best = Reader(folder).similar(["CONSTANT", "Shop"], 3)
    assert best[0].path == "pkg/other.py"
    assert best[0].score > best[1].score > 0


@pytest.mark.parametrize("text", ['"', "'", "a-b", "a.b(c)", "NEAR", "x AND", "*", "\0", "𝕏", "-", "names:x", ""])
def test_no_text_is_taken_for_an_operator_of_the_query(folder: Path, text: str) -> None:
    reader = Reader(folder)
    assert reader.defining(text, 5) == []
    assert reader.mentioning([text], 5) == []
    assert reader.similar([text], 5) == []
    assert reader.defining_parts([text], 5) == []
    assert reader.names_starting(text or "~~", 5) == []
    assert reader.defining("Shop", 5), "the connection is still good"


def test_two_files_of_one_content_share_it(tmp_path: Path, root: Path, folder: Path) -> None:
    (root / "copy.py").write_text(SOURCE)
    writer = Writer(folder, root)
    with writer.batch():
        put(writer, "copy.py", SOURCE.encode(), root / "copy.py")
    writer.close()
    reader = Reader(folder)
    (shop,) = reader.defining("Shop", 10)
    assert sorted(reader.paths_of([shop])[shop]) == ["copy.py", "pkg/shop.py"]


def test_a_content_that_no_file_has_any_more_is_not_found_and_comes_back_without_parsing(
    root: Path, folder: Path
) -> None:
    reader = Reader(folder)
    writer = Writer(folder, root)
    with writer.batch():
        writer.remove_files(["pkg/shop.py"])
    assert reader.mentioning(["open_door"], 5) == []
    assert not any(reader.paths_of(reader.defining("Shop", 5)).values())
    known = writer.content_of(content_id(SOURCE.encode()), "python")
    assert known is not None
    assert known[1:] == (True, True)
    writer.close()


def test_removing_a_folder_removes_what_is_in_it_and_nothing_beside_it(root: Path, folder: Path) -> None:
    (root / "pkg2.py").write_text("a = 1\n")
    writer = Writer(folder, root)
    with writer.batch():
        put(writer, "pkg2.py", b"a = 1\n", root / "pkg2.py")
        writer.remove_files(["pkg"])
    writer.close()
    assert [entry.path for entry in Reader(folder).files()] == ["notes.txt", "pkg2.py"]


def test_a_batch_that_fails_leaves_nothing(root: Path, folder: Path) -> None:
    writer = Writer(folder, root)

    def fail() -> None:
        with writer.batch():
            writer.remove_files(["notes.txt"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    writer.close()
    assert Reader(folder).file("notes.txt") is not None


def test_a_reader_sees_a_batch_when_it_is_committed_and_not_before(root: Path, folder: Path) -> None:
    reader = Reader(folder)
    writer = Writer(folder, root)
    before = reader.generation()
    writer.begin()
    writer.remove_files(["notes.txt"])
    assert reader.file("notes.txt") is not None
    assert reader.generation() == before
    writer.commit()
    assert reader.file("notes.txt") is None
    assert reader.generation() != before
    writer.close()


def test_all_that_is_read_together_is_of_one_moment(root: Path, folder: Path) -> None:
    reader = Reader(folder)
    writer = Writer(folder, root)
    with reader.reading():
        assert reader.file("notes.txt") is not None
        with writer.batch():
            writer.remove_files(["notes.txt"])
        assert reader.file("notes.txt") is not None
    assert reader.file("notes.txt") is None
    writer.close()


def test_a_database_that_is_not_there_reads_as_empty_until_it_is(tmp_path: Path, root: Path) -> None:
    reader = Reader(tmp_path / "later")
    assert reader.generation() == -1
    assert list(reader.files()) == []
    assert reader.progress() == Progress()
    build(root, tmp_path / "later")
    assert len(list(reader.files())) == 3


def test_a_reader_notices_that_the_database_was_deleted_and_made_anew(root: Path, folder: Path) -> None:
    reader = Reader(folder)
    assert len(list(reader.files())) == 3
    for file in folder.iterdir():
        file.unlink()
    assert list(reader.files()) == []
    (root / "more.py").write_text("b = 2\n")
    build(root, folder)
    assert len(list(reader.files())) == 4


@pytest.mark.parametrize("damage", ["garbage", "truncated", "format", "table"])
def test_a_damaged_database_is_made_anew(root: Path, folder: Path, damage: str) -> None:
    database = folder / DATABASE_NAME
    if damage == "garbage":
        database.write_bytes(b"this is no database" * 1000)
    elif damage == "truncated":
        os.truncate(database, 4096 * 3)
    else:
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA user_version = 999" if damage == "format" else "DROP TABLE extraction")
        connection.close()
    writer = Writer(folder, root)
    assert writer.known_files() == {}
    with writer.batch():
        put(writer, "pkg/shop.py", SOURCE.encode(), root / "pkg/shop.py")
    writer.close()
    assert Reader(folder).symbols("pkg/shop.py") is not None


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / DATABASE_NAME).mkdir()
    with pytest.raises(StoreUnusable, match="cannot be written"):
        Writer(folder, root)


def test_a_full_disk_is_said_in_a_sentence_and_what_is_there_stays(root: Path, folder: Path) -> None:
    writer = Writer(folder, root, bytes_max=(folder / DATABASE_NAME).stat().st_size)

    def fill() -> None:
        with writer.batch():
            for number in range(1000):
                writer.content_for(number.to_bytes(20), "", [f"word{number} " * 500])

    with pytest.raises(StoreUnusable, match="full"):
        fill()
    assert [entry.path for entry in Reader(folder).files()] == ["notes.txt", "pkg/other.py", "pkg/shop.py"]
    writer.close()


def test_another_extractor_forgets_symbols_and_keeps_words(root: Path, folder: Path) -> None:
    writer = Writer(folder, root)
    writer.forget_extractions_of_others("one")
    reader = Reader(folder)
    assert reader.symbols("pkg/shop.py") is None
    assert reader.defining("Shop", 5) == []
    assert reader.mentioning(["open_door"], 5)
    assert {path for path, _, _ in writer.unparsed()} == {"notes.txt", "pkg/other.py", "pkg/shop.py"}
    with writer.batch():
        put(writer, "new.py", b"def one(): pass\n", root / "notes.txt")
    writer.forget_extractions_of_others("one")
    assert reader.symbols("new.py") is not None
    writer.close()


def test_only_contents_beyond_those_to_keep_are_forgotten(root: Path, folder: Path) -> None:
    writer = Writer(folder, root)
    with writer.batch():
        for number in range(5):
            writer.content_for(number.to_bytes(20), "")
        assert writer.forget_contents(keep=2) == 3
    assert [writer.content_of(number.to_bytes(20), "") is not None for number in range(5)] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert len(list(Reader(folder).files())) == 3
    writer.close()


def test_names_that_are_not_utf_8_and_odd_ones_survive(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    names = [b"caf\xe9.py", "naïve ☃.py".encode(), b"with\nnewline.py", b"quote'\".py", b"a#b.py"]
    for name in names:
        (root / os.fsdecode(name)).write_text("def here(): pass\n")
    build(root, tmp_path / "index")
    reader = Reader(tmp_path / "index")
    paths = {entry.path for entry in reader.files()}
    assert {os.fsencode(path) for path in paths} == set(names)
    assert all(reader.symbols(path) is not None for path in paths)
    assert set(reader.named(["a#b.py"], 5)) == {"a#b.py"}


def test_progress_is_read_back(root: Path, folder: Path) -> None:
    writer = Writer(folder, root)
    progress = Progress(stage=Stage.SYMBOLS, files=3, to_parse=2, pid=7, seconds=1.5)
    with writer.batch():
        writer.set_progress(progress)
    writer.close()
    assert Reader(folder).progress() == progress


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_chunks_have_forty_lines_whatever_ends_them(line_end: str) -> None:
    chunks = split_chunks(line_end.join(f"line{number}" for number in range(100)).encode())
    assert [chunk.count("line") for chunk in chunks] == [CHUNK_LINES, CHUNK_LINES, 20]
    assert chunks[1].startswith("line40")


def test_the_last_chunk_takes_what_is_beyond_the_limit() -> None:
    chunks = split_chunks(b"x\n" * (CHUNK_LINES * CHUNKS_MAX + 500))
    assert len(chunks) == CHUNKS_MAX
    assert chunks[-1].count("x") == CHUNK_LINES + 500
