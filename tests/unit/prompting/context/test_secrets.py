"""Files and pieces of code that may not become context. No secret stands here as it would be: all are put together."""

import random
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fimble
from fimble.index.files.notebook import virtual_path
from fimble.prompting.context.secrets import WINDOW, ignored, is_ignored, is_withheld, redacted, secret_in, suspects
from tests.unit.index.queries.workspaces import indexed, with_open

_LETTERS = string.ascii_letters + string.digits


def _drawn(length: int, signs: str = _LETTERS, seed: int = 7) -> str:
    """Returns signs as a machine draws them, with at least two figures where there may be any."""
    source = random.Random(seed)
    text = "".join(source.choice(signs) for _ in range(length - 2))
    return text + ("7" + text[0] if "7" in signs else text[:2])


_HEX = string.digits + "abcdef"
_BASE32 = string.ascii_uppercase + "234567"
_KEY_LINES = "\n".join(_drawn(64, _LETTERS + "+/", seed) for seed in range(6))
_HEAD = "-----BEGIN {}PRIVATE " + "KEY-----"
_SECRETS = [
    ("private-key", f"{_HEAD.format('RSA ')}\n{_KEY_LINES}\n"),
    ("private-key", f'key = """{_HEAD.format("")}\r\n{_KEY_LINES}"""'),
    ("private-key", f'"key": "{_HEAD.format("OPENSSH ")}\\n{_drawn(64)}\\n",'),
    ("private-key", f"{_HEAD.format('EC ')}\nProc-Type: 4,ENCRYPTED\n"),
    ("private-key", "-----BEGIN PGP PRIVATE " + "KEY BLOCK-----\nVersion: 1\n"),
    ("aws-access-key", "AKIA" + _drawn(16, _BASE32)),
    ("aws-access-key", "id: ASIA" + _drawn(16, _BASE32)),
    *(("github-token", f"gh{kind}_" + _drawn(36)) for kind in "pousr"),
    ("github-token", "github_pat_" + _drawn(22) + "_" + _drawn(59)),
    ("gitlab-token", "glpat-" + _drawn(20)),
    ("slack-token", "xoxb-" + _drawn(12, string.digits) + "-" + _drawn(24)),
    ("slack-webhook", "https://hooks.slack.com/services/T" + _drawn(8) + "/B" + _drawn(8) + "/" + _drawn(24)),
    ("google-key", "AIza" + _drawn(35)),
    ("google-client-secret", "GOCSPX-" + _drawn(28)),
    ("google-token", "ya29." + _drawn(60)),
    ("jwt", "eyJ" + _drawn(17) + ".eyJ" + _drawn(40) + "." + _drawn(43)),
    ("stripe-key", "sk_live_" + _drawn(24)),
    ("stripe-key", "rk_test_" + _drawn(24)),
    ("stripe-key", "whsec_" + _drawn(32)),
    ("openai-key", "sk-proj-" + _drawn(48)),
    ("openai-key", "sk-" + _drawn(20) + "T3BlbkFJ" + _drawn(20)),
    ("anthropic-key", "sk-ant-api03-" + _drawn(80)),
    ("huggingface-token", "hf_" + _drawn(34)),
    ("npm-token", "npm_" + _drawn(36)),
    ("pypi-token", "pypi-AgE" + _drawn(80)),
    ("sendgrid-key", "SG." + _drawn(22) + "." + _drawn(43)),
    ("twilio-key", "SK" + _drawn(32, _HEX)),
    ("digitalocean-token", "dop_v1_" + _drawn(64, _HEX)),
    ("telegram-token", _drawn(9, string.digits) + ":AA" + _drawn(33)),
    ("age-key", "AGE-SECRET-" + "KEY-1" + _drawn(58, string.ascii_uppercase + string.digits)),
    ("azure-key", "AccountName=shop;AccountKey=" + _drawn(86) + "=="),
    ("password-in-address", "postgres://shop:" + _drawn(12) + "@db.internal/shop"),
    ("password-in-address", "redis://:" + _drawn(12) + "@cache:6379"),
    ("drawn-value", f'API_KEY = "{_drawn(24)}"'),
    ("drawn-value", f'SECRET_KEY: Final[str] = "{_drawn(50)}"'),
    ("drawn-value", f"  client_secret: {_drawn(32)}\n"),
    ("drawn-value", f"export SERVICE_TOKEN={_drawn(40, _HEX)}\n"),
    ("drawn-value", f'"access_token": "{_drawn(24)}",'),
    ("drawn-value", f'os.environ["AUTH_TOKEN"] = "{_drawn(24)}"'),
    ("drawn-value", f'client.setToken("{_drawn(24)}");'),
    ("drawn-value", f"const privateKey: string = '{_drawn(32, _HEX)}';"),
    ("drawn-value", f'headers = {{"Authorization": "Bearer {_drawn(32)}"}}'),
    ("drawn-value", f"curl -H 'Authorization: Bearer {_drawn(32)}'"),
    ("drawn-value", f"aws_secret_access_key = {_drawn(40)}\n"),
    ("drawn-value", 'db_password = "Winter2024' + '!"'),
    ("drawn-value", f'TÜRKİYE_PASSWORD = "{_drawn(20)}"'),
    ("base64-block", _KEY_LINES),
    ("base64-block", "\n".join(f'    "{line}\\n"' for line in _KEY_LINES.split("\n"))),
]

