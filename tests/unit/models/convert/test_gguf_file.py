"""GGUF files: what is read equals what the `gguf` package reads, and broken files end in a sentence."""

import builtins
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.errors import FimbleError, ModelFileMissing, ModelFileWrong, ModelRefused
from fimble.models.convert.gguf_file import GgufFile, open_gguf, shown

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed")

from tests.unit.models.convert.tiny_gguf import TOKENS, TinyGguf, random_weights  # noqa: E402

TYPES = gguf.GGMLQuantizationType


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TinyGguf().write(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def write_header(path: Path, *parts: bytes, version: int = 3, tensors: int = 0, fields: int = 0) -> Path:
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, tensors, fields) + b"".join(parts))
    return path


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def read(path: Path) -> GgufFile:
    with open_gguf(path) as file:
        return file


def test_fields_and_tensors_are_those_that_the_package_reads(tiny: Path) -> None:
    theirs = gguf.GGUFReader(tiny)
    with open_gguf(tiny) as file:
        fields = {name: field for name, field in theirs.fields.items() if not name.startswith("GGUF.")}
        assert file.fields.keys() == fields.keys()
        for name, field in fields.items():
            ours = file.fields[name]
            value = field.contents()
            # Theirs is the float32 as it is stored, ours the decimal that stands for it.
            expected = pytest.approx(value, rel=1e-7) if isinstance(value, float) else value
            assert (ours.tolist() if isinstance(ours, np.ndarray) else ours) == expected
        assert file.texts("tokenizer.ggml.tokens") == TOKENS
        assert [(tensor.name, tensor.shape, tensor.offset) for tensor in file.tensors.values()] == [
            (tensor.name, tuple(reversed(tensor.shape.tolist())), tensor.data_offset) for tensor in theirs.tensors
        ]


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_weights_are_those_that_the_package_dequantises(tmp_path: Path, kind: str) -> None:
    name = "blk.1.ffn_up.weight"
    path = TinyGguf(kinds={name: TYPES[kind]}).write(tmp_path / "tiny.gguf")
    (theirs,) = (tensor for tensor in gguf.GGUFReader(path).tensors if tensor.name == name)
    whole = gguf.quants.dequantize(theirs.data, theirs.tensor_type)
    with open_gguf(path) as file:
        tensor = file.tensors[name]
        assert np.array_equal(file.rows(tensor, 0, tensor.rows), whole)
        assert np.array_equal(file.rows(tensor, 40, 47), whole[40:47])
        assert np.abs(whole - random_weights()[name]).max() < 0.05
        bias = file.tensors["blk.0.attn_q.bias"]
        assert np.array_equal(file.rows(bias, 0, 1)[0], random_weights()["blk.0.attn_q.bias"])


def test_a_float_is_the_decimal_that_its_author_wrote(tiny: Path) -> None:
    assert read(tiny).number("qwen2.attention.layer_norm_rms_epsilon") == 1e-6


def test_values_of_every_type_are_read(tmp_path: Path) -> None:
    parts = [
        *(text(f"int{kind}") + struct.pack(f"<I{code}", kind, 7) for kind, code in enumerate("BbHhIi")),
        text("float") + struct.pack("<If", 6, 0.1),
        text("yes") + struct.pack("<I?", 7, True),
        text("big") + struct.pack("<IQ", 10, 1 << 63),
        text("low") + struct.pack("<Iq", 11, -1),
        text("double") + struct.pack("<Id", 12, 0.1),
        text("words") + struct.pack("<IIQ", 9, 8, 2) + text("é") + text(""),
        text("numbers") + struct.pack("<IIQhh", 9, 3, 2, -1, 300),
    ]
    file = read(write_header(tmp_path / "f", *parts, fields=len(parts)))
    assert [file.whole(f"int{kind}") for kind in range(6)] == [7] * 6
    assert (file.number("float"), file.number("double"), file.flag("yes", default=False)) == (0.1, 0.1, True)
    assert (file.fields["big"], file.fields["low"]) == (1 << 63, -1)
    assert (file.texts("words"), file.wholes("numbers")) == (["é", ""], [-1, 300])
    assert (file.whole("none", 5), file.text("none", ""), file.flag("none", default=True)) == (5, "", True)


@pytest.mark.parametrize(
    "ask",
    [
        lambda file: file.whole("none"),
        lambda file: file.whole("yes"),
        lambda file: file.whole("words"),
        lambda file: file.whole("low"),
        lambda file: file.whole("big"),
        lambda file: file.number("nan"),
        lambda file: file.number("low"),
        lambda file: file.text("low"),
        lambda file: file.texts("floats"),
        lambda file: file.wholes("floats"),
        lambda file: file.wholes("words"),
        lambda file: file.flag("low", default=True),
    ],
)
def test_a_field_of_another_kind_is_told(tmp_path: Path, ask: Callable[[GgufFile], object]) -> None:
    parts = [
        text("yes") + struct.pack("<I?", 7, True),
        text("low") + struct.pack("<Ii", 5, -1),
        text("big") + struct.pack("<IQ", 10, 1 << 63),
        text("nan") + struct.pack("<If", 6, float("nan")),
        text("words") + struct.pack("<IIQ", 9, 8, 0),
        text("floats") + struct.pack("<IIQf", 9, 6, 1, 1.0),
    ]
    file = read(write_header(tmp_path / "f", *parts, fields=len(parts)))
    with pytest.raises(ModelFileWrong, match="download it again"):
        ask(file)


HUGE = 1 << 60


