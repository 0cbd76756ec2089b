"""What NVIDIA's management library says of a card: memory in use, by whomever, and energy taken.

The library comes with the driver, so that no package is needed for the two questions; where it is not there, or does
not answer, the figures are left out.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any, Final

_LIBRARY: Final = "libnvidia-ml.so.1"


class _Memory(ctypes.Structure):
    """nvmlMemory_t of nvml.h."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Meter:
    """Reads one card."""

    def __init__(self, library: Any, handle: Any) -> None:
        self._library = library
        self._handle = handle

    def used_bytes(self) -> int | None:
        """Returns the memory that all processes together have taken."""
        memory = _Memory()
        failed = self._library.nvmlDeviceGetMemoryInfo(self._handle, ctypes.byref(memory))
        return None if failed else int(memory.used)

    def energy_j(self) -> float | None:
        """Returns the energy since the driver was loaded, in joules; cards before Volta do not count it."""
        millijoules = ctypes.c_ulonglong()
        failed = self._library.nvmlDeviceGetTotalEnergyConsumption(self._handle, ctypes.byref(millijoules))
        return None if failed else millijoules.value / 1000


@contextlib.contextmanager
def open_meter(uuid: str, library: Any = None) -> Iterator[Meter | None]:
    """Gives a meter for the card with this uuid for as long as the context lasts; None where there is none.

    `library` has the functions of nvml.h; by default it is that of the driver.
    """
    if library is None:
        try:
            library = ctypes.CDLL(_LIBRARY)
        except OSError:
            yield None
            return
    if library.nvmlInit_v2():
        yield None
        return
    try:
        handle = ctypes.c_void_p()
        failed = library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle))
        yield None if failed else Meter(library, handle)
    finally:
        library.nvmlShutdown()
