"""What may not become context: files that are made to hold secrets, code that holds one, and files that are ignored.

A piece with a secret is withheld whole. Masking would have to find where the secret ends, and what is left around the
hole is seldom worth its tokens. A passphrase of plain words is not told from text: this is a net, not a wall.
"""

import fnmatch
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from fimble.index.files.notebook import split_virtual
from fimble.index.queries.view import View

# Names of files that hold secrets, in small letters. Seen in Continue's list (core/indexing/ignore.ts), which also
# refuses config.json, settings.json and env/; those are ordinary code. So are secrets.py and credentials.ts: of names
# that only speak of secrets, data formats alone are withheld.
_DATA: Final = ("csv", "enc", "ini", "json", "properties", "toml", "txt", "xml", "yaml", "yml")
WITHHELD_NAMES: Final = (
    # Settings of an environment.
    *(".env", ".env.*", ".env-*", ".envrc", "*.env", "*.env.*", ".flaskenv", "local.settings.json"),
    # Keys and their stores.
    *(
        "*.pem",
        "*.key",
        "*.p8",
        "*.p12",
        "*.pfx",
        "*.pkcs12",
        "*.jks",
        "*.keystore",
        "*.ppk",
        "*.gpg",
        "*.pgp",
        "*.kdb",
    ),
    *("*.kdbx", "*.agekey", "*.ovpn", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*_rsa", "*_ed25519"),
    # What tools keep their passwords in.
    *(".npmrc", ".yarnrc.yml", ".pypirc", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials"),
    *(
        ".dockercfg",
        ".dockerconfigjson",
        ".s3cfg",
        ".boto",
        ".vault-token",
        ".vault_pass*",
        "*.tfvars",
        "*.tfvars.json",
    ),
    *("*.tfstate", "*.tfstate.*", "kubeconfig*", "*.kubeconfig", "*_history", ".credentials", "wp-config.php"),
    # What is called so.
    *("credentials", "secrets", "*.secret", "*.secrets", "*.token", "*.credentials"),
    *(f"{word}.{ending}" for word in ("*credentials", "*secret", "*secrets") for ending in _DATA),
    *("*service-account*.json", "*service_account*.json", "*serviceaccount*.json", "client_secret*.json"),
)
WITHHELD_FOLDERS: Final = frozenset(
    {".aws", ".azure", ".docker", ".gcloud", ".gnupg", ".kube", ".password-store", ".ssh", ".vault"}
)
_NAME: Final = re.compile("|".join(fnmatch.translate(glob) for glob in WITHHELD_NAMES))

# How far from its mark a secret is looked for. All work after a mark stays inside, so that all of it is linear.
WINDOW: Final = 400
_PLACEHOLDER: Final = re.compile(
    r"example|x{4}|\*{3}|0{6}|1234567|abcdef|change.?me|placeholder|dummy|sample|redacted|insert|your[_-]|my[_-]"
    r"|<|\$\{|\{\{|%\(|\.{3}",
    re.IGNORECASE,
)


class _Shape(NamedTuple):
    """A secret that its look gives away: it begins at one of its marks; `has_gaps` says that there are spaces in it."""

    name: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    has_gaps: bool


def _shape(name: str, marks: str, pattern: str) -> _Shape:
    return _Shape(name, tuple(marks.split(" ")), re.compile(pattern), has_gaps=" " in pattern)


_BEGIN: Final = r"(?<![A-Za-z0-9_])"
_END: Final = r"(?![A-Za-z0-9_])"
# The shapes are those that the issuers document, as the rules of gitleaks (config/gitleaks.toml) know them too.
_SHAPES: Final = (
    # RFC 7468 and RFC 4880, with something of the key after the head or before the foot: code that handles keys
    # names these lines alone.
    _shape(
        "private-key",
        "-----BEGIN",
        r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----(?:[\s\"'`+,-]|\\[nr]){0,40}"
        r"(?:[A-Za-z0-9+/]{24}|Proc-Type|Version:|Comment:)",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    _shape(
        "aws-access-key",
        "AKIA ASIA ABIA ACCA",
        _BEGIN + r"(?:AKIA|ASIA|ABIA|ACCA)(?![A-Z2-7]{9}EXAMPLE)[A-Z2-7]{16}" + _END,
    ),
    # https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
    _shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", _BEGIN + r"gh[pousr]_[A-Za-z0-9]{36,255}" + _END),
    _shape("github-token", "github_pat_", _BEGIN + r"github_pat_[A-Za-z0-9_]{36,255}"),
    # https://docs.gitlab.com/security/tokens/#token-prefixes
    _shape("gitlab-token", "glpat- gldt- glrt- glptt-", _BEGIN + r"gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,}"),
    # https://api.slack.com/authentication/token-types, https://api.slack.com/messaging/webhooks
    _shape("slack-token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xapp-", r"x(?:ox[abeprs]|app)-[0-9A-Za-z-]{12,}"),
    _shape("slack-webhook", "hooks.slack.com/services/", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}"),
    # https://cloud.google.com/docs/authentication/api-keys; the client secret and access token by gitleaks' rules.
    _shape("google-key", "AIza", _BEGIN + r"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    _shape("google-client-secret", "GOCSPX-", r"GOCSPX-[0-9A-Za-z_-]{28}"),
    _shape("google-token", "ya29.", _BEGIN + r"ya29\.[0-9A-Za-z_-]{24,}"),
    # RFC 7519: header and claims are JSON objects in base64url, which begin with {" (eyJ).
    _shape("jwt", "eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{13,300}\.eyJ[A-Za-z0-9_-]{8,}"),
    # https://docs.stripe.com/keys
    _shape("stripe-key", "sk_live_ rk_live_ sk_test_ rk_test_", _BEGIN + r"[sr]k_(?:live|test)_[0-9A-Za-z]{20,}"),
    _shape("stripe-key", "whsec_", _BEGIN + r"whsec_[0-9A-Za-z+/=]{24,}"),
    # gitleaks: openai-api-key, anthropic-api-key
    _shape("openai-key", "sk-proj- sk-svcacct- sk-admin-", _BEGIN + r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"),
    _shape("openai-key", "T3BlbkFJ", r"T3BlbkFJ[A-Za-z0-9_-]{16,}"),
    _shape("anthropic-key", "sk-ant-", _BEGIN + r"sk-ant-[a-z0-9]{3,10}-[A-Za-z0-9_-]{20,}"),
    # https://huggingface.co/docs/hub/security-tokens
    _shape("huggingface-token", "hf_", _BEGIN + r"hf_[A-Za-z0-9]{34,40}" + _END),
    # https://github.blog/2021-09-23-announcing-npms-new-access-token-format/
    _shape("npm-token", "npm_", _BEGIN + r"npm_[A-Za-z0-9]{36}" + _END),
    # https://pypi.org/help/#apitoken; a macaroon, whose first bytes name the site.
    _shape("pypi-token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50,}"),
    # gitleaks: sendgrid-api-token, twilio-api-key, digitalocean-pat, telegram-bot-api-token, age-secret-key
    _shape("sendgrid-key", "SG.", _BEGIN + r"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
    _shape("twilio-key", "SK", _BEGIN + r"SK[0-9a-f]{32}" + _END),
    _shape("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _shape("telegram-token", ":AA", r"(?<=[0-9]{8}):AA[A-Za-z0-9_-]{32,34}(?![A-Za-z0-9_-])"),
    _shape("age-key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    # https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string
    _shape("azure-key", "AccountKey= SharedAccessKey=", r"(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{40,90}={0,2}"),
)
# RFC 3986, 3.2.1: a password in the address of a service.
_ADDRESS: Final = re.compile(r"://[^\s/:@\"'`<>{}$()]{0,64}:([^\s/@\"'`<>()]{3,128})@[\w\[]")
_ADDRESS_WORDS: Final = re.compile(
    r"pass\w{0,8}|p(?:ass)?w(?:or)?d?|secret|token|user\w{0,8}|admin|root|guest|test\w{0,8}|foo|bar|baz|postgres|mysql|"
    r"[$%{*\[].{0,128}",
    re.IGNORECASE,
)
# gitleaks: generic-api-key, made narrower: the value has to look as if a machine had drawn it.
_PASSWORD_WORDS: Final = ("passwd", "password", "passphrase", "pwd")
_WORDS: Final = (
    *(*_PASSWORD_WORDS, "secret", "token", "bearer", "apikey", "api_key", "api-key", "_key", "-key"),
    *("accesskey", "accountkey", "authkey", "privatekey", "signingkey"),
)
_QUOTED: Final = re.compile(
    r"[\w.-]{0,40}[\"'\])]{0,2}\s{0,8}(?:(?::[\w.\[\]| ]{1,40})?=|=>|:=?|,|\()\s{0,8}[rbuf]{0,2}"
    r"([\"'`])(?:Bearer |Basic )?([^\"'`\s]{8,300})\1",
)
_BARE: Final = re.compile(r"[\w.-]{0,40}\s{0,4}[=:]\s{0,4}([A-Za-z0-9+/_=.~-]{16,300})(?![^\s,;\"'`])")
_BEARER: Final = re.compile(r"\s([A-Za-z0-9+/_=.~-]{16,300})(?![^\s,;\"'`])")
_DRAWN_MIN: Final = 16
# Every shape without gaps is such a run, or inside of one.
_RUN: Final = re.compile(r"[^\s\"'`(){}\[\],;<>]{16,}")
_LONG: Final = 32
_FIGURES: Final = frozenset("0123456789")
# gitleaks asks for 3.5 bits; 16 characters of 16 kinds have 3.0 to 3.5 of them.
_ENTROPY_MIN: Final = 3.0
_CHANGES_MIN: Final = 4
_PASSWORD_SIGNS: Final = frozenset("!@#$%^&*+=?~|")
# The body of a key, or of anything else in base64 (RFC 7468: 64 characters a line, RFC 2045: at most 76), of which an
# excerpt may lack the head. It is no code in any case.
_BLOCK_LINE: Final = re.compile(r"[\s\"'+-]{0,80}([A-Za-z0-9+/]{60,76}={0,2})(?:\\r)?(?:\\n)?[\s\"',+\\]{0,16}\Z")
_BLOCK_LINES_MIN: Final = 3


def is_withheld(path: str) -> bool:
    """Returns whether a file holds secrets by its name, or lies in a folder of such."""
    *folders, name = path.replace("\\", "/").lower().split("/")
    return _NAME.match(name) is not None or not WITHHELD_FOLDERS.isdisjoint(folders)


def redacted(text: str) -> str | None:
    """Returns a piece of code as it may be shown to a model, None where nothing of it may."""
    return None if secret_in(text) else text


def secret_in(text: str) -> str:
    """Returns what kind of secret a text holds, empty for none."""
    return next((found for found in map(_secret_at, suspects(text)) if found), "") or _block_in(text)


def is_ignored(view: View, path: str) -> bool:
    """Returns whether a file may not be shown beside other files, because the workspace leaves it out."""
    return bool(ignored(view, (path,)))


def ignored(view: View, paths: Collection[str]) -> set[str]:
    """Returns those of `paths` that are not in the index, which leaves out what git and .fimbleignore ignore.

    One query, for the thread of the index. A file that is not saved yet, or not listed yet, counts as ignored: an open
    document may be anything, and it is shown a moment later.
    """
    file_of = {path: cell[0] if (cell := split_virtual(path)) is not None else path for path in paths}
    listed = view.reader.existing(set(file_of.values()))
    return {path for path, file in file_of.items() if file not in listed}


class Suspect(NamedTuple):
    """A place where a secret may begin; `shape` is None beside a word such as password, and in an address."""

    text: str
    start: int
    end: int
    shape: _Shape | None
    word: str


def suspects(text: str) -> Iterator[Suspect]:
    """Yields each place to look at; what is looked at there ends `WINDOW` characters further on."""
    # Most code has little that is long enough and looks drawn, so that few marks have to be looked for in all of it.
    words = [word for word in text.split() if len(word) >= _DRAWN_MIN]
    strange = " ".join(run for word in words for run in _RUN.findall(word) if _is_strange(run))
    for shape in _SHAPES:
        for mark in shape.marks:
            if mark in strange or shape.has_gaps:
                yield from (Suspect(text, at, at + WINDOW, shape, "") for at in _places(text, mark))
    yield from (Suspect(text, at, at + WINDOW, None, "://") for at in _places(text, "://"))
    small = _small(text)
    for word in _WORDS if strange else _PASSWORD_WORDS:
        yield from (Suspect(text, at + len(word), at + len(word) + WINDOW, None, word) for at in _places(small, word))


def _is_strange(run: str) -> bool:
    """Returns whether a run of signs may be something drawn: it is very long, has figures, or is all capitals."""
    return len(run) >= _LONG or not _FIGURES.isdisjoint(run) or (run.isupper() and "_" not in run)


def _small(text: str) -> str:
    small = text.lower()
    # A few letters become two, and places would not be those of the text any more.
    return small if len(small) == len(text) else "".join(sign.lower()[0] for sign in text)


def _places(text: str, mark: str) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + len(mark))


def _secret_at(suspect: Suspect) -> str:
    text, start, end, shape, word = suspect
    if shape is not None:
        return shape.name if shape.pattern.match(text, start, end) else ""
    if word == "://":
        found = _ADDRESS.match(text, start, end)
        return "password-in-address" if found is not None and not _ADDRESS_WORDS.fullmatch(found[1]) else ""
    if (found := _QUOTED.match(text, start, end)) is not None:
        value = found[2]
        if not _PLACEHOLDER.search(value) and (_is_drawn(value) or (word[0] == "p" and _is_password(value))):
            return "drawn-value"
    elif (found := (_BEARER if word == "bearer" else _BARE).match(text, start, end)) is not None:
        value = found[1]
        if not _PLACEHOLDER.search(value) and _is_drawn(value) and _changes(value) >= _CHANGES_MIN:
            return "drawn-value"
    return ""


def _is_drawn(value: str) -> bool:
    """Returns whether a machine may have drawn a text: long, of many different signs, letters and figures mixed."""
    if len(value) < _DRAWN_MIN or sum(sign.isdigit() for sign in value) < 2 or not any(map(str.isalpha, value)):
        return False
    entropy = -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
    return entropy >= _ENTROPY_MIN and _changes(value) >= 2


def _changes(value: str) -> int:
    """Returns how often letters and figures take turns; names have a number at their end at most."""
    return sum(one.isalnum() and two.isalnum() and one.isdigit() != two.isdigit() for one, two in pairwise(value))


def _is_password(value: str) -> bool:
    """Returns whether a person may have made up a text as a password: letters, figures and a sign."""
    return (
        any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not _PASSWORD_SIGNS.isdisjoint(value)
        and not any(sign in value for sign in "{}%/\\(<")
    )


def _block_in(text: str) -> str:
    """Returns what to call lines of base64 that follow each other, empty where there are none."""
    lines = 0
    for line in text.split("\n"):
        found = _BLOCK_LINE.match(line) if 60 <= len(line) <= 200 else None
        mixed = found is not None and not found[1].islower() and not found[1].isupper() and not found[1].isalpha()
        lines = lines + 1 if mixed else 0
        if lines == _BLOCK_LINES_MIN:
            return "base64-block"
    return ""
