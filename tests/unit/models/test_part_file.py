"""A growing file never becomes too long, and its hash covers what it holds."""

import hashlib
from pathlib import Path

import pytest

from fimble.errors import SourceFailed
from fimble.models.sources.part_file import PartFile


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    with PartFile(tmp_path / "part", 6) as part:
        part.write(b"abc")
        part.write(b"def")
        assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert (tmp_path / "part").read_bytes() == b"abcdef"
    assert (tmp_path / "part").stat().st_mode & 0o777 == 0o600


def test_what_is_kept_counts_and_what_follows_it_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"abcXXX")
    with PartFile(tmp_path / "part", 6, keep_bytes=3) as part:
        assert part.bytes == 3
        part.write(b"def")
        assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert (tmp_path / "part").read_bytes() == b"abcdef"


def test_a_file_shorter_than_its_journal_says_starts_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"ab")
    with PartFile(tmp_path / "part", 6, keep_bytes=3) as part:
        assert part.bytes == 0
    assert (tmp_path / "part").read_bytes() == b""


def test_it_does_not_grow_beyond_its_size(tmp_path: Path) -> None:
    with PartFile(tmp_path / "part", 6) as part:
        part.write(b"abcdef")
        with pytest.raises(SourceFailed, match="more than the 6 bytes"):
            part.write(b"g")
    assert (tmp_path / "part").read_bytes() == b"abcdef"
