"""Source archives: found by version and hash, and unpacked without trusting them."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fimble.bench.crossfile import archives
from fimble.bench.crossfile.archives import archive_of, unpack
from fimble.bench.crossfile.errors import ArchiveUnsafe, PackageMissing
from tests.unit.bench.crossfile.shop import STOCK, add_file, archived_package, package, write_archive


def make(folder: Path, fill: Callable[[tarfile.TarFile], None]) -> Path:
    file = folder / "bad-1.0.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        add_file(archive, "bad-1.0/good.py", b"x = 1\n")
        fill(archive)
    return file


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Callable[[tarfile.TarFile], None]:
    def fill(archive: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)

    return fill


def test_a_package_is_unpacked_into_its_own_folder(tmp_path: Path) -> None:
    top = unpack(write_archive(tmp_path), tmp_path / "out")
    assert top == tmp_path / "out" / "shop-1.0"
    assert (top / "src/shop/stock.py").read_text() == STOCK


@pytest.mark.parametrize(
    "name", ["../evil.py", "/tmp/evil.py", "bad-1.0/../../evil.py", "other-1.0/evil.py", "bad\\evil.py"]
)
def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    file = make(tmp_path, lambda archive: add_file(archive, name, b"evil"))
    with pytest.raises(ArchiveUnsafe):
        unpack(file, tmp_path / "out" / "place")
    assert [path.name for path in tmp_path.rglob("evil*")] == []


def test_links_and_devices_are_left_out_and_nothing_is_written_through_them(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    def fill(archive: tarfile.TarFile) -> None:
        link("bad-1.0/folder", str(outside))(archive)
        add_file(archive, "bad-1.0/folder/evil.py", b"evil")
        link("bad-1.0/hard.py", "bad-1.0/good.py", tarfile.LNKTYPE)(archive)
        link("bad-1.0/pipe.py", "", tarfile.FIFOTYPE)(archive)

    top = unpack(make(tmp_path, fill), tmp_path / "out")
    assert list(outside.iterdir()) == []
    assert sorted(path.relative_to(top).as_posix() for path in top.rglob("*.py")) == ["folder/evil.py", "good.py"]
    assert not (top / "folder").is_symlink()


def test_the_same_name_twice_does_not_overwrite(tmp_path: Path) -> None:
    file = make(tmp_path, lambda archive: add_file(archive, "bad-1.0/good.py", b"evil"))
    with pytest.raises(PackageMissing, match="cannot be unpacked"):
        unpack(file, tmp_path / "out")
    assert (tmp_path / "out/bad-1.0/good.py").read_text() == "x = 1\n"


def test_a_file_that_claims_to_be_huge_is_refused_before_it_is_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("bad-1.0/huge.py")
    member.size = archives.BYTES_MAX + 1
    file = tmp_path / "bad-1.0.tar.gz"
    with gzip.open(file, "wb") as out:
        out.write(member.tobuf())
    with pytest.raises(ArchiveUnsafe, match="too large"):
        unpack(file, tmp_path / "out")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        for number in range(archives.FILES_MAX):
            add_file(archive, f"bad-1.0/{number}", b"")

    with pytest.raises(ArchiveUnsafe, match="too large"):
        unpack(make(tmp_path, fill), tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"not an archive", gzip.compress(b"")])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad-1.0.tar.gz"
    file.write_bytes(content)
    with pytest.raises(PackageMissing):
        unpack(file, tmp_path / "out")


def test_a_broken_archive_is_told(tmp_path: Path) -> None:
    file = write_archive(tmp_path)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(PackageMissing):
        unpack(file, tmp_path / "out")


def test_an_archive_is_taken_from_a_folder_if_its_hash_is_right(tmp_path: Path) -> None:
    file, known = archived_package(tmp_path)
    assert archive_of(known, tmp_path / "cache", offline=tmp_path) == file
    with pytest.raises(PackageMissing, match="is not the shop"):
        archive_of(package("0" * 64), tmp_path / "cache", offline=tmp_path)


def test_an_archive_that_a_folder_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageMissing, match=r"shop-1\.0\.tar\.gz"):
        archive_of(package("0" * 64), tmp_path / "cache", offline=tmp_path)


def test_an_archive_in_the_cache_is_hashed_again(tmp_path: Path) -> None:
    file, known = archived_package(tmp_path)
    assert archive_of(known, tmp_path) == file
    file.write_bytes(io.BytesIO(b"changed").getvalue())
    with pytest.raises(PackageMissing, match="is not the shop"):
        archive_of(known, tmp_path)
