"""`python -m fimble.bench.crossfile.likelihood_child SOCKET`: tells how probable texts are, until its input ends.

It reads settings and then questions (`likelihood_engine`), a line each. One request with a grammar of exactly the
text's tokens makes llama.cpp write them; it tells their probabilities as they were before the grammar, whatever
their rank.
"""

import contextlib
import http.client
import json
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from fimble.bench.crossfile.likelihood_engine import Likelihood, LikelihoodSettings, Question, Refusal, Reply, Token

# llama.cpp's probabilities are single floats, which end at e**-103; so improbable is a token in practice never.
FLOOR_NATS: Final = -100.0
# How many of the most probable tokens are looked at where a token is judged given its beginning, and at the end.
CANDIDATES: Final = 400
_TOKENIZE_TIMEOUT_S: Final = 10.0


class Piece(msgspec.Struct, frozen=True):
    """A token of a text, with the bytes it stands for."""

    id: int
    spelling: bytes


class Choice(msgspec.Struct, frozen=True):
    """A token that was written: its log-probability, and the most probable ones with theirs."""

    id: int
    spelling: bytes
    nats: float
    candidates: tuple[tuple[bytes, float], ...] = ()


Tokenize = Callable[[str, bool], Sequence[Piece]]
"""Returns the tokens of a text, in which spellings of control tokens mean those if the second argument is true."""

Write = Callable[[list[int], list[int], int], Sequence[Choice]]
"""Continues a prompt with exactly these tokens, and with a stop token if the third argument is one more than those."""


class Unanswerable(Exception):
    """The question has no answer with this model."""


def answer(question: Question, tokenize: Tokenize, write: Write) -> Likelihood:
    """Returns how probable the question's text is.

    What the text starts with and the text are tokenised as one, as the model would write them. Tokens inside of what it
    starts with are given. A token that begins there and ends in the text is judged among those that go with its given
    bytes, as in the engine. The text's last token stands for all that begin with it, since the model may write what
    follows in the same token (`)` and a new line are often one). All others count by themselves.

    Raises:
        Unanswerable: the model cannot be asked this.
    """
    began = time.perf_counter()
    prompt: list[int] = []
    for is_control, text in question.parts:
        pieces = tokenize(text, is_control)
        if is_control and len(pieces) != 1:
            raise Unanswerable(f"The model has no control token {text!r}.")
        prompt += [piece.id for piece in pieces]
    given = len(question.starts_with.encode("utf-8", "replace"))
    pieces = tokenize(question.starts_with + question.text, False)
    whole = (question.starts_with + question.text).encode("utf-8", "replace")
    if b"".join(piece.spelling for piece in pieces) != whole:
        raise Unanswerable("The model's tokenizer changes texts, so that their tokens cannot be told apart.")
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece.spelling))
    first = sum(end <= given for end in ends[1:])
    kept = min(len(pieces), first + question.tokens_max)
    ids = [piece.id for piece in pieces[:kept]]
    is_whole = kept == len(pieces)
    choices = write(prompt, ids, kept + is_whole)
    if [choice.id for choice in choices[:kept]] != ids or len(choices) != kept + is_whole:
        raise Unanswerable("llama.cpp did not write the tokens that it was given; is it an older version?")
    tokens = []
    for number in range(first, kept):
        start, end = ends[number] - given, ends[number + 1] - given
        choice = choices[number]
        nats = choice.nats if number < len(pieces) - 1 else _beginning(choice, choice.spelling)
        if start < 0:
            nats = min(0.0, nats - _going_with(choice, choice.spelling[:-start]))
        tokens.append(Token(start, end, max(nats, FLOOR_NATS)))
    return Likelihood(
        tokens=tuple(tokens),
        end_nats=_end(choices[kept - 1], choices[kept], line_ends=question.line_ends) if is_whole else None,
        floored=sum(token.nats <= FLOOR_NATS for token in tokens),
        prompt_tokens=len(prompt),
        ms=(time.perf_counter() - began) * 1000,
    )


def _beginning(choice: Choice, start: bytes) -> float:
    """Returns the log-probability of all tokens that begin with `start`."""
    return _sum(nats for text, nats in _known(choice).items() if text.startswith(start))


def _going_with(choice: Choice, start: bytes) -> float:
    """Returns the log-probability of all tokens that begin with `start` or are a beginning of it."""
    return _sum(
        nats for text, nats in _known(choice).items() if text and (text.startswith(start) or start.startswith(text))
    )


def _known(choice: Choice) -> dict[bytes, float]:
    return {**dict(choice.candidates), choice.spelling: choice.nats}


