"""A git repository of a user of its own, whose settings are not those of whoever runs the tests."""

import os
import subprocess
from pathlib import Path

from fimble.index.files.ignoring import Rules
from fimble.index.files.listing import FileEntry, list_files


class GitRepository:
    """A folder with a repository; `environment` is the user's."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CEILING_DIRECTORIES": str(home.parent),
        }
        home.mkdir(exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "a")
        self.git("config", "user.email", "a@b")

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder or self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def write(self, files: dict[str, str]) -> None:
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(content)

    def commit(self, files: dict[str, str]) -> None:
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "message")

    def rules(self, root: Path | None = None) -> Rules:
        return Rules(root or self.folder, environment=self.environment)

    def listed(self, root: Path | None = None) -> list[str]:
        return sorted(self.entries(root))

    def entries(self, root: Path | None = None) -> dict[str, FileEntry]:
        return {entry.path: entry for entry in list_files(self.rules(root)).files}
