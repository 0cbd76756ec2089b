"""What this machine has of all that ExLlamaV2 0.3.2 needs, found without importing any of it.

Importing torch takes seconds and a gigabyte, and a broken installation may end the process that tries; so versions are
read from files, and programs are asked for theirs.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil

from fimble.models.devices import Device, nvidia_devices, visible_devices

EXLLAMAV2_VERSION: Final = "0.3.2"
"""The only version whose faults are known and mended here."""

INSTALL: Final = "pip install 'fimble[gpu]'"

# What `import exllamav2` imports; setuptools is for torch.utils.cpp_extension.
_PACKAGES: Final = ("safetensors", "tokenizers", "numpy", "rich", "pillow", "setuptools")
# Of torch/include/ATen/cuda/CUDAContextLight.h, and curand_kernel.h of the extension's own sources.
HEADERS: Final = ("cublas_v2.h", "cublasLt.h", "cusparse.h", "cusolverDn.h", "curand_kernel.h")
# The first drivers for these CUDA versions (CUDA Toolkit release notes, table of minor version compatibility).
_DRIVER_MIN: Final = {12: 525, 13: 580}
_TIMEOUT_S: Final = 20.0
_HERE: Final = re.compile(r"_HERE_=(\S.*)")
_RELEASE: Final = re.compile(r"release (\d+)\.(\d+)")
_ARCHITECTURE: Final = re.compile(r"compute_(\d+)(\d)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that ExLlamaV2 needs, or only gains from where it is not `is_needed`."""

    what: str
    is_there: bool
    says: str
    advice: str = ""
    is_needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where to look: tests make one of folders of their own."""

    environment: Mapping[str, str]
    packages: tuple[Path, ...]
    devices: tuple[Device, ...]
    toolkits: Path
    python_include: Path
    scripts: Path
    cores: int
    free_bytes: int

    @classmethod
    def here(cls) -> Self:
        """Returns this machine, seen with this process's environment."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(
            environment=dict(os.environ),
            packages=tuple(Path(folder) for folder in sys.path if folder and Path(folder).is_dir()),
            devices=tuple(visible_devices(nvidia_devices(), os.environ)),
            toolkits=Path("/usr/local"),
            python_include=Path(sysconfig.get_paths()["include"]),
            scripts=Path(sys.executable).parent,
            cores=cores,
            free_bytes=psutil.virtual_memory().available,
        )

    def program(self, name: str) -> Path | None:
        """Returns a program of the search path, or of this Python's own folder, which need not be in it."""
        path = os.pathsep.join((self.environment.get("PATH", ""), str(self.scripts)))
        found = shutil.which(name, path=path)
        return Path(found) if found else None

    def version(self, package: str) -> str | None:
        """Returns the version of an installed package."""
        folders = [str(folder) for folder in self.packages]
        found = next(iter(importlib.metadata.distributions(name=package, path=folders)), None)
        return found.version if found is not None else None

    def file(self, name: str) -> Path | None:
        """Returns the file of this name in the first folder of packages that has it."""
        return next((path for folder in self.packages if (path := folder / name).is_file()), None)


@dataclass(frozen=True, slots=True)
class Torch:
    """The version of torch, and of the CUDA that it was built with; None for a build without."""

    version: str
    cuda: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Toolkit:
    """A CUDA toolkit, and the compute capabilities that it compiles for."""

    root: Path
    version: tuple[int, int]
    capabilities: frozenset[tuple[int, int]]

    @property
    def include(self) -> Path:
        """The folder of its headers."""
        return self.root / "include"


