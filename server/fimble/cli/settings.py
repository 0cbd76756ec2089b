"""The user's own settings file: what holds for every editor and command. Nothing in a workspace can set these."""

from pathlib import Path

import msgspec

from fimble import folders
from fimble.errors import SettingsInvalid
from fimble.models.card import CacheKind
from fimble.models.catalogue import is_path

DEFAULT_MODEL = "qwen2.5-coder-0.5b"


class GpuSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model for ExLlamaV2 is loaded; what is not set is chosen so that it fits the card's free memory.

    `context` is the length of the cache of all prompts together, such as `16k`; `device` is a card's number as
    nvidia-smi shows it. `draft_model` names a small model with the same vocabulary that guesses ahead.
    """

    context: str = ""
    cache: CacheKind | None = None
    device: int | None = None
    draft_model: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `config.toml` may say.

    `model` is a card's name, or the absolute path of a GGUF file or of a folder of safetensors.
    """

    model: str = DEFAULT_MODEL
    gpu: GpuSettings = GpuSettings()


def read_settings() -> Settings:
    """Reads `folders.config_file()`; a missing file means the defaults.

    Raises:
        SettingsInvalid: the file cannot be read, or has an unknown or wrong setting.
    """
    path = folders.config_file()
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (msgspec.DecodeError, OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"The settings file {path} cannot be used: {error}.") from error
    # The engine does not run in the folder in which somebody wrote `models/x.gguf`.
    model = _absolute(settings.model, path.parent)
    draft_model = _absolute(settings.gpu.draft_model, path.parent)
    return msgspec.structs.replace(
        settings, model=model, gpu=msgspec.structs.replace(settings.gpu, draft_model=draft_model)
    )


def _absolute(model: str, folder: Path) -> str:
    return str(folder / Path(model).expanduser()) if is_path(model) else model
