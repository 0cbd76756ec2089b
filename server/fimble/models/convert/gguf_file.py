"""Reads the GGUF format: the metadata, and the weights as numbers, some rows at a time.

The header is read here, not by the `gguf` package, whose reader goes on for ever where a broken file claims a
long list. The package knows the quantised types, and so is needed.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from fimble.errors import ModelFileMissing, ModelFileWrong, ModelRefused

if TYPE_CHECKING:
    from types import ModuleType

Rows = npt.NDArray[np.float32]

_VERSIONS: Final = (2, 3)
# The largest known header, that of a vocabulary of 256,000 tokens, has about 15 MB.
_HEADER_BYTES_MAX: Final = 256 * 1024**2
_DIMENSIONS_MAX: Final = 4
_ELEMENTS_MAX: Final = 1 << 40
_NAME_SHOWN_MAX: Final = 80
# The types of metadata values, by their numbers in the format's specification (ggml's docs/gguf.md).
_SCALARS: Final = {
    0: "<u1",
    1: "<i1",
    2: "<u2",
    3: "<i2",
    4: "<u4",
    5: "<i4",
    6: "<f4",
    7: "?",
    10: "<u8",
    11: "<i8",
    12: "<f8",
}
_STRING: Final = 8
_ARRAY: Final = 9


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """Where a tensor lies in the file; `shape` has the rows first, `kind` is the number of its quantised type."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    row_bytes: int

    @property
    def rows(self) -> int:
        """The number of rows; a vector is one row."""
        return int(np.prod(self.shape[:-1], dtype=np.int64))


