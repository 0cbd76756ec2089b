"""What is missing for ExLlamaV2 is found and named, one thing at a time."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fimble.engine.process.backends.exl2.extension import build_environment, built_folder, diagnose, jobs
from fimble.engine.process.backends.exl2.toolchain import Machine, find_toolkits, find_torch
from tests.unit.engine.exl2.machines import (
    H200,
    T4,
    V100,
    in_environment,
    package,
    program,
    toolkit,
    torch,
    whole_machine,
)


def missing(machine: Machine) -> list[str]:
    return [part.what for part in diagnose(machine) if part.is_needed and not part.is_there]


def test_a_whole_machine_lacks_nothing(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    assert missing(machine) == []
    says = {part.what: part.says for part in diagnose(machine)}
    assert says["card"] == "NVIDIA H200 (140 GiB), driver 580.65.06"
    assert says["torch"] == "torch 2.11.0+cu130 for CUDA 13.0"
    assert says["CUDA toolkit"] == f"13.0 in {tmp_path / 'local/cuda-13.0'}"
    assert says["extension"] == "will be compiled on first use (about 1 minutes)"


def without_torch(machine: Machine, folder: Path) -> Machine:
    shutil.rmtree(folder / "site-packages/torch")
    return machine


def with_torch(version: str, cuda: str | None) -> Callable[[Machine, Path], Machine]:
    def change(machine: Machine, folder: Path) -> Machine:
        torch(folder / "site-packages", version, cuda)
        return machine

    return change


def without(name: str) -> Callable[[Machine, Path], Machine]:
    def change(machine: Machine, folder: Path) -> Machine:
        (path,) = folder.glob(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return machine

    return change


def with_older_exllamav2(machine: Machine, folder: Path) -> Machine:
    shutil.rmtree(folder / "site-packages/exllamav2-0.3.2.dist-info")
    package(folder / "site-packages", "exllamav2", "0.3.1")
    return machine


def with_old_driver(machine: Machine, _: Path) -> Machine:
    return replace(machine, devices=(replace(H200, driver="570.10"),))


CHANGES: list[tuple[Callable[[Machine, Path], Machine], str, str]] = [
    (lambda machine, _: replace(machine, devices=()), "card", "nvidia-smi"),
    (with_old_driver, "torch", "Update the NVIDIA driver to 580"),
    (without_torch, "torch", "pip install"),
    (with_torch("2.13.0+cpu", None), "torch", "for CUDA"),
    (with_older_exllamav2, "exllamav2", "exllamav2==0.3.2"),
    (without("site-packages/exllamav2-*"), "exllamav2", "exllamav2==0.3.2"),
    (without("site-packages/pillow-*"), "packages", "pip install pillow"),
    (without("bin/ninja"), "ninja", "pip install ninja"),
    (without("bin/c++"), "C++ compiler", "g++"),
    (without("include/Python.h"), "Python headers", "-dev"),
    (without("local/cuda-13.0"), "CUDA toolkit", "CUDA toolkit 13.0"),
    (without("local/cuda-13.0/include/cuda_runtime.h"), "CUDA toolkit", "CUDA toolkit 13.0"),
    (without("local/cuda-13.0/include/cusparse.h"), "CUDA headers", "development files"),
    (lambda machine, _: replace(machine, devices=(V100,)), "card's kind", "CUDA 12"),
    (lambda machine, _: replace(machine, devices=(replace(H200, compute_capability=(13, 0)),)), "card's kind", "newer"),
]


@pytest.mark.parametrize(("change", "what", "advice"), CHANGES)
def test_the_one_thing_that_is_missing_is_named(
    tmp_path: Path, change: Callable[[Machine, Path], Machine], what: str, advice: str
) -> None:
    machine = whole_machine(tmp_path)
    assert missing(machine) == []
    changed = change(machine, tmp_path)
    assert missing(changed) == [what]
    (part,) = (part for part in diagnose(changed) if part.what == what)
    assert advice in part.advice


def test_a_toolkit_of_another_cuda_is_named_and_not_taken(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    shutil.rmtree(tmp_path / "local/cuda-13.0")
    other = toolkit(tmp_path / "local/cuda", "12.8")
    (part,) = (part for part in diagnose(machine) if part.what == "CUDA toolkit")
    assert not part.is_there
    assert part.says == f"only 12.8 in {other}, and torch is for CUDA 13.0"
    assert "CUDA_HOME" not in build_environment(machine)


def test_the_toolkit_behind_a_wrapper_script_is_found(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    hidden = toolkit(tmp_path / "opt/cuda")
    shutil.rmtree(tmp_path / "local/cuda-13.0")
    wrapper = program(tmp_path / "bin/nvcc", f'#!/bin/sh\nexec {hidden}/bin/nvcc "$@"\n')
    assert [found.root for found in find_toolkits(machine, (13, 0))] == [hidden]
    assert build_environment(machine)["CUDA_HOME"] == str(hidden), "not the folder above the wrapper's"
    wrapper.unlink()
    wrapper.symlink_to(hidden / "bin/nvcc")
    assert [found.root for found in find_toolkits(machine, (13, 0))] == [hidden]


def test_the_named_toolkit_comes_first_unless_it_is_none(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    own = toolkit(tmp_path / "own", "13.1")
    named = in_environment(machine, CUDA_HOME=str(own))
    assert build_environment(named)["CUDA_HOME"] == str(own)
    nowhere = in_environment(machine, CUDA_HOME=str(tmp_path / "nowhere"))
    assert build_environment(nowhere)["CUDA_HOME"] == str(tmp_path / "local/cuda-13.0")
    older = in_environment(machine, CUDA_HOME=str(toolkit(tmp_path / "older", "12.4")))
    assert build_environment(older)["CUDA_HOME"] == str(tmp_path / "local/cuda-13.0")


def test_headers_are_taken_from_torch_s_packages_where_the_toolkit_has_none(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    assert "CPATH" not in build_environment(machine)
    joint = tmp_path / "site-packages/nvidia/cu13/include"
    joint.mkdir(parents=True)
    for name in ("cusparse.h", "cublas_v2.h"):
        (tmp_path / "local/cuda-13.0/include" / name).rename(joint / name)
    assert missing(machine) == []
    assert build_environment(machine)["CPATH"] == str(joint)
    assert build_environment(in_environment(machine, CPATH="/mine"))["CPATH"] == f"{joint}:/mine"


def test_cuda_12_has_its_headers_in_many_packages(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    torch(tmp_path / "site-packages", "2.8.0+cu128", "12.8")
    toolkit(tmp_path / "local/cuda-12.8", "12.8", ())
    names = {"cublas": ("cublas_v2.h", "cublasLt.h"), "cusparse": ("cusparse.h",), "cusolver": ("cusolverDn.h",)}
    for package_name, headers in (names | {"cu13": ("curand_kernel.h",)}).items():
        include = tmp_path / "site-packages/nvidia" / package_name / "include"
        include.mkdir(parents=True)
        for header in headers:
            (include / header).touch()
    (part,) = (part for part in diagnose(machine) if part.what == "CUDA headers")
    assert part.says == "neither the toolkit nor torch's packages have curand_kernel.h", "not those of CUDA 13"
    folders = [tmp_path / "site-packages/nvidia" / name / "include" for name in ("cublas", "cusolver", "cusparse")]
    assert build_environment(machine)["CPATH"] == ":".join(map(str, folders))


def test_the_build_is_given_all_kinds_of_cards_and_as_many_jobs_as_there_is_memory_for(tmp_path: Path) -> None:
    machine = replace(whole_machine(tmp_path), devices=(H200, T4, H200))
    environment = build_environment(machine)
    assert (environment["TORCH_CUDA_ARCH_LIST"], environment["MAX_JOBS"]) == ("7.5;9.0", "16")
    assert environment["TORCH_EXTENSIONS_DIR"] == str(built_folder(machine))
    assert jobs(replace(machine, free_bytes=5 << 30)) == 2
    assert jobs(replace(machine, free_bytes=1)) == 1
    named = build_environment(in_environment(machine, TORCH_CUDA_ARCH_LIST="8.6", MAX_JOBS="3"))
    assert (named["TORCH_CUDA_ARCH_LIST"], named["MAX_JOBS"]) == ("8.6", "3")


def test_a_ninja_beside_python_is_put_on_the_path(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    assert "PATH" not in build_environment(machine)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin/ninja").rename(tmp_path / "scripts/ninja")
    assert missing(machine) == []
    assert build_environment(machine)["PATH"] == f"{tmp_path / 'bin'}:{tmp_path / 'scripts'}"


def test_every_torch_has_a_folder_of_its_own(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    first = built_folder(machine)
    assert first is not None
    tag = sys.implementation.cache_tag
    assert first.name == f"{tag}-torch2.11.0+cu130-cuda13.0-9.0-exllamav2-0.3.2"
    torch(tmp_path / "site-packages", "2.11.1+cu130", "13.0")
    assert built_folder(machine) not in (None, first)
    assert built_folder(replace(machine, devices=(H200, T4))) not in (None, first)
    torch(tmp_path / "site-packages", "2.13.0+cpu", None)
    assert built_folder(machine) is None


def test_looking_imports_neither_torch_nor_exllamav2() -> None:
    before = set(sys.modules)
    diagnose(Machine.here())
    assert not {"torch", "exllamav2", "exllamav2_ext"} & (set(sys.modules) - before)


def test_versions_of_torch_are_read_as_it_writes_them(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path)
    path = tmp_path / "site-packages/torch/version.py"
    for line in ("cuda: Optional[str] = '12.8'", "cuda = '12.8'", 'cuda: str | None = "12.8"'):
        path.write_text(f"__version__ = '2.8.0'\n{line}\n")
        found = find_torch(machine)
        assert found is not None
        assert (found.version, found.cuda) == ("2.8.0", (12, 8))
    path.write_bytes(b"\xff\xfe")
    found = find_torch(machine)
    assert found is not None
    assert found.cuda is None