@pytest.mark.parametrize(
    ("parts", "counts", "message"),
    [
        ([], {"fields": 1}, "cut short"),
        ([], {"fields": HUGE}, "cut short"),
        ([], {"tensors": HUGE}, "cut short"),
        ([struct.pack("<Q", HUGE), b"name"], {"fields": 1}, "cut short"),
        # Lists that claim to be endless, for which a reader that trusts the count needs endless time or memory.
        ([text("a"), struct.pack("<IIQ", 9, 0, HUGE), bytes(64)], {"fields": 1}, "cut short"),
        ([text("a"), struct.pack("<IIQ", 9, 8, HUGE), bytes(64)], {"fields": 1}, "cut short"),
        ([text("a"), struct.pack("<IIQ", 9, 9, 1), bytes(64)], {"fields": 1}, "unknown type 9"),
        ([text("a"), struct.pack("<I", 99), bytes(64)], {"fields": 1}, "unknown type 99"),
        ([struct.pack("<Q", 1), b"\xff", struct.pack("<IB", 0, 1)], {"fields": 1}, "not UTF-8"),
        ([(text("a") + struct.pack("<IB", 0, 1)) * 2], {"fields": 2}, "'a' twice"),
        ([text("general.alignment") + struct.pack("<II", 4, 0)], {"fields": 1}, "alignment is 0"),
        ([text("general.alignment") + struct.pack("<II", 4, 24)], {"fields": 1}, "alignment is 24"),
        ([text("t"), struct.pack("<IIQ", 0, 0, 0)], {"tensors": 1}, "'t' 0 dimensions"),
        ([text("t"), struct.pack("<I", 1 << 31), bytes(64)], {"tensors": 1}, "dimensions"),
        ([text("t"), struct.pack("<IQIQ", 1, 0, 0, 0)], {"tensors": 1}, "size of 0"),
        ([text("t"), struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0)], {"tensors": 1}, "which cannot be"),
        ([text("t"), struct.pack("<IQIQ", 1, 33, 8, 0)], {"tensors": 1}, "rows of 33"),
        ([text("t"), struct.pack("<IQIQ", 1, 8, 0, 0), bytes(20)], {"tensors": 1}, "cut short"),
        ([text("t"), struct.pack("<IQIQ", 1, 8, 0, (1 << 64) - 1), bytes(99)], {"tensors": 1}, "cut short"),
        ([(text("t") + struct.pack("<IQIQ", 1, 1, 0, 0)) * 2, bytes(99)], {"tensors": 2}, "'t' twice"),
        ([text("\x1b[2Jt"), struct.pack("<IQIQ", 1, 0, 0, 0)], {"tensors": 1}, r"'\\x1b\[2Jt'"),
    ],
)
def test_broken_headers_are_told(tmp_path: Path, parts: list[bytes], counts: dict[str, int], message: str) -> None:
    path = write_header(tmp_path / "broken.gguf", *parts, **counts)
    with pytest.raises(ModelFileWrong, match=message) as told:
        read(path)
    assert "broken.gguf" in str(told.value)


@pytest.mark.parametrize(("version", "message"), [(1, "version 1"), (4, "version 4"), (0x03000000, "low byte")])
def test_other_versions_are_refused(tmp_path: Path, version: int, message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        read(write_header(tmp_path / "f", version=version))
    assert read(write_header(tmp_path / "f", version=2)).fields == {}


@pytest.mark.parametrize("kind", [3_000_000_000, 99, int(TYPES.Q8_K), int(TYPES.I32)])
def test_types_that_the_package_cannot_read_are_refused(tmp_path: Path, kind: int) -> None:
    path = write_header(tmp_path / "f", text("t"), struct.pack("<IQIQ", 1, 256, kind, 0), bytes(2000), tensors=1)
    with pytest.raises(ModelRefused, match="Q4_K_M"):
        read(path)
    good = write_header(tmp_path / "f", text("t"), struct.pack("<IQIQ", 1, 256, TYPES.Q4_K, 0), bytes(2000), tensors=1)
    assert read(good).tensors["t"].row_bytes == 144


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04" + bytes(100), b"GGUF"])
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileWrong, match="GGUF"):
        read(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(ModelFileMissing, match="give the path"):
            read(path)


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    original = builtins.__import__

    def without_gguf(
        name: str,
        scope: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if name.startswith("gguf"):
            raise ImportError(f"No module named {name!r}")
        return original(name, scope, local, names, level)

    monkeypatch.setattr(builtins, "__import__", without_gguf)
    with pytest.raises(ModelRefused, match=r'pip install "fimble\[gpu\]"'):
        read(tiny)
    monkeypatch.undo()
    assert read(tiny).tensors


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_bytes_makes_anything_but_a_sentence(tiny: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(tiny.read_bytes())
    header = min(tensor.offset for tensor in read(tiny).tensors.values())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, header - 8))
            change = data.draw(st.one_of(st.binary(min_size=1, max_size=8), st.just(b"\xff" * 8), st.just(bytes(8))))
            content[start : start + len(change)] = change
    path = tmp_path / "changed.gguf"
    path.write_bytes(content)
    try:
        with open_gguf(path) as file:
            for tensor in file.tensors.values():
                assert file.rows(tensor, 0, 1).shape == (1, tensor.shape[-1])
    except FimbleError:
        return


def test_a_file_that_shrinks_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = TinyGguf().write(tmp_path / "tiny.gguf")
    with open_gguf(path) as file:
        tensor = file.tensors["output.weight"]
        assert file.rows(tensor, 0, 2).shape == (2, 64)
        with path.open("r+b") as content:
            content.truncate(tensor.offset)
        with pytest.raises(ModelFileWrong, match="cut short"):
            file.rows(tensor, 280, 288)


def test_names_are_shown_on_one_line_and_not_too_long() -> None:
    assert shown("a\nb\x1b") == r"'a\nb\x1b'"
    assert len(shown("é" * 10_000)) < 400
    assert shown("\u202e") == r"'\u202e'"