_HARMLESS = [
    "",
    "password = getpass.getpass()",
    'password = "password"',
    'PASSWORD = "changeme-please-2024!"',
    "token = self._tokenizer.next_token(text)",
    "token: str = field(default_factory=str)",
    'token = "end_of_statement_marker"',
    "secret_name = 'projects/shop/secrets/database'",
    'api_key = os.environ["SHOP_API_KEY_V2_2024"]',
    'api_key = "your-api-key-1234abcd5678"',
    'api_key = f"{prefix}{number:08d}"',
    'primary_key = "customer_identifier_column_2"',
    "cache_key = hashlib.sha256(data).hexdigest()[:16]",
    'if text.startswith("-----BEGIN RSA PRIVATE " + "KEY-----"):',
    'HEAD = "-----BEGIN PRIVATE ' + 'KEY-----"\nFOOT = "-----END PRIVATE ' + 'KEY-----"\n',
    "AKIAIOSFODNN7" + "EXAMPLE",
    "postgres://user:password@localhost/test",
    "postgres://{user}:{password}@{host}/shop",
    "postgres://$USER:${PASSWORD}@host/shop",
    "https://example.com:8080/path@version",
    "ghp_ is what GitHub's tokens begin with",
    "def hf_model_from_pretrained_weights_and_configuration(): ...",
    "commit = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
    '"integrity": "sha512-' + _drawn(86) + '=="',
    f'image = "data:image/png;base64,{_drawn(70)}"',
    "=" * 70 + "\n" + "=" * 70 + "\n" + "=" * 70,
    ("a" * 64 + "\n") * 5,
]


@pytest.mark.parametrize(("kind", "text"), _SECRETS)
def test_a_piece_with_a_secret_is_withheld_whole(kind: str, text: str) -> None:
    assert secret_in(text) == kind
    piece = f"def connect():\n    # {text}\n    return open_it()\n" if "\n" not in text else f"x = 1\n{text}\ny = 2\n"
    assert redacted(piece) is None


@pytest.mark.parametrize("text", _HARMLESS)
def test_ordinary_code_is_shown_as_it_is(text: str) -> None:
    assert secret_in(text) == ""
    assert redacted(text) == text


def test_a_key_is_found_in_the_middle_of_an_excerpt() -> None:
    lines = [_drawn(64, _LETTERS + "+/", seed) for seed in range(40)]
    assert redacted("\n".join(lines[20:30])) is None
    assert redacted("\n".join(lines[20:22])) is not None


@pytest.mark.parametrize("sign", "+-")
def test_a_key_is_found_in_a_diff(sign: str) -> None:
    key = f"{_HEAD.format('')}\n{_KEY_LINES}".split("\n")
    assert redacted("\n".join(sign + line for line in key[:2])) is None
    assert redacted("\n".join(sign + line for line in key[2:])) is None
    assert redacted("\n".join(sign + line for line in key[:1])) is not None


