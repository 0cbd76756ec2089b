"""A warm sandbox for each test."""

from collections.abc import AsyncIterator

import pytest

from fimble.bench.sandbox.confinement import Limits
from fimble.bench.sandbox.run import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(Limits(wall_s=5.0, cpu_s=2)) as sandbox:
        yield sandbox