def _end(last: Choice, after: Choice, *, line_ends: bool) -> float:
    """Returns the log-probability that nothing goes on after the `last` token, given that the text has come this far.

    That is a stop token `after` it or, with `line_ends`, a new line: there, or in one token with the last.
    """
    # Control tokens have no spelling; of several, each stands for itself.
    ending = [nats for text, nats in after.candidates if not text or (line_ends and text.startswith(b"\n"))]
    if all(text for text, _ in after.candidates):
        ending.append(after.nats)
    ways = [last.nats + _sum(ending)]
    if line_ends:
        ways.append(_beginning(last, last.spelling + b"\n"))
    return max(min(0.0, _sum(ways) - _beginning(last, last.spelling)), FLOOR_NATS)


def _sum(nats: Iterable[float]) -> float:
    """Returns the logarithm of a sum of probabilities; of none, that of next to nothing."""
    values = list(nats)
    most = max(values, default=FLOOR_NATS)
    if most <= FLOOR_NATS:
        return FLOOR_NATS
    return most + math.log(sum(math.exp(value - most) for value in values))


class _Llama:
    """llama.cpp with a model, and the Unix socket at which it tells of its tokenizer."""

    def __init__(self, settings: LikelihoodSettings, path: str) -> None:
        import xllamacpp  # noqa: PLC0415 - 100 MB of code, wanted in this process only.

        self._path = path
        self._context_tokens = settings.context_tokens
        parameters = xllamacpp.CommonParams()
        parameters.model.path = settings.model_file
        parameters.hostnames = [path]
        parameters.ui = False
        parameters.verbosity = 0
        parameters.n_ctx = settings.context_tokens
        parameters.n_parallel = 1
        parameters.n_batch = parameters.n_ubatch = settings.batch_tokens
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
        parameters.cache_ram_mib = 0
        parameters.warmup = False
        self._server = xllamacpp.Server(parameters)

    def tokenize(self, text: str, is_control: bool) -> list[Piece]:
        """Returns the tokens of a text."""
        body = {"content": _encodable(text), "parse_special": is_control, "add_special": False, "with_pieces": True}
        connection = _UnixConnection(self._path)
        try:
            connection.request("POST", "/tokenize", json.dumps(body), {"Content-Type": "application/json"})
            tokens = json.loads(connection.getresponse().read())["tokens"]
        finally:
            connection.close()
        return [Piece(token["id"], _bytes(token["piece"])) for token in tokens]

    def write(self, prompt: list[int], ids: list[int], tokens_max: int) -> list[Choice]:
        """Writes the given tokens after the prompt."""
        if len(prompt) + tokens_max > self._context_tokens:
            raise Unanswerable(f"The prompt has {len(prompt)} tokens; the model takes {self._context_tokens}.")
        fields = {
            "prompt": prompt,
            "n_predict": tokens_max,
            # A prompt that is partly in the cache is computed in other batches, and rounds otherwise: the same prompt
            # is to have the same answer whatever came before it.
            "cache_prompt": False,
            "id_slot": 0,
            "temperature": 0.0,
            "samplers": ["top_k"],
            "top_k": 1,
            "repeat_penalty": 1.0,
            "logprobs": CANDIDATES,
            "grammar": f"root ::= {' '.join(f'<[{id}]>' for id in ids)}",
        }
        said = self._server.handle_completions(fields)
        if "choices" not in said:
            raise Unanswerable(f"llama.cpp refused the request: {said.get('error', {}).get('message', said)}.")
        return [
            Choice(
                token["id"],
                bytes(token["bytes"]),
                token["logprob"],
                tuple((bytes(other["bytes"]), other["logprob"]) for other in token["top_logprobs"]),
            )
            for token in said["choices"][0]["logprobs"]["content"]
        ]


class _UnixConnection(http.client.HTTPConnection):
    """HTTP through the server's Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TOKENIZE_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with contextlib.ExitStack() as stack:
            stack.callback(self.sock.close)
            self.sock.connect(self._path)
            stack.pop_all()


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _bytes(piece: str | list[int]) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def _serve(path: str) -> None:
    # Whatever the library prints must not come between the answers.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=LikelihoodSettings)
    llama = _Llama(settings, path)
    out.write(b"ready\n")
    out.flush()
    while line := sys.stdin.buffer.readline():
        reply: Reply
        try:
            reply = answer(msgspec.json.decode(line, type=Question), llama.tokenize, llama.write)
        except Unanswerable as error:
            reply = Refusal(str(error))
        out.write(msgspec.json.encode(reply) + b"\n")
        out.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
    # Nothing is left to save, and llama.cpp's threads need not be waited for.
    os._exit(0)
