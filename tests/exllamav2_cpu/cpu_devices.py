"""Makes exllamav2 0.3.2 keep everything in main memory, from outside and without changing its files.

`install` is called by the package exllamav2_ext while exllamav2 is being imported. exllamav2 says "cuda:0" in three of
its modules and asks CUDA for streams; each line below takes one of these away, with the reason.
"""

import importlib.machinery
import sys
from types import ModuleType
from typing import Any

import torch

DEVICE = "cpu"


def install() -> None:
    """Patches what exllamav2 has imported already, and sees to the rest as it is imported."""
    # stloader.py waits for CUDA after each tensor it makes, linear.py and compat.py after copies; torch without CUDA
    # raises there.
    torch.cuda.synchronize = lambda device=None: None
    _patch_all()
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _patch_all() -> None:
    for name in ("exllamav2.device", "exllamav2.compat", "exllamav2.ext", "exllamav2.module", "exllamav2.model"):
        if name in sys.modules:
            _patch(sys.modules[name])


def _patch(module: ModuleType) -> None:
    # device.py, module.py and model.py each turn a device's number into a name; here there is one device. The number
    # stays 0, because -1 means "no context", and with it no table of rotary angles.
    if hasattr(module, "_torch_device"):
        module._torch_device = lambda index: DEVICE
    # Every copy to or from a device goes through this; an int means CUDA to torch. A tensor that is here stays here,
    # as the same object, as on a GPU when it is where it should be.
    if hasattr(module, "safe_move_tensor"):
        module.safe_move_tensor = _stay
    if module.__name__ == "exllamav2.device":
        # A context makes a CUDA stream unless its device has one; None is never asked for anything, because
        # set_device_streams, which makes streams current, does nothing.
        module.global_streams[0] = None
        module.set_device_streams = lambda: None
    if module.__name__ == "exllamav2.model":
        # load_autosplit_gen counts the devices to spread reserved memory over them; torch would say none.
        module.torch = _TorchWithOneDevice()


def _stay(tensor: Any, device: Any, non_blocking: bool = False) -> Any:
    return tensor


class _Finder:
    """Patches after each module of exllamav2 that was run.

    They import each other in the middle of their own code: model.py has not come to its functions when the extension
    is imported. Modules that run after a patched one take the patched names from it.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if not name.startswith("exllamav2."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_patch(module: ModuleType) -> None:
                run(module)
                _patch_all()

            spec.loader.exec_module = run_and_patch  # type: ignore[method-assign]
        return spec


class _TorchWithOneDevice:
    """torch, except for what `torch.torch.cuda.device_count()` says."""

    def __init__(self) -> None:
        self.torch = self
        self.cuda = _CudaWithOneDevice()

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


class _CudaWithOneDevice:
    @staticmethod
    def device_count() -> int:
        return 1

    def __getattr__(self, name: str) -> Any:
        return getattr(torch.cuda, name)
