"""What is asked of the driver's library, and what an answer means."""

import ctypes
from typing import Any

from fimble.bench.nvml import open_meter

NOT_SUPPORTED = 3
NOT_FOUND = 6


class Driver:
    """Answers as libnvidia-ml does, for one card; `status` is its answer to both questions."""

    def __init__(self, *, starts: bool = True, status: int = 0) -> None:
        self.starts = starts
        self.status = status
        self.opened = 0
        self.energy_mj = 2_500

    def nvmlInit_v2(self) -> int:  # noqa: N802 - the driver's names.
        self.opened += self.starts
        return 0 if self.starts else 9

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.opened -= 1
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, handle: Any) -> int:  # noqa: N802
        handle._obj.value = 42
        return 0 if uuid == b"GPU-1" else NOT_FOUND

    def nvmlDeviceGetMemoryInfo(self, handle: ctypes.c_void_p, memory: Any) -> int:  # noqa: N802
        assert handle.value == 42
        memory._obj.used = 7 << 30
        return self.status

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: ctypes.c_void_p, millijoules: Any) -> int:  # noqa: N802
        assert handle.value == 42
        millijoules._obj.value = self.energy_mj
        return self.status


def test_memory_and_energy_are_read_while_the_library_is_open() -> None:
    driver = Driver()
    with open_meter("GPU-1", driver) as meter:
        assert meter is not None
        assert (meter.used_bytes(), meter.energy_j()) == (7 << 30, 2.5)
        assert driver.opened == 1
    assert driver.opened == 0


def test_what_a_card_does_not_count_is_unknown() -> None:
    with open_meter("GPU-1", Driver(status=NOT_SUPPORTED)) as meter:
        assert meter is not None
        assert (meter.used_bytes(), meter.energy_j()) == (None, None)


def test_there_is_no_meter_for_an_unknown_card_or_without_the_driver() -> None:
    driver = Driver()
    with open_meter("GPU-2", driver) as meter:
        assert meter is None
    assert driver.opened == 0
    with open_meter("GPU-1", Driver(starts=False)) as meter:
        assert meter is None
