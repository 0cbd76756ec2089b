"""What `fimble doctor` says about the graphics card and ExLlamaV2: all that is missing, and the first thing to do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fimble.cli.examination import Finding, Result
from fimble.cli.settings import read_settings
from fimble.errors import FimbleError
from fimble.models.catalogue import find_card
from fimble.models.devices import Device, nvidia_devices, visible_devices
from fimble.models.memory import human

if TYPE_CHECKING:
    from fimble.engine.process.backends.exl2.toolchain import Machine

# Importing torch from a cold disk takes a minute; loading the extension onto a card some seconds more.
_IMPORT_TIMEOUT_S: Final = 180.0
_NO_CARD: Final = "no NVIDIA card; the model runs on the CPU"
_LINE_MAX: Final = 300

_IMPORT: Final = """
import json, sys, torch
answer = {"torch": torch.__version__, "cuda": torch.cuda.is_available(), "kernels": False}
if answer["cuda"]:
    major, minor = torch.cuda.get_device_capability(0)
    kinds = [kind.split("_") for kind in torch.cuda.get_arch_list()]
    kinds = [(name, int(number.rstrip("af"))) for name, number in kinds]
    answer["kernels"] = any(
        number <= 10 * major + minor and (name == "compute" or number // 10 == major) for name, number in kinds
    )
if sys.argv[1] == "built":
    import exllamav2
    answer["exllamav2"] = exllamav2.__version__
print(json.dumps(answer))
"""


def examine_gpu(program: str = "nvidia-smi") -> Finding:
    """Returns which cards this machine has."""
    devices = nvidia_devices(program)
    visible = visible_devices(devices, os.environ)
    if visible:
        return Finding(what="GPU", result=Result.GOOD, says="; ".join(_described(device) for device in visible))
    if devices:
        advice = f"Unset CUDA_VISIBLE_DEVICES, or name one: {', '.join(str(device.index) for device in devices)}"
        return _lacking("GPU", "CUDA_VISIBLE_DEVICES hides every card; the model runs on the CPU", advice)
    if shutil.which(program) is None:
        return Finding(what="GPU", result=Result.MISSING, says=_NO_CARD)
    advice = "Reinstall the NVIDIA driver, or reboot after its update; nvidia-smi must list the card."
    return _lacking("GPU", "the NVIDIA driver lists no card; the model runs on the CPU", advice)


def examine_exllamav2(machine: "Machine | None" = None, command: Sequence[str] = ()) -> Finding:
    """Returns what is missing for GPU models; if nothing is, whether ExLlamaV2 can be imported.

    Args:
        machine: Where to look; by default here.
        command: Imports it in another process, which takes seconds, and which a broken build may end.
    """
    # Only here, since nothing else of the command line needs it.
    from fimble.engine.process.backends.exl2 import extension, toolchain  # noqa: PLC0415

    what = "ExLlamaV2"
    machine = machine or toolchain.Machine.here()
    if not machine.devices:
        return Finding(what=what, result=Result.MISSING, says=_NO_CARD)
    parts = extension.diagnose(machine)
    missing = [part for part in parts if part.is_needed and not part.is_there]
    if missing:
        return _lacking(what, "; ".join(part.says for part in missing), missing[0].advice)
    built = next(part for part in parts if part.what == "extension")
    answer, error = _import(
        command or (sys.executable, "-c", _IMPORT), is_built=built.is_there, folder=extension.module_folder(machine)
    )
    if answer is None:
        advice = "Reinstall torch and exllamav2 for one another, then run this again: " + toolchain.INSTALL
        return _lacking(what, f"it cannot be imported: {error}", advice)
    if not answer.get("cuda"):
        return _lacking(what, f"torch {answer.get('torch')} reaches no card", "Update the NVIDIA driver, and reboot.")
    if not answer.get("kernels"):
        advice = "Install torch for another CUDA version, as https://pytorch.org/get-started/locally tells."
        return _lacking(what, f"torch {answer.get('torch')} has no kernels for this card", advice)
    optional = next(part.says for part in parts if part.what == "flash-attn")
    state = f"extension built ({built.says})" if built.is_there else built.says
    says = f"{toolchain.EXLLAMAV2_VERSION} with torch {answer.get('torch')}, {state}; {optional}"
    return Finding(what=what, result=Result.GOOD, says=says)


def _lacking(what: str, says: str, advice: str) -> Finding:
    """Returns a fault if the chosen model needs what is missing, and otherwise only a remark."""
    if _is_chosen():
        return Finding(what=what, result=Result.BAD, says=says, advice=advice)
    return Finding(what=what, result=Result.MISSING, says=says, advice=f"For GPU models only: {advice}")


def _is_chosen() -> bool:
    try:
        return find_card(read_settings().model).backend == "exllamav2"
    except FimbleError:
        # Whatever is wrong with the settings or the card is another examination's.
        return False


def _described(device: Device) -> str:
    parts = [device.name, f"{human(device.total_bytes)}, {human(device.free_bytes)} free"]
    if device.compute_capability is not None:
        parts.append("compute capability {}.{}".format(*device.compute_capability))
    return ", ".join([*parts, f"driver {device.driver}"] if device.driver else parts)


def _import(command: Sequence[str], *, is_built: bool, folder: Path | None) -> tuple[dict[str, Any] | None, str]:
    """Returns what the other process found out, or why it did not."""
    environment = dict(os.environ)
    if folder is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), environment.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            [*command, "built" if is_built else "unbuilt"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_IMPORT_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {_IMPORT_TIMEOUT_S:.0f} s"
    except OSError as error:
        return None, str(error.strerror)
    if done.returncode == 0:
        try:
            answer = json.loads(done.stdout.strip().rpartition("\n")[2])
        except ValueError:
            answer = None
        if isinstance(answer, dict):
            return answer, ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return None, lines[-1][:_LINE_MAX] if lines else f"it ended with status {done.returncode} and said nothing"
