"""Machines made of folders: packages that say their versions, toolkits with an nvcc that is a script."""

from dataclasses import replace
from pathlib import Path

from fimble.engine.process.backends.exl2.toolchain import HEADERS, Machine
from fimble.models.devices import Device

H200 = Device(0, "NVIDIA H200", 140 << 30, 139 << 30, "GPU-3b1c", "580.65.06", (9, 0))
T4 = Device(1, "Tesla T4", 15 << 30, 14 << 30, "GPU-77aa", "580.65.06", (7, 5))
V100 = Device(0, "Tesla V100", 16 << 30, 15 << 30, "GPU-90ff", "580.65.06", (7, 0))

NVCC = """#!/bin/sh
case "$1" in
--version) echo "Cuda compilation tools, release {version}, V{version}.88";;
--list-gpu-arch) printf "compute_75\\ncompute_86\\ncompute_90\\ncompute_120\\n";;
--dryrun) echo "#$ _HERE_={here}" >&2;;
esac
"""


def program(path: Path, script: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def package(folder: Path, name: str, version: str) -> None:
    """Makes a package that is installed as far as its metadata goes."""
    place = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def torch(folder: Path, version: str, cuda: str | None) -> None:
    place = folder / "torch" / "version.py"
    place.parent.mkdir(parents=True, exist_ok=True)
    said = "None" if cuda is None else f"'{cuda}'"
    place.write_text(
        f"from typing import Optional\n\n__version__ = '{version}'\ndebug = False\n"
        f"cuda: Optional[str] = {said}\nhip: Optional[str] = None\n"
    )


def toolkit(root: Path, version: str = "13.0", headers: tuple[str, ...] = HEADERS) -> Path:
    program(root / "bin/nvcc", NVCC.format(version=version, here=root / "bin"))
    (root / "include").mkdir()
    for name in ("cuda_runtime.h", *headers):
        (root / "include" / name).touch()
    return root


def whole_machine(folder: Path) -> Machine:
    """Returns a machine that has all that compiling the extension takes."""
    packages = folder / "site-packages"
    torch(packages, "2.11.0+cu130", "13.0")
    for name in ("safetensors", "tokenizers", "numpy", "rich", "pillow", "setuptools"):
        package(packages, name, "1.0")
    package(packages, "exllamav2", "0.3.2")
    toolkit(folder / "local" / "cuda-13.0")
    for name in ("ninja", "c++"):
        program(folder / "bin" / name)
    (folder / "include").mkdir()
    (folder / "include" / "Python.h").touch()
    return Machine(
        environment={"PATH": str(folder / "bin")},
        packages=(packages,),
        devices=(H200,),
        toolkits=folder / "local",
        python_include=folder / "include",
        scripts=folder / "scripts",
        cores=16,
        free_bytes=64 << 30,
    )


def in_environment(machine: Machine, **changes: str) -> Machine:
    return replace(machine, environment={**machine.environment, **changes})