def test_no_piece_of_the_product_is_withheld() -> None:
    pieces = []
    for file in Path(fimble.__file__).parent.rglob("*.py"):
        lines = file.read_text("utf-8").split("\n")
        pieces += [(file, "\n".join(lines[first : first + 30])) for first in range(0, len(lines), 30)]
    assert len(pieces) > 1000
    assert [(file.name, secret_in(piece)) for file, piece in pieces if redacted(piece) is None] == []


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/.env.production",
        "shop/PROD.ENV",
        ".envrc",
        "certs/server.pem",
        "server.key",
        "a\\b\\server.p12",
        "store.jks",
        "vault.kdbx",
        "id_rsa",
        "id_ed25519.old",
        ".npmrc",
        ".pypirc",
        ".netrc",
        ".git-credentials",
        ".htpasswd",
        "main.tfvars",
        "terraform.tfstate.backup",
        "kubeconfig.yaml",
        ".kube/config",
        ".aws/credentials",
        "home/.ssh/config",
        "credentials",
        "gcp-credentials.json",
        "secrets.yml",
        "config/app-secrets.json",
        "my-service-account-1234.json",
        "client_secret_1234.json",
        ".bash_history",
    ],
)
def test_files_that_are_made_to_hold_secrets_are_withheld(path: str) -> None:
    assert is_withheld(path)


@pytest.mark.parametrize(
    "path",
    [
        "environment.py",
        "env.py",
        "src/env/loader.ts",
        "keys.py",
        "keyboard.ts",
        "prompting/context/secrets.py",
        "credentials.go",
        "secrets/manager.rs",
        "tokens.css",
        "ssh/client.py",
        "aws/credentials_provider.py",
        "config.json",
        "settings.json",
        "package.json",
        "README.md",
        "history.py",
        "certificates.py",
    ],
)
def test_ordinary_files_are_not_withheld(path: str) -> None:
    assert not is_withheld(path)


_HOSTILE = [
    "eyJ",
    "eyJ" + "a" * 40,
    "eyJaaaaaaaaaaaaaaaa.",
    "SK",
    "SK0",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----\n",
    "password" * 2,
    "password=",
    'token = "',
    'token: a.b | c = "x1',
    "://a:",
    "://" + "a" * 60 + ":" + "b" * 120,
    "sk_live_" + "a" * 19 + "!",
    ":AA12345678",
    "xoxb-",
    "A1" * 30,
    "a1" * 30 + "\n",
    "İ1",
    " " * 30 + "\n",
    "\\n",
]


@pytest.mark.parametrize("unit", _HOSTILE)
def test_the_work_grows_with_the_length_and_not_faster(unit: str) -> None:
    """After each mark a bounded number of characters is looked at, however often marks come."""
    once, twice = _looked_at(unit * 2_000), _looked_at(unit * 4_000)
    assert twice <= 2 * once + WINDOW * WINDOW  # At its end the text is shorter than what is looked at.
    assert once <= 2 * WINDOW * len(unit) * 2_000


@given(st.lists(st.sampled_from(_HOSTILE), max_size=6), st.integers(1, 300))
def test_no_mixture_of_marks_makes_much_work(units: list[str], times: int) -> None:
    text = "".join(units) * times
    assert _looked_at(text) <= 2 * WINDOW * len(text)
    assert redacted(text) in (text, None)


@given(st.text(max_size=300))
def test_any_text_is_shown_whole_or_not_at_all(text: str) -> None:
    assert redacted(text) in (text, None)
    assert isinstance(is_withheld(text), bool)


def _looked_at(text: str) -> int:
    return sum(max(0, min(suspect.end, len(text)) - suspect.start) for suspect in suspects(text))


def test_what_the_index_does_not_list_is_ignored(tmp_path: Path) -> None:
    """That it lists nothing that is ignored is tested where it lists."""
    view = with_open(with_open(indexed(tmp_path, {"a.py": "x = 1\n"}), "a.py", "x = 2\n"), "made/out.py", "y = 2\n")
    assert not is_ignored(view, "a.py")
    assert is_ignored(view, "made/out.py")
    assert ignored(view, ["a.py", "made/out.py", "unsaved.py"]) == {"made/out.py", "unsaved.py"}
    assert ignored(view, []) == set()


def test_the_cells_of_a_notebook_are_ignored_with_it(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"notes.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'})
    assert is_ignored(view, virtual_path("made.ipynb", 0))
    assert not is_ignored(view, virtual_path("notes.ipynb", 0))
