"""The real command and the real default model, in a place of their own."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fimble.cli.settings import DEFAULT_MODEL
from fimble.models import store
from fimble.models.catalogue import find_card

from .lsp_client import LspClient

LSP_COMMAND = [sys.executable, "-m", "fimble", "lsp"]


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The default model's file. It is part of the product, so that its absence is a failure, not a skip."""
    return store.ready_path(find_card(DEFAULT_MODEL))


@pytest.fixture
def scripted(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the scripted model the configured one; returns the file of its script."""
    config, script = place.parent / "config.toml", place.parent / "script.json"
    config.write_text('model = "scripted"\n')
    script.write_text("{}")
    monkeypatch.setenv("FIMBLE_CONFIG", str(config))
    monkeypatch.setenv("FIMBLE_SCRIPT", str(script))
    return script


@pytest.fixture
async def editor(place: Path) -> AsyncIterator[LspClient]:
    """A language server, started as an editor does, with which a test shakes hands itself."""
    client = await LspClient.start(LSP_COMMAND)
    yield client
    await client.close()
