"""What the store believes about files, and when it looks again."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.errors import ModelCardInvalid, ModelFileMissing, ModelFileWrong, ModelRefused
from fimble.models import store
from fimble.models.card import LocalSource, ModelCard, ModelFile
from fimble.models.lock import lock_model
from fimble.models.store import ModelState


class HashCounter:
    """A progress report that counts how many times a file was hashed to its end."""

    def __init__(self) -> None:
        self.hashed = 0

    def __call__(self, done_bytes: int, total_bytes: int, what: str) -> None:
        self.hashed += done_bytes == total_bytes


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_model_that_was_never_fetched_is_absent_and_says_how_to_get_it(card: ModelCard) -> None:
    assert store.state(card) is ModelState.ABSENT
    with pytest.raises(ModelFileMissing, match="Run: fimble models pull tiny"):
        store.ready_path(card)


def test_a_right_file_becomes_ready_by_being_hashed_once(card: ModelCard, placed: Path) -> None:
    counter = HashCounter()
    assert store.state(card) is ModelState.UNVERIFIED
    assert store.ready_path(card, counter) == placed
    assert store.state(card) is ModelState.READY
    assert store.ready_path(card, counter) == placed
    assert counter.hashed == 1


def test_verify_hashes_even_what_is_ready(card: ModelCard, placed: Path) -> None:
    counter = HashCounter()
    store.ready_path(card, counter)
    assert store.verify(card, counter) == placed
    assert counter.hashed == 2


def test_a_touched_file_is_hashed_again(card: ModelCard, placed: Path) -> None:
    store.ready_path(card)
    os.utime(placed, ns=(1, 1))
    counter = HashCounter()
    assert store.state(card) is ModelState.UNVERIFIED
    assert store.ready_path(card, counter) == placed
    assert counter.hashed == 1


def test_a_replaced_file_with_the_same_size_and_mtime_is_hashed_again(card: ModelCard, placed: Path) -> None:
    store.ready_path(card)
    before = placed.stat()
    other = placed.with_name("other")
    other.write_bytes(placed.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, placed)
    assert placed.stat().st_mtime_ns == before.st_mtime_ns
    assert store.state(card) is ModelState.UNVERIFIED


def test_a_changed_byte_is_found_though_the_mtime_was_put_back(card: ModelCard, placed: Path) -> None:
    store.ready_path(card)
    before = placed.stat()
    with placed.open("r+b") as content:
        content.seek(10)
        content.write(b"?")
    os.utime(placed, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ModelFileWrong, match="checksum"):
        store.ready_path(card)


def test_a_stamp_for_another_checksum_is_worth_nothing(card: ModelCard, placed: Path) -> None:
    store.ready_path(card)
    newer = msgspec.structs.replace(card.files[0], sha256="0" * 64)
    assert store.state(msgspec.structs.replace(card, files=(newer,))) is ModelState.UNVERIFIED


@pytest.mark.parametrize("stamp", [b"", b"{}", b"not json", b'{"size": "x"}', b"\xff" * 10])
def test_an_unreadable_stamp_only_costs_another_hash(card: ModelCard, placed: Path, stamp: bytes) -> None:
    store.ready_path(card)
    placed.with_name("tiny.gguf.verified.json").write_bytes(stamp)
    assert store.ready_path(card) == placed


def test_a_wrong_file_is_set_aside_and_never_looks_whole(card: ModelCard, placed: Path) -> None:
    placed.write_bytes(b"GGUF" + b"x" * (card.files[0].bytes - 4))
    with pytest.raises(ModelFileWrong, match="Run: fimble models pull tiny"):
        store.ready_path(card)
    assert names_in(placed.parent) == {"tiny.gguf.wrong"}
    assert store.state(card) is ModelState.WRONG


def test_a_file_without_the_magic_is_wrong_before_it_is_hashed(card: ModelCard, placed: Path) -> None:
    placed.write_bytes(b"FUGG" + placed.read_bytes()[4:])
    assert store.state(card) is ModelState.WRONG
    with pytest.raises(ModelFileWrong, match="not a GGUF file"):
        store.ready_path(card)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_truncation_or_changed_byte_is_refused(card: ModelCard, data: st.DataObject) -> None:
    path = store.prepare_folder(card) / "tiny.gguf"
    right = b"GGUF" + bytes(range(256)) * 4
    path.write_bytes(right)
    assert store.ready_path(card) == path
    if data.draw(st.booleans(), label="truncate"):
        wrong = right[: data.draw(st.integers(0, len(right) - 1))]
    else:
        place = data.draw(st.integers(0, len(right) - 1))
        change = data.draw(st.integers(1, 255))
        wrong = right[:place] + bytes([right[place] ^ change]) + right[place + 1 :]
    path.write_bytes(wrong)
    with pytest.raises(ModelFileWrong):
        store.ready_path(card)
    assert not path.exists()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "/etc/passwd", "a\0b", "ä", "a" * 129])
def test_names_that_could_leave_the_folder_are_refused(card: ModelCard, name: str) -> None:
    store.check_names(card)
    with pytest.raises(ModelCardInvalid):
        store.check_names(msgspec.structs.replace(card, name=name))
    file = msgspec.structs.replace(card.files[0], name=name)
    with pytest.raises(ModelCardInvalid):
        store.ready_path(msgspec.structs.replace(card, files=(file,)))


def test_accept_takes_a_right_candidate_and_replaces_what_was_set_aside(card: ModelCard, placed: Path) -> None:
    placed.rename(placed.with_name("tiny.gguf.wrong"))
    candidate = placed.with_name("candidate")
    candidate.write_bytes(b"GGUF" + bytes(range(256)) * 4)
    assert store.accept(card, card.files[0], candidate, card.files[0].sha256) == placed
    assert store.state(card) is ModelState.READY
    assert names_in(placed.parent) == {"tiny.gguf", "tiny.gguf.verified.json"}
    assert placed.stat().st_mode & 0o777 == 0o600
    assert placed.parent.stat().st_mode & 0o777 == 0o700


def test_accept_removes_a_wrong_candidate(card: ModelCard, placed: Path) -> None:
    candidate = placed.with_name("candidate")
    candidate.write_bytes(placed.read_bytes())
    with pytest.raises(ModelFileWrong, match="checksum"):
        store.accept(card, card.files[0], candidate, "0" * 64)
    assert names_in(placed.parent) == {"tiny.gguf"}


def test_remove_frees_everything(card: ModelCard, placed: Path) -> None:
    store.ready_path(card)
    assert store.remove(card) > card.files[0].bytes
    assert store.state(card) is ModelState.ABSENT
    assert not placed.parent.exists()
    assert store.remove(card) == 0


def test_remove_refuses_while_a_download_runs(card: ModelCard, placed: Path) -> None:
    with lock_model(placed.parent), pytest.raises(ModelRefused, match="being downloaded"):
        store.remove(card)
    assert placed.exists()
    store.remove(card)
    assert not placed.exists()


def test_a_file_of_the_users_own_is_neither_moved_nor_removed(card: ModelCard, tmp_path: Path) -> None:
    own = tmp_path / "mine.gguf"
    own.write_bytes(b"GGUF....")
    file = ModelFile(name="mine.gguf", sources=(LocalSource(str(own)),))
    own_card = msgspec.structs.replace(card, files=(file,))
    assert store.ready_path(own_card) == own
    with pytest.raises(ModelRefused):
        store.remove(own_card)
    own.write_bytes(b"other")
    with pytest.raises(ModelFileWrong):
        store.ready_path(own_card)
    assert own.read_bytes() == b"other"


def test_an_interrupted_download_shows_as_partial(card: ModelCard) -> None:
    staging = store.staging_folder(card)
    staging.mkdir(parents=True)
    assert store.state(card) is ModelState.ABSENT
    (staging / "some.part").write_bytes(b"x")
    assert store.state(card) is ModelState.PARTIAL
    with pytest.raises(ModelFileMissing):
        store.ready_path(card)


def test_a_model_without_pinned_files_is_a_folder_that_the_user_fills(card: ModelCard) -> None:
    free = msgspec.structs.replace(card, backend="exllamav2", files=(), repository="someone/something")
    with pytest.raises(ModelFileMissing, match="someone/something into"):
        store.ready_path(free)
    folder = store.prepare_folder(free)
    (folder / "config.json").write_text("{}")
    assert store.ready_path(free) == folder
    assert store.state(free) is ModelState.UNVERIFIED
