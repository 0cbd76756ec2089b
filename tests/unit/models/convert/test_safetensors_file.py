"""The written file, as the official parser reads it."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fimble.models.convert.safetensors_file import TensorSource, safetensors_bytes, write_safetensors

safetensors = pytest.importorskip("safetensors", reason="the official parser is not installed")


def source(name: str, numbers: np.ndarray, number_type: str = "F16", pieces: int = 1) -> TensorSource:
    return TensorSource(name, numbers.shape, number_type, lambda: iter(np.array_split(numbers, pieces)))  # type: ignore[arg-type]


def test_the_official_parser_reads_what_was_written(tmp_path: Path) -> None:
    halves = np.arange(70, dtype=np.float16).reshape(10, 7)
    words = np.array([[-(1 << 31), -1], [0, (1 << 31) - 1]], dtype=np.int32)
    numbers = np.array([1.5, -2.25], dtype=np.float32)
    path = tmp_path / "model.safetensors"
    sources = [source("w", words, "I32"), source("n", numbers, "F32"), source("h.é", halves, pieces=3)]
    size = write_safetensors(path, sources)
    assert size == path.stat().st_size == safetensors_bytes(sources)
    with safetensors.safe_open(path, "numpy") as file:
        assert set(file.keys()) == {"w", "n", "h.é"}
        assert file.metadata() == {"format": "pt"}
        for name, expected in (("w", words), ("n", numbers), ("h.é", halves)):
            assert np.array_equal(file.get_tensor(name), expected)
            assert file.get_tensor(name).dtype == expected.dtype


def test_the_header_is_aligned_and_the_data_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "m"
    for length in range(1, 9):
        path.unlink(missing_ok=True)
        write_safetensors(path, [source("x" * length, np.ones(3, dtype=np.float16)), source("y", np.ones(1))])
        data = path.read_bytes()
        (header_size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + header_size])
        assert header_size % 8 == 0
        assert header["x" * length]["data_offsets"] == [0, 6]
        assert header["y"] == {"dtype": "F16", "shape": [1], "data_offsets": [6, 8]}
        assert len(data) == 8 + header_size + 8


def test_pieces_are_asked_for_one_at_a_time_and_told_of(tmp_path: Path) -> None:
    events: list[str] = []

    def produce(name: str) -> Callable[[], Iterator[np.ndarray]]:
        def pieces() -> Iterator[np.ndarray]:
            for index in range(2):
                events.append(f"{name}{index}")
                yield np.zeros(4, dtype=np.float16)

        return pieces

    def progress(done: int, total: int, what: str) -> None:
        events.append(f"{what} {total - done}")

    sources = [TensorSource(name, (8,), "F16", produce(name)) for name in "ab"]
    assert events == []
    write_safetensors(tmp_path / "m", sources, progress)
    assert events == ["a0", "writing a 24", "a1", "writing a 16", "b0", "writing b 8", "b1", "writing b 0"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([source("a", np.ones(2)), source("a", np.ones(2))], "two tensors have the name a"),
        ([source("a", np.ones(1)), source("b", np.ones(1), "F32")], "larger types first"),
        ([TensorSource("a", (3,), "F16", lambda: [np.ones(2)])], r"a of \(3,\) has 4 bytes"),
        ([TensorSource("a", (3,), "F16", lambda: [np.ones(4)])], r"a of \(3,\) has 8 bytes"),
        ([source("__metadata__", np.ones(1))], "two tensors"),
    ],
)
def test_mistakes_of_the_caller_are_told(tmp_path: Path, sources: list[TensorSource], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_safetensors(tmp_path / "m", sources)
