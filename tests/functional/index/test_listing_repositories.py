"""Listing what git knows, with real repositories, also hostile and broken ones."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fimble.index.files.git import run_git
from fimble.index.files.history import recently_committed
from fimble.index.files.ignoring import Rules
from fimble.index.files.listing import FileEntry, entry_of, list_files, without_other_cases
from fimble.index.files.source import Source, read_source
from tests.functional.index.index_repository import GitRepository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "root", tmp_path / "home")


def settle(repository: GitRepository) -> None:
    """Lets git write an index that is younger than all files."""
    time.sleep(0.02)
    repository.git("update-index", "--refresh", "--force-write-index")


def test_tracked_and_new_files_are_listed_and_ignored_ones_are_not(repository: GitRepository) -> None:
    repository.commit({"a.py": "1", "sub/b.py": "2", ".gitignore": "*.log\nout/\n", "gone.py": ""})
    repository.write({"new.py": "", "x.log": "", "out/y.py": "", "sub/deep/new.py": "", "node_modules/m.js": ""})
    (repository.folder / "gone.py").unlink()
    assert repository.listed() == [".gitignore", "a.py", "new.py", "sub/b.py", "sub/deep/new.py"]


def test_a_tracked_file_is_listed_although_it_is_ignored(repository: GitRepository) -> None:
    repository.write({".gitignore": "out/\n", "out/kept.py": "", "out/other.py": "", "vendor/node_modules/x.js": ""})
    repository.git("add", "-f", "out/kept.py", "vendor/node_modules/x.js")
    assert repository.listed() == [".gitignore", "out/kept.py", "vendor/node_modules/x.js"]
    rules = repository.rules()
    list_files(rules)
    assert not rules.is_ignored("out/kept.py")
    assert rules.is_ignored("out/other.py")
    assert rules.must_watch("out")


def test_our_own_ignore_file_counts_for_tracked_files_too(repository: GitRepository) -> None:
    repository.commit({"a.py": "", "data/big.py": "", "data/small.py": "", "gen/x.py": "", ".fimbleignore": "gen/\n"})
    repository.write({"data/.fimbleignore": "big*\n", "gen/new.py": "", "data/big_too.py": ""})
    assert repository.listed() == [".fimbleignore", "a.py", "data/.fimbleignore", "data/small.py"]


def test_unchanged_files_come_with_the_id_of_their_content(repository: GitRepository) -> None:
    repository.commit({"same.py": "x = 1\n", "edited.py": "1\n", "touched.py": "2\n", "empty.py": ""})
    settle(repository)
    repository.write({"edited.py": "3\n", "new.py": "4\n"})
    (repository.folder / "touched.py").touch()
    entries = repository.entries()
    assert {path for path, entry in entries.items() if entry.blob_id} == {"same.py", "empty.py"}
    for path in ("same.py", "empty.py"):
        source = read_source(str(repository.folder), path)
        assert isinstance(source, Source)
        assert source.content_id.hex() == entries[path].blob_id


def test_a_change_right_after_the_index_was_written_is_not_overlooked(repository: GitRepository) -> None:
    """Same size, and a time that is not before the index: only reading can tell (git calls the entry racy)."""
    repository.commit({"a.py": "x = 1\n"})
    index, file = repository.folder / ".git/index", repository.folder / "a.py"
    settle(repository)
    assert repository.entries()["a.py"].blob_id
    os.utime(index, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
    assert repository.entries()["a.py"].blob_id is None


@pytest.mark.parametrize(
    ("attributes", "setting"),
    [
        ("* text=auto\n", None),
        ("*.py eol=crlf\n", None),
        ("*.py filter=x\n", None),
        ('"*.py" text\n', None),
        ("[attr]mine text\n*.py mine\n", None),
        ("", "core.autocrlf=true"),
        ("", "core.autocrlf=input"),
    ],
)
def test_files_that_git_converts_have_no_id(repository: GitRepository, attributes: str, setting: str | None) -> None:
    repository.commit({"a.py": "x = 1\n"})
    settle(repository)
    assert repository.entries()["a.py"].blob_id
    if setting:
        repository.git("config", *setting.split("="))
    repository.write({".gitattributes": attributes})
    repository.git("add", ".gitattributes")
    settle(repository)
    assert repository.entries()["a.py"].blob_id is None


def test_attributes_that_convert_nothing_cost_no_id(repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n", "sub/b.py": "", ".gitattributes": "*.png binary\n*.py -diff\n*.sh eol=lf\n"})
    repository.commit({"sub/.gitattributes": "b.py text\n"})
    settle(repository)
    entries = repository.entries()
    assert entries["a.py"].blob_id
    assert entries["sub/b.py"].blob_id is None


def test_the_root_may_be_a_folder_of_a_work_tree(repository: GitRepository) -> None:
    repository.commit(
        {"a.py": "", ".gitignore": "/sub/no_root.py\n*.log\n", "sub/b.py": "", "sub/.gitignore": "no.py\n"}
    )
    repository.write({"sub/no_root.py": "", "sub/no.py": "", "sub/x.log": "", "sub/new.py": ""})
    root = repository.folder / "sub"
    assert repository.listed(root) == [".gitignore", "b.py", "new.py"]
    rules = repository.rules(root)
    paths = ["no_root.py", "no.py", "x.log", "new.py", "deep/x.log"]
    assert [path for path in paths if rules.is_ignored(path)] == ["no_root.py", "no.py", "x.log", "deep/x.log"]


def test_a_root_that_its_repository_ignores_is_listed_by_itself(repository: GitRepository) -> None:
    """A home folder under version control ignores everything; the projects in it are still projects."""
    repository.commit({".gitignore": "*\n"})
    repository.write({"projects/mine/a.py": "", "projects/mine/.gitignore": "x.py\n", "projects/mine/x.py": ""})
    assert repository.listed(repository.folder / "projects/mine") == [".gitignore", "a.py"]


def test_repositories_inside_are_listed_with_their_own_rules(repository: GitRepository) -> None:
    home = repository.folder.parent / "home"
    inner = GitRepository(repository.folder / "clones/inner", home)
    inner.commit({"i.py": "", ".gitignore": "local.py\n"})
    inner.write({"local.py": "", "outer.py": "", "new.py": ""})
    repository.commit({".gitignore": "outer.py\n", "a.py": ""})
    assert repository.listed() == [
        ".gitignore",
        "a.py",
        "clones/inner/.gitignore",
        "clones/inner/i.py",
        "clones/inner/new.py",
        "clones/inner/outer.py",
    ]


def test_a_folder_of_repositories_is_listed(tmp_path: Path) -> None:
    first = GitRepository(tmp_path / "all/first", tmp_path / "home")
    second = GitRepository(tmp_path / "all/second", tmp_path / "home")
    first.commit({"a.py": ""})
    second.write({"b.py": "", "c.py": "", ".gitignore": "c.py\n"})
    (tmp_path / "all/d.py").write_text("")
    rules = Rules(tmp_path / "all", environment=first.environment)
    listing = list_files(rules)
    assert sorted(entry.path for entry in listing.files) == ["d.py", "first/a.py", "second/.gitignore", "second/b.py"]
    assert len(listing.repositories) == 2
    assert rules.is_ignored("second/c.py")
    assert not rules.is_ignored("first/c.py")


def test_submodules_are_listed_and_missing_ones_are_empty(repository: GitRepository) -> None:
    library = GitRepository(repository.folder.parent / "library", repository.folder.parent / "home")
    library.commit({"lib.py": "", ".gitignore": "no.py\n"})
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.folder), "deps/library")
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.folder), "deps/other")
    repository.commit({"a.py": ""})
    repository.git("submodule", "deinit", "-q", "-f", "deps/other")
    repository.write({"deps/library/no.py": "", "deps/library/new.py": ""})
    assert repository.listed() == [
        ".gitmodules",
        "a.py",
        "deps/library/.gitignore",
        "deps/library/lib.py",
        "deps/library/new.py",
    ]


def test_a_linked_work_tree_is_listed(repository: GitRepository) -> None:
    repository.commit({"a.py": "", ".gitignore": "*.log\n"})
    repository.write({".git/info/exclude": "private.py\n"})
    other = repository.folder.parent / "other"
    repository.git("worktree", "add", "-q", str(other))
    for name in ("new.py", "x.log", "private.py"):
        (other / name).write_text("")
    assert repository.listed(other) == [".git", ".gitignore", "a.py", "new.py"][1:]
    assert repository.rules(other).is_ignored("private.py")


def test_a_conflict_lists_its_file_once(repository: GitRepository) -> None:
    repository.commit({"a.py": "1\n"})
    repository.git("checkout", "-q", "-b", "other")
    repository.commit({"a.py": "2\n"})
    repository.git("checkout", "-q", "main")
    repository.commit({"a.py": "3\n"})
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("merge", "-q", "other")
    assert repository.listed() == ["a.py"]
    assert repository.entries()["a.py"].blob_id is None


def test_links_are_neither_listed_nor_followed(repository: GitRepository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("")
    repository.commit({"a.py": "", "moved/secret.py": "", "kept/x.py": ""})
    (repository.folder / "link.py").symlink_to("a.py")
    (repository.folder / "linked").symlink_to(outside)
    repository.git("add", "link.py", "linked")
    shutil.rmtree(repository.folder / "moved")
    (repository.folder / "moved").symlink_to(outside)
    assert repository.listed() == ["a.py", "kept/x.py"]


def test_names_that_are_odd_survive(repository: GitRepository) -> None:
    names = [os.fsdecode(b"caf\xe9.py"), "new\nline.py", 'quo"te.py', "é漢.py", " lead.py", "tab\t.py"]
    for name in names[:3]:
        (repository.folder / name).write_text("")
    repository.git("add", "-A")
    for name in names[3:]:
        (repository.folder / name).write_text("")
    assert repository.listed() == sorted(names)


def plant(repository: GitRepository, tmp_path: Path) -> Path:
    """Makes a repository run a program wherever git lets it; returns the file that the program writes."""
    trace = tmp_path / "trace"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {trace}\ncat\n')
    program.chmod(0o755)
    hooks = repository.folder / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "post-checkout", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman"):
        shutil.copy(program, hooks / hook)
    for name in (
        *("core.fsmonitor", "core.pager", "pager.log", "core.editor", "core.sshCommand", "core.gitProxy"),
        *(
            "diff.external",
            "gpg.program",
            "filter.bad.clean",
            "filter.bad.process",
            "diff.bad.textconv",
            "diff.bad.command",
        ),
        *("credential.helper", "core.askPass", "remote.origin.uploadpack"),
    ):
        repository.git("config", name, str(program))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "remote.origin.url", f"ext::{program}")
    repository.git("config", "protocol.ext.allow", "always")
    return trace


def test_a_hostile_repository_runs_nothing(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit({"a.py": "1\n", "b.py": "1\n", ".gitattributes": "*.py filter=bad diff=bad\n"})
    trace = plant(repository, tmp_path)
    # Same size and another time: only the content could tell that it has changed.
    repository.write({"b.py": "2\n", "new.py": ""})
    assert repository.listed() == [".gitattributes", "a.py", "b.py", "new.py"]
    assert recently_committed(repository.folder, 9, environment=repository.environment) == [
        ".gitattributes",
        "a.py",
        "b.py",
    ]
    repository.rules().is_ignored("x.py")
    assert not trace.exists()

    repository.git("config", "--unset", "filter.bad.process")
    repository.git("ls-files", "--modified")
    ran = trace.read_text()
    repository.git("status")
    assert str(tmp_path / "program") in ran, "Plain git runs the filter, and this test would notice."
    assert len(trace.read_text()) > len(ran)


@pytest.mark.parametrize("setting", ["core.fsmonitor", "filter.bad.clean"])
def test_each_way_to_run_a_program_works_for_plain_git(repository: GitRepository, tmp_path: Path, setting: str) -> None:
    repository.commit({"a.py": "1\n", ".gitattributes": "*.py filter=bad\n"})
    trace, program = tmp_path / "trace", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trace}\ncat\n")
    program.chmod(0o755)
    repository.git("config", setting, str(program))
    repository.write({"a.py": "2\n", "new.py": ""})
    repository.listed()
    assert not trace.exists()
    repository.git("status")
    assert trace.exists()


def test_a_partial_clone_is_not_made_to_fetch(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit({"a.py": "1\n"})
    trace, program = tmp_path / "trace", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", str(repository.folder)),
        ("remote.origin.uploadpack", str(program)),
    ):
        repository.git("config", name, value)
    tree = repository.git("rev-parse", "HEAD^{tree}").strip()
    (repository.folder / ".git/objects" / tree[:2] / tree[2:]).unlink()
    recently_committed(repository.folder, 9, environment=repository.environment)
    repository.listed()
    assert not trace.exists()
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("log", "--name-only")
    assert trace.exists(), "Plain git runs it."


def test_a_git_inside_of_the_folder_is_not_the_one_that_runs(repository: GitRepository, tmp_path: Path) -> None:
    trace, program = tmp_path / "trace", repository.folder / "bin/git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    path = f"{program.parent}:{repository.environment['PATH']}"
    output = run_git(["--version"], str(repository.folder), environment={"PATH": path})
    assert (output.is_complete, trace.exists()) == (False, False)
    output = run_git(["--version"], str(tmp_path / "home"), environment={"PATH": path})
    assert (output.is_complete, trace.exists()) == (True, True)


def test_the_environment_of_another_git_does_not_lead_astray(repository: GitRepository, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other", tmp_path / "home")
    other.commit({"wrong.py": ""})
    repository.commit({"a.py": ""})
    repository.environment |= {
        "GIT_DIR": str(other.folder / ".git"),
        "GIT_WORK_TREE": str(other.folder),
        "GIT_INDEX_FILE": str(other.folder / ".git/index"),
    }
    assert repository.listed() == ["a.py"]


def test_without_git_the_same_files_are_listed(repository: GitRepository) -> None:
    repository.commit({"a.py": "", ".gitignore": "*.log\n", "sub/.gitignore": "/x.py\n", "sub/y/x.py": ""})
    repository.write({"x.log": "", "sub/x.py": "", "new.py": "", ".git/info/exclude": "private.py\n", "private.py": ""})
    with_git = repository.listed()
    repository.environment["PATH"] = "/nowhere"
    assert repository.listed() == with_git == [".gitignore", "a.py", "new.py", "sub/.gitignore", "sub/y/x.py"]
    assert not list_files(repository.rules()).repositories
    assert all(entry.blob_id is None for entry in repository.entries().values())


@pytest.mark.parametrize("damage", ["index", "hang", "owner", "bare", "worktree", "head", "many"])
def test_a_repository_that_git_cannot_read_is_walked(repository: GitRepository, tmp_path: Path, damage: str) -> None:
    repository.commit({"a.py": "", ".gitignore": "*.log\n", "x.log": "", "new.py": ""})
    files_max = 1000
    if damage == "index":
        (repository.folder / ".git/index").write_bytes(b"DIRC" + bytes(100))
    elif damage == "hang":
        program = tmp_path / "bin/git"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\nsleep 100 & sleep 100\n")
        program.chmod(0o755)
        repository.environment["PATH"] = f"{program.parent}:{repository.environment['PATH']}"
    elif damage == "owner":
        _refuse_owner(repository, tmp_path)
    elif damage == "bare":
        repository.git("config", "core.bare", "true")
    elif damage == "worktree":
        repository.git("config", "core.worktree", str(tmp_path / "home"))
    elif damage == "head":
        (repository.folder / ".git/HEAD").unlink()
    if damage == "many":
        files_max = 2
    listing = list_files(repository.rules(), git_timeout_s=0.5, files_max=files_max)
    listed = sorted(entry.path for entry in listing.files)
    if damage == "many":
        assert (len(listed), listing.is_truncated) == (2, True)
    else:
        assert listed == [".gitignore", "a.py", "new.py"]
        assert not listing.is_truncated
        assert not listing.repositories


def _refuse_owner(repository: GitRepository, tmp_path: Path) -> None:
    """Gives the repository to somebody else; who may not do that gets a git that refuses as git would then."""
    if os.geteuid() == 0:
        for path in (repository.folder, repository.folder / ".git"):
            os.chown(path, 12345, 12345)
        return
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'fatal: detected dubious ownership in repository' >&2\nexit 128\n")
    program.chmod(0o755)
    repository.environment["PATH"] = f"{program.parent}:{repository.environment['PATH']}"


def test_no_process_stays_behind_when_git_hangs(tmp_path: Path) -> None:
    program, marker = tmp_path / "git", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {marker}\nwait\n")
    program.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    output = run_git(["--version"], str(folder), environment={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout_s=0.5)
    assert not output.is_complete
    status = Path(f"/proc/{marker.read_text().strip()}/stat")
    deadline_s = time.monotonic() + 5
    while status.exists() and " Z " not in status.read_text() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not status.exists() or " Z " in status.read_text()


def test_too_much_output_is_cut_off(repository: GitRepository) -> None:
    repository.commit({f"{number}.py": "" for number in range(100)})
    output = run_git(["ls-files"], str(repository.folder), environment=repository.environment, output_bytes_max=50)
    assert not output.is_complete


def test_recent_files_are_those_of_the_latest_commits(repository: GitRepository) -> None:
    repository.commit({"a.py": "1", "b.py": "1", "gone.py": "", "sub/c.py": ""})
    repository.commit({"b.py": "2"})
    (repository.folder / "gone.py").unlink()
    repository.commit({"sub/c.py": "2"})
    ask = lambda root, limit: recently_committed(root, limit, environment=repository.environment)  # noqa: E731
    assert ask(repository.folder, 9) == ["sub/c.py", "b.py", "a.py", "gone.py"]
    assert ask(repository.folder, 2) == ["sub/c.py", "b.py"]
    assert ask(repository.folder / "sub", 9) == ["c.py"]
    assert ask(repository.folder.parent / "home", 9) == []


def test_one_path_is_answered_as_the_listing_would(repository: GitRepository) -> None:
    repository.commit({"a.py": "1", ".gitignore": "*.log\n"})
    repository.write({"x.log": "", "new.py": ""})
    rules = repository.rules()
    listed = {entry.path: entry._replace(blob_id=None) for entry in list_files(rules).files}
    for path in ("a.py", "new.py", "x.log", "missing.py", ".git/config", "", "../home"):
        assert entry_of(rules, path) == listed.get(path)


PATTERNS = [
    "*.log",
    "/a",
    "b/",
    "!a.log",
    "a/*",
    "!a/b",
    "**/c",
    "a/**",
    "!c",
    "[ab].log",
    "/a/b/c.log",
    "!b/",
    "c/*.log",
]
PATHS = [
    "/".join(parts)
    for parts in (
        *(("a.log",), ("b.log",), ("d.log",), ("a", "a.log"), ("a", "b", "c.log"), ("a", "b", "d"), ("b", "a.log")),
        *(
            ("b", "d"),
            ("c", "x"),
            ("c", "a.log"),
            ("d", "a", "x"),
            ("d", "b", "x"),
            ("d", "c", "a.log"),
            ("d", "e", "b.log"),
        ),
    )
]


@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ignore_files=st.dictionaries(
        st.sampled_from([".gitignore", "a/.gitignore", "d/.gitignore", "d/c/.gitignore", ".git/info/exclude", "user"]),
        st.lists(st.sampled_from(PATTERNS), max_size=4).map("\n".join),
        max_size=4,
    ),
    tracked=st.sets(st.sampled_from(PATHS), max_size=3),
)
def test_walking_rules_and_git_agree(
    tmp_path_factory: pytest.TempPathFactory, ignore_files: dict[str, str], tracked: set[str]
) -> None:
    base = tmp_path_factory.mktemp("agree")
    repository = GitRepository(base / "root", base / "home")
    repository.write(dict.fromkeys(PATHS, ""))
    if tracked:
        repository.git("add", "-f", *tracked)
    (base / "home/.config/git").mkdir(parents=True)
    (base / "home/.config/git/ignore").write_text(ignore_files.pop("user", ""))
    repository.write(ignore_files)
    expected = {path for path in repository.listed() if not path.endswith(".gitignore")}

    rules = repository.rules()
    list_files(rules)
    assert {path for path in PATHS if not rules.is_ignored(path)} == expected

    environment = repository.environment | {"PATH": "/nowhere"}
    walked = {entry.path for entry in list_files(Rules(repository.folder, environment=environment)).files}
    ignored_but_tracked = {path for path in tracked if path not in walked}
    assert {path for path in walked if not path.endswith(".gitignore")} | ignored_but_tracked == expected


def test_two_spellings_of_one_file_are_one_file() -> None:
    entries = [
        FileEntry(*entry, None)
        for entry in (("A.py", 1, 2, 3), ("a.py", 1, 2, 3), ("b.py", 1, 2, 3), ("B.py", 1, 2, 4))
    ]
    assert [entry.path for entry in without_other_cases(entries)] == ["A.py", "b.py", "B.py"]


def test_a_folder_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root may read everything; a folder that vanishes while it is walked has the same effect.
        assert list_files(Rules(tmp_path / "missing", environment={})).files == []
        return
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.py").write_text("")
    (tmp_path / "closed").chmod(0)
    files = list_files(Rules(tmp_path, environment={})).files
    (tmp_path / "closed").chmod(stat.S_IRWXU)
    assert [entry.path for entry in files] == ["a.py"]
