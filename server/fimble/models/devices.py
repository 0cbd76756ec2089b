"""Which NVIDIA cards this machine has, as the driver's own program says; nothing of CUDA is loaded for it."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# Drivers before 510 do not know compute_cap, and refuse a question with a field that they do not know.
_QUESTIONS: Final = (
    ("index", "uuid", "driver_version", "compute_cap", "name", "memory.total", "memory.free"),
    ("index", "uuid", "driver_version", "name", "memory.total", "memory.free"),
)
_TIMEOUT_S: Final = 10.0
_CAPABILITY: Final = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Device:
    """A card; memory in bytes. What the driver does not tell is empty or None."""

    index: int
    name: str
    total_bytes: int
    free_bytes: int
    uuid: str = ""
    driver: str = ""
    compute_capability: tuple[int, int] | None = None


def nvidia_devices(program: str = "nvidia-smi") -> list[Device]:
    """Returns the cards; none where there is no driver, or where it does not answer in time."""
    for fields in _QUESTIONS:
        command = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        except subprocess.CalledProcessError:
            continue
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return []
        devices = (_device(fields, line) for line in done.stdout.splitlines())
        return [device for device in devices if device is not None]
    return []


def visible_devices(devices: Sequence[Device], environment: Mapping[str, str]) -> list[Device]:
    """Returns the cards that CUDA_VISIBLE_DEVICES leaves, in its order; numbers count as `nvidia-smi` does."""
    wanted = environment.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return list(devices)
    found: list[Device] = []
    for word in (word.strip() for word in wanted.split(",")):
        matching = [
            device
            for device in devices
            if (word.isdecimal() and device.index == int(word))
            or (word.startswith("GPU-") and device.uuid.startswith(word))
        ]
        # CUDA stops at the first that it does not know.
        if len(matching) != 1:
            break
        found += matching
    return found


def _device(fields: tuple[str, ...], line: str) -> Device | None:
    words = [word.strip() for word in line.split(",")]
    place = fields.index("name")
    # A name may hold commas.
    values = dict(zip(fields[:place], words, strict=False))
    values |= {"name": ", ".join(words[place:-2]), "total": words[-2] if len(words) > 1 else "", "free": words[-1]}
    # Cards that are shared in parts say [N/A] for their memory.
    if len(words) < len(fields) or not all(values[key].isdecimal() for key in ("index", "total", "free")):
        return None
    capability = _CAPABILITY.fullmatch(values.get("compute_cap", ""))
    return Device(
        index=int(values["index"]),
        name=values["name"],
        total_bytes=int(values["total"]) << 20,
        free_bytes=int(values["free"]) << 20,
        uuid=values["uuid"] if values["uuid"].startswith("GPU-") else "",
        driver=values["driver_version"] if values["driver_version"][:1].isdecimal() else "",
        compute_capability=(int(capability[1]), int(capability[2])) if capability else None,
    )
