"""The user's own settings file: what holds for every editor and command. Nothing in a workspace can set these."""

from pathlib import Path

import msgspec

from fimble import folders
from fimble.errors import SettingsInvalid

DEFAULT_MODEL = "qwen2.5-coder-0.5b"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `config.toml` may say. `model` is a card's name, or the absolute path of a GGUF file."""

    model: str = DEFAULT_MODEL


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
    if settings.model.endswith(".gguf"):
        # The engine does not run in the folder in which somebody wrote `models/x.gguf`.
        return Settings(model=str(path.parent / Path(settings.model).expanduser()))
    return settings