def find_torch(machine: Machine) -> Torch | None:
    """Reads what torch says of itself in torch/version.py."""
    path = machine.file("torch/version.py")
    if path is None:
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    version = re.search(r"^__version__ = ['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    cuda = re.search(r"^cuda(?:\s*:[^=]*)? = ['\"](\d+)\.(\d+)", text, re.MULTILINE)
    return Torch(version[1] if version else "?", (int(cuda[1]), int(cuda[2])) if cuda else None)


def find_toolkits(machine: Machine, cuda: tuple[int, int]) -> Iterator[Toolkit]:
    """Yields the toolkits of this machine, the one that the user names first, then the best match for `cuda`."""
    named = [Path(value) for key in ("CUDA_HOME", "CUDA_PATH") if (value := machine.environment.get(key))]
    exact = machine.toolkits / f"cuda-{cuda[0]}.{cuda[1]}"
    others = sorted(machine.toolkits.glob(f"cuda-{cuda[0]}.*"), reverse=True)
    nvcc = machine.program("nvcc")
    seen: set[Path] = set()
    on_path = [_root_of(nvcc)] if nvcc is not None else []
    for root in (*named, exact, *others, machine.toolkits / "cuda", *on_path):
        real = root.resolve()
        # A wrapper called /usr/local/bin/nvcc makes torch take /usr/local for a toolkit; its headers are not there.
        if real in seen or not (root / "bin/nvcc").is_file() or not (root / "include/cuda_runtime.h").is_file():
            continue
        seen.add(real)
        release = _RELEASE.search(_output(root / "bin/nvcc", "--version"))
        if release is not None:
            listed = _ARCHITECTURE.finditer(_output(root / "bin/nvcc", "--list-gpu-arch"))
            capabilities = frozenset((int(match[1]), int(match[2])) for match in listed)
            yield Toolkit(root, (int(release[1]), int(release[2])), capabilities)


def missing_headers(toolkit: Toolkit) -> list[str]:
    """Returns which of the headers are not in the toolkit; small installations leave CUDA's libraries out."""
    return [name for name in HEADERS if not (toolkit.include / name).is_file()]


def package_includes(machine: Machine, cuda: tuple[int, int]) -> list[Path]:
    """Returns the folders of headers that came with torch: nvidia/cu13/include, or nvidia/cublas/include and so on."""
    found: list[Path] = []
    for folder in machine.packages:
        joint = folder / "nvidia" / f"cu{cuda[0]}" / "include"
        # Beside those of another CUDA version nothing else may be taken.
        found += [joint] if joint.is_dir() else []
        if cuda[0] < 13:
            found += sorted(path for path in folder.glob("nvidia/*/include") if not path.parent.name.startswith("cu1"))
    return found


def compute_capabilities(machine: Machine) -> list[tuple[int, int]]:
    """Returns what the machine's cards can, the oldest first."""
    return sorted({device.compute_capability for device in machine.devices if device.compute_capability is not None})


def diagnose_card(machine: Machine) -> list[Part]:
    """Returns whether there is a card with a driver."""
    if not machine.devices:
        advice = "Install the NVIDIA driver if this machine has a card, and see that nvidia-smi lists it."
        return [Part(what="card", is_there=False, says="no NVIDIA card answers", advice=advice)]
    names = ", ".join(f"{device.name} ({device.total_bytes / 1024**3:.0f} GiB)" for device in machine.devices)
    driver = machine.devices[0].driver
    return [Part(what="card", is_there=True, says=f"{names}, driver {driver or 'of unknown version'}")]


def diagnose_packages(machine: Machine) -> list[Part]:
    """Returns whether the Python packages are there that ExLlamaV2 runs with."""
    return [_torch_part(machine), _exllamav2_part(machine), *_package_parts(machine)]


def diagnose_compiler(machine: Machine) -> list[Part]:
    """Returns whether all is there that compiling ExLlamaV2's extension takes, once torch is."""
    torch = find_torch(machine)
    parts = [_ninja_part(machine), _compiler_part(machine), _python_part(machine)]
    return parts + (_toolkit_parts(machine, torch.cuda) if torch is not None and torch.cuda is not None else [])


def _torch_part(machine: Machine) -> Part:
    torch = find_torch(machine)
    if torch is None:
        return Part(what="torch", is_there=False, says="torch is not installed", advice=f"Run: {INSTALL}")
    if torch.cuda is None:
        advice = "Install a build of torch for CUDA, as https://pytorch.org/get-started/locally tells."
        return Part(what="torch", is_there=False, says=f"torch {torch.version} is built without CUDA", advice=advice)
    says = f"torch {torch.version} for CUDA {_dotted(torch.cuda)}"
    needed = _DRIVER_MIN.get(torch.cuda[0], 0)
    driver = machine.devices[0].driver if machine.devices else ""
    if driver and int(driver.split(".")[0]) < needed:
        advice = f"Update the NVIDIA driver to {needed} or later, or install torch for an older CUDA."
        return Part(what="torch", is_there=False, says=f"{says} cannot run on driver {driver}", advice=advice)
    return Part(what="torch", is_there=True, says=says)


def _exllamav2_part(machine: Machine) -> Part:
    version = machine.version("exllamav2")
    # Wheels with the extension inside are called 0.3.2+cu128.torch2.8.0 and the like.
    is_there = version is not None and version.partition("+")[0] == EXLLAMAV2_VERSION
    says = f"exllamav2 {version}" if version else "exllamav2 is not installed"
    advice = "" if is_there else f"Run: pip install exllamav2=={EXLLAMAV2_VERSION}"
    return Part(what="exllamav2", is_there=is_there, says=says, advice=advice)


def _package_parts(machine: Machine) -> list[Part]:
    missing = [name for name in _PACKAGES if machine.version(name) is None]
    says = f"{', '.join(missing)} not installed" if missing else f"{', '.join(_PACKAGES)} are installed"
    advice = f"Run: pip install {' '.join(missing)}" if missing else ""
    flash = machine.version("flash-attn")
    return [
        Part(what="packages", is_there=not missing, says=says, advice=advice),
        Part(
            what="flash-attn",
            is_there=flash is not None,
            says=f"flash-attn {flash}" if flash else "flash-attn is not installed; Fimble's own attention is used",
            is_needed=False,
        ),
    ]


def _ninja_part(machine: Machine) -> Part:
    ninja = machine.program("ninja")
    advice = "" if ninja else "Run: pip install ninja"
    return Part(what="ninja", is_there=ninja is not None, says=str(ninja or "no program ninja"), advice=advice)


def _compiler_part(machine: Machine) -> Part:
    name = machine.environment.get("CXX") or "c++"
    compiler = machine.program(name)
    if compiler is not None:
        return Part(what="C++ compiler", is_there=True, says=str(compiler))
    advice = "Install one, for example: sudo apt-get install g++"
    return Part(what="C++ compiler", is_there=False, says=f"no C++ compiler {name}", advice=advice)


def _python_part(machine: Machine) -> Part:
    header = machine.python_include / "Python.h"
    if header.is_file():
        return Part(what="Python headers", is_there=True, says=str(header))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    advice = f"Install them, for example: sudo apt-get install python{version}-dev"
    return Part(what="Python headers", is_there=False, says=f"{header} is not there", advice=advice)


def _toolkit_parts(machine: Machine, cuda: tuple[int, int]) -> list[Part]:
    what, wanted = "CUDA toolkit", f"CUDA toolkit {_dotted(cuda)}"
    advice = (
        f"Install the {wanted} (https://developer.nvidia.com/cuda-toolkit-archive), or set CUDA_HOME to its folder."
    )
    toolkits = list(find_toolkits(machine, cuda))
    toolkit = next((toolkit for toolkit in toolkits if toolkit.version[0] == cuda[0]), None)
    if toolkit is None:
        found = ", ".join(f"{_dotted(other.version)} in {other.root}" for other in toolkits)
        says = (
            f"only {found}, and torch is for CUDA {_dotted(cuda)}" if found else "no CUDA toolkit with nvcc and headers"
        )
        return [Part(what=what, is_there=False, says=says, advice=advice)]
    parts = [Part(what=what, is_there=True, says=f"{_dotted(toolkit.version)} in {toolkit.root}")]
    folders = package_includes(machine, cuda)
    absent = [name for name in missing_headers(toolkit) if not any((folder / name).is_file() for folder in folders)]
    if absent:
        says = f"neither the toolkit nor torch's packages have {', '.join(absent)}"
        advice = f"Install the whole {wanted}, its development files of cuBLAS, cuSPARSE, cuSOLVER and cuRAND included."
        parts.append(Part(what="CUDA headers", is_there=False, says=says, advice=advice))
    for capability in compute_capabilities(machine):
        if toolkit.capabilities and capability not in toolkit.capabilities:
            says = f"toolkit {_dotted(toolkit.version)} does not compile for compute capability {_dotted(capability)}"
            is_old = capability < min(toolkit.capabilities)
            advice = (
                "Install torch for CUDA 12 and a CUDA 12 toolkit, the last that knows this card."
                if is_old
                else "Install torch for a newer CUDA, and the toolkit of that version."
            )
            parts.append(Part(what="card's kind", is_there=False, says=says, advice=advice))
    return parts


def _root_of(nvcc: Path) -> Path:
    """Returns the toolkit's folder that a program nvcc belongs to, also where it is a script that starts another."""
    root = nvcc.resolve().parent.parent
    if (root / "include/cuda_runtime.h").is_file():
        return root
    here = _HERE.search(_output(nvcc, "--dryrun", "-x", "cu", os.devnull))
    return Path(here[1].strip()).parent if here else root


def _output(program: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
