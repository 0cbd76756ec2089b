"""Answers fimble/costs: what the engine has computed so far."""

from dataclasses import asdict
from typing import Any, Final

from fimble.lsp.extensions import COSTS
from fimble.lsp.server import FimbleServer


async def costs(server: FimbleServer, params: Any) -> dict[str, int]:
    """Returns the counts."""
    return asdict(await server.services.costs())


HANDLERS: Final = {COSTS: costs}
