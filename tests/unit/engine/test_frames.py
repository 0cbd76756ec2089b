"""Frames survive the wire, and what is not a frame is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.engine.messages import frames
from fimble.errors import FrameInvalid

EXAMPLES = (
    frames.Hello(1, "b", "c", 7),
    frames.Generate(3, [frames.ControlPart("<|fim_prefix|>"), frames.TextPart("a\n")], 64, starts_with=" x"),
    frames.CountTokens(4, ["a", "b"]),
    frames.Cancel(3),
    frames.Ping(9),
    frames.Shutdown(),
)


@pytest.mark.parametrize("frame", EXAMPLES, ids=lambda frame: type(frame).__name__)
def test_a_client_frame_comes_out_as_it_went_in(frame: frames.ClientFrame) -> None:
    assert frames.decode_client_frame(frames.encode(frame)[frames.HEADER.size :]) == frame


def test_an_engine_frame_comes_out_as_it_went_in() -> None:
    done = frames.Done(5, "stop", frames.Timings(prompt_tokens=10, cached_tokens=9, prefill_ms=1.5))
    assert frames.decode_engine_frame(frames.encode(done)[frames.HEADER.size :]) == done


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_decoded_but_never_raise_anything_else(body: bytes) -> None:
    with contextlib.suppress(FrameInvalid):
        frames.decode_client_frame(body)


def test_a_frame_over_the_limit_is_not_sent() -> None:
    with pytest.raises(FrameInvalid):
        frames.encode(frames.CountTokens(1, ["x" * frames.FRAME_BYTES_MAX]))


def test_one_side_does_not_understand_the_other_sides_frames() -> None:
    body = frames.encode(frames.Pong(1))[frames.HEADER.size :]
    with pytest.raises(FrameInvalid):
        frames.decode_client_frame(body)


def test_the_build_names_the_version() -> None:
    assert frames.build().startswith("0.")
    assert "+" in frames.build()