class GgufFile:
    """The metadata and tensors of an open GGUF file."""

    def __init__(self, path: Path, content: BinaryIO, gguf: "ModuleType") -> None:
        """Reads the header of `content`; see `open_gguf`."""
        self.path = path
        self._content = content
        self._gguf = gguf
        self._size = os.fstat(content.fileno()).st_size
        self.fields: dict[str, Any] = {}
        self.tensors: dict[str, GgufTensor] = {}
        self._read_header()

    def wrong(self, what: str) -> ModelFileWrong:
        """Returns the error that tells what is wrong with the file."""
        return ModelFileWrong(f"{self.path.name} {what}; download it again, or convert another file.")

    def text(self, key: str, default: str | None = None) -> str:
        """Returns a field that holds text."""
        return str(self._field(key, str, default))

    def whole(self, key: str, default: int | None = None, *, most: int = 1 << 24) -> int:
        """Returns a field that holds a number of things, from 0 to `most`."""
        value = int(self._field(key, int, default))
        if not 0 <= value <= most:
            raise self.wrong(f"says that {key} is {value}, which cannot be")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Returns a field that holds a positive number."""
        value = float(self._field(key, (int, float), default))
        if not 0 < value < float("inf"):
            raise self.wrong(f"says that {key} is {value}, which cannot be")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Returns a field that holds true or false."""
        return bool(self._field(key, bool, default))

    def texts(self, key: str) -> list[str]:
        """Returns a field that holds a list of texts."""
        return list(self._field(key, list))

    def wholes(self, key: str) -> list[int]:
        """Returns a field that holds a list of whole numbers."""
        values = self._field(key, np.ndarray)
        if values.dtype.kind not in "iu":
            raise self.wrong(f"has no whole numbers in {key}")
        return [int(value) for value in values]

    def rows(self, tensor: GgufTensor, start: int, stop: int) -> Rows:
        """Returns some rows of a tensor as float32 [stop - start, columns], as `gguf` dequantises them."""
        self._content.seek(tensor.offset + start * tensor.row_bytes)
        wanted = (stop - start) * tensor.row_bytes
        data = self._content.read(wanted)
        if len(data) != wanted:
            raise self._cut_short()
        packed = np.frombuffer(data, dtype=np.uint8).reshape(stop - start, tensor.row_bytes)
        numbers: Rows = self._gguf.quants.dequantize(packed, self._gguf.GGMLQuantizationType(tensor.kind))
        return numbers.astype(np.float32, copy=False)

    def _field(self, key: str, kind: type | tuple[type, ...], default: object = None) -> Any:
        value = self.fields.get(key, default)
        if value is None:
            raise self.wrong(f"does not say {key}")
        # True is a number to Python, and none to us.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(f"has the wrong kind of value in {key}")
        return value

    def _cut_short(self) -> ModelFileWrong:
        return self.wrong("is cut short")

    def _read_header(self) -> None:
        header = _Header(self, self._content, min(self._size, _HEADER_BYTES_MAX))
        if header.take(4) != b"GGUF":
            raise self.wrong("is not a GGUF file")
        version = header.whole("<I")
        if version not in _VERSIONS:
            raise ModelRefused(
                f"{self.path.name} has version {version} of the GGUF format; only versions 2 and 3 with the low byte "
                "first can be converted."
            )
        tensors, fields = header.whole("<Q"), header.whole("<Q")
        for _ in range(fields):
            key = header.text()
            if key in self.fields:
                raise self.wrong(f"says {shown(key)} twice")
            self.fields[key] = header.value()
        described = [self._described(header) for _ in range(tensors)]
        alignment = self.whole("general.alignment", 32)
        if not alignment or alignment & (alignment - 1):
            raise self.wrong(f"says that general.alignment is {alignment}, which cannot be")
        start = -(-header.position // alignment) * alignment
        for name, shape, kind, offset in described:
            self._add(name, shape, kind, start + offset)

    def _described(self, header: "_Header") -> tuple[str, tuple[int, ...], int, int]:
        name = header.text()
        dimensions = header.whole("<I")
        if not 1 <= dimensions <= _DIMENSIONS_MAX:
            raise self.wrong(f"gives {shown(name)} {dimensions} dimensions")
        shape = tuple(header.whole("<Q") for _ in range(dimensions))
        # The format has the length of a row first, numpy has it last.
        return name, shape[::-1], header.whole("<I"), header.whole("<Q")

    def _add(self, name: str, shape: tuple[int, ...], kind: int, offset: int) -> None:
        if name in self.tensors:
            raise self.wrong(f"has the tensor {shown(name)} twice")
        elements = 1
        for length in shape:
            elements *= length
        if not 0 < elements <= _ELEMENTS_MAX:
            raise self.wrong(f"gives the tensor {shown(name)} a size of {elements}, which cannot be")
        block, block_bytes = self._block(name, kind)
        if shape[-1] % block:
            raise self.wrong(f"gives the tensor {shown(name)} rows of {shape[-1]}, which its type does not allow")
        tensor = GgufTensor(name, shape, kind, offset, shape[-1] // block * block_bytes)
        if offset + tensor.rows * tensor.row_bytes > self._size:
            raise self._cut_short()
        self.tensors[name] = tensor

    def _block(self, name: str, kind: int) -> tuple[int, int]:
        """Returns how many numbers a block of this type has, and how many bytes."""
        try:
            known = self._gguf.GGMLQuantizationType(kind)
            block, block_bytes = self._gguf.GGML_QUANT_SIZES[known]
            self._gguf.quants.dequantize(np.zeros((1, block_bytes), dtype=np.uint8), known)
        except (ValueError, KeyError, NotImplementedError) as error:
            raise ModelRefused(
                f"{self.path.name} has the tensor {shown(name)} in type {kind}, which the gguf package cannot read; "
                "convert a file in Q4_K_M, Q8_0 or F16."
            ) from error
        return block, block_bytes


@contextmanager
def open_gguf(path: Path) -> Iterator[GgufFile]:
    """Opens a GGUF file to be read.

    Raises:
        ModelFileMissing: there is no such file.
        ModelFileWrong: it is no GGUF file, or a broken one.
        ModelRefused: it is of a kind that cannot be read, or the `gguf` package is missing.
    """
    try:
        import gguf  # noqa: PLC0415 - an optional package, only needed here.
        import gguf.quants  # noqa: PLC0415
    except ImportError as error:
        raise ModelRefused(
            f'Reading GGUF files needs the gguf package; run: pip install "fimble[gpu]" ({error})'
        ) from (error)
    try:
        content = path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ModelFileMissing(f"There is no file {path}; give the path of a GGUF file.") from error
    with content:
        yield GgufFile(path, content, gguf)


def shown(name: str) -> str:
    """Returns a name out of a file as it may be shown: quoted, without control characters, and not too long."""
    return ascii(name[:_NAME_SHOWN_MAX])


class _Header:
    """Reads values one after the other, and never more than the file has."""

    def __init__(self, file: GgufFile, content: BinaryIO, end: int) -> None:
        self._file = file
        self._content = content
        self._end = end
        self.position = 0

    def take(self, size: int) -> bytes:
        if size > self._end - self.position:
            raise self._file.wrong("is cut short, or its header is not one of a GGUF file")
        data = self._content.read(size)
        if len(data) != size:
            raise self._file.wrong("is cut short")
        self.position += size
        return data

    def whole(self, layout: str) -> int:
        (value,) = struct.unpack(layout, self.take(struct.calcsize(layout)))
        return int(value)

    def text(self) -> str:
        data = self.take(self.whole("<Q"))
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._file.wrong("has text that is not UTF-8") from error

    def value(self) -> Any:
        kind = self.whole("<I")
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return _plain(self._scalars(kind, 1)[0])
        kind, count = self.whole("<I"), self.whole("<Q")
        if kind != _STRING:
            return self._scalars(kind, count)
        if count > (self._end - self.position) // 8:
            raise self._file.wrong("is cut short")
        return [self.text() for _ in range(count)]

    def _scalars(self, kind: int, count: int) -> npt.NDArray[Any]:
        layout = _SCALARS.get(kind)
        if layout is None:
            raise self._file.wrong(f"has a value of the unknown type {kind}")
        dtype = np.dtype(layout)
        return np.frombuffer(self.take(count * dtype.itemsize), dtype=dtype)


def _plain(value: Any) -> int | float | bool:
    """Returns a scalar as Python has it; a float32 as the shortest decimal, which is what its author wrote."""
    if isinstance(value, np.float32):
        return float(str(value))
    plain: int | float | bool = value.item()
    return plain
