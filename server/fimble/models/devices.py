"""Which NVIDIA cards this machine has, as the driver's own program says; nothing of CUDA is loaded for it."""

import subprocess
from dataclasses import dataclass
from typing import Final

_COMMAND: Final = (
    "nvidia-smi",
    "--query-gpu=index,name,memory.total,memory.free",
    "--format=csv,noheader,nounits",
)
_TIMEOUT_S: Final = 10.0
_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Device:
    """A card; memory in bytes."""

    index: int
    name: str
    total_bytes: int
    free_bytes: int


def nvidia_devices() -> list[Device]:
    """Returns the cards; none where there is no driver, or where it does not answer in time."""
    try:
        done = subprocess.run(_COMMAND, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return []
    devices: list[Device] = []
    for line in done.stdout.splitlines():
        fields = [field.strip() for field in line.split(",")]
        # A name may hold commas; cards that are shared in parts say [N/A] for their memory.
        if len(fields) >= _FIELDS and all(field.isdigit() for field in (fields[0], *fields[-2:])):
            name = ", ".join(fields[1:-2])
            devices.append(Device(int(fields[0]), name, int(fields[-2]) << 20, int(fields[-1]) << 20))
    return devices
