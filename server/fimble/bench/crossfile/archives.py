"""Gets the source archives of packages: by the user's own pip, by exact version, checked by their hash, and unpacked.

Nothing of a package is installed, imported or run. pip asks a source archive's build tool for its name and version;
a stand-in answers that, so that neither the package's build script runs nor its build tools are downloaded.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from fimble.bench.crossfile.errors import ArchiveUnsafe, PackageMissing
from fimble.bench.crossfile.spots import Package

# The largest of the shipped packages has 1,500 files of 25 MB.
FILES_MAX: Final = 20_000
BYTES_MAX: Final = 300 * 1024 * 1024
_KEPT_SUFFIXES: Final = (".py", ".pyi", ".toml", ".cfg")
_PIP_TIMEOUT_S: Final = 300.0
# The build tools that the shipped packages name (`build-backend`), and the other usual ones.
_BUILD_TOOLS: Final = (
    "hatchling.build",
    "setuptools.build_meta",
    "pdm.backend",
    "flit_core.buildapi",
    "poetry.core.masonry.api",
    "uv_build",
)
# Runs with the source archive's folder as the working folder (PEP 517).
_STAND_IN: Final = """
import email.parser
import pathlib

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    text = pathlib.Path("PKG-INFO").read_text(encoding="utf-8")
    said = email.parser.HeaderParser().parsestr(text)
    # pip takes name and version from the folder's name, which spells them without dashes.
    folder = pathlib.Path(metadata_directory) / f"{said['Name'].replace('-', '_')}-{said['Version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(text, encoding="utf-8")
    return folder.name
"""


def archive_of(package: Package, cache: Path, *, offline: Path | None = None) -> Path:
    """Returns the package's source archive, from `cache` or the folder `offline`, or by pip where neither has it.

    Raises:
        PackageMissing: it cannot be had, or is another one.
    """
    name = f"{package.name.replace('-', '_')}-{package.version}.tar.gz"
    if offline is not None:
        for file in sorted(offline.glob("*.tar.gz")):
            if file.name.lower().replace("-", "_") == name.lower().replace("-", "_"):
                return _checked(file, package)
        raise PackageMissing(f"There is no {name} in {offline}; download it, or leave --packages out.")
    kept = cache / name
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _download(package, kept)
    return _checked(kept, package)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks the Python and settings files of a source archive into `folder`; returns its top folder there.

    Links and devices are left out.

    Raises:
        ArchiveUnsafe: a file lies outside of the archive's one top folder, or it is too large.
        PackageMissing: it is not an archive.
    """
    files = total = 0
    top = ""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            for member in opened:
                # Counted before it is read: what is skipped is decompressed all the same.
                files, total = files + 1, total + member.size
                if files > FILES_MAX or total > BYTES_MAX:
                    raise ArchiveUnsafe(f"{archive.name} is too large for a package; it was not unpacked.")
                path = PurePosixPath(member.name)
                parts = path.parts
                if path.is_absolute() or ".." in parts or "\\" in member.name or "\0" in member.name or not parts:
                    raise ArchiveUnsafe(f"{archive.name} has a file outside of its folder; it was not unpacked.")
                top = top or parts[0]
                if parts[0] != top:
                    raise ArchiveUnsafe(f"{archive.name} has more than one top folder; it was not unpacked.")
                if not member.isreg() or path.suffix not in _KEPT_SUFFIXES:
                    continue
                content = opened.extractfile(member)
                if content is None:
                    continue
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                # A new file each time, never through a link: nothing but this function makes files in here.
                with target.open("xb") as out:
                    shutil.copyfileobj(content, out)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise PackageMissing(f"{archive.name} cannot be unpacked ({error}); remove it and try again.") from error
    if not top:
        raise PackageMissing(f"{archive.name} is empty; remove it and try again.")
    return folder / top


def hash_of(file: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _checked(file: Path, package: Package) -> Path:
    if hash_of(file) != package.sha256:
        raise PackageMissing(
            f"{file} is not the {package.name} {package.version} in which the spots lie; remove it and try again."
        )
    return file


def _download(package: Package, kept: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fimble-bench-", dir=kept.parent) as name:
        place = Path(name)
        wanted = place / "wanted.txt"
        wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--require-hashes"]
        command += ["--no-build-isolation", "--use-pep517", "--no-input", "--disable-pip-version-check"]
        command += ["--progress-bar", "off", "--dest", str(place / "got"), "-r", str(wanted)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(_stand_ins(place / "stand_ins")),
            "PYTHONSAFEPATH": "1",
            "TMPDIR": name,
        }
        try:
            ended = subprocess.run(
                command,
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PIP_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise PackageMissing(f"{package.name} {package.version} did not arrive in time; try again.") from error
        got = sorted((place / "got").glob("*.tar.gz")) if ended.returncode == 0 else []
        if len(got) != 1:
            said = (ended.stderr.strip() or ended.stdout.strip() or "nothing").splitlines()[-1]
            raise PackageMissing(
                f"pip does not get {package.name} {package.version} ({said[:200]}); "
                "name a folder with the source archives by --packages."
            )
        got[0].replace(kept)


def _stand_ins(folder: Path) -> Path:
    for name in _BUILD_TOOLS:
        *packages, module = name.split(".")
        place = folder.joinpath(*packages)
        place.mkdir(parents=True, exist_ok=True)
        for package in (folder.joinpath(*packages[: count + 1]) for count in range(len(packages))):
            (package / "__init__.py").touch()
        (place / f"{module}.py").write_text(_STAND_IN, encoding="utf-8")
    return folder
