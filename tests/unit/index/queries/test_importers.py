"""Which files import a file."""

from pathlib import Path

from fimble.index.queries.importers import importers
from tests.unit.index.queries.workspaces import indexed, with_open


def test_files_are_importers_only_where_an_import_leads_to_the_file(tmp_path: Path) -> None:
    view = indexed(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/tools.py": "",
            "pkg/near.py": "from .tools import f\n",
            "use.py": "from pkg import tools\n",
            "other.py": "import tools\n# pkg.tools\n",
            "words.py": "tools = 'pkg.tools'\n",
            "package_user.py": "import pkg\n",
        },
    )
    assert importers(view, "pkg/tools.py") == ["pkg/near.py", "use.py"]
    assert importers(view, "pkg/__init__.py") == ["package_user.py", "use.py"]
    assert importers(view, "pkg/tools.py", limit=1) == ["pkg/near.py"]


def test_an_index_file_is_imported_by_the_name_of_its_folder(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"parts/index.ts": "", "main.ts": "import { a } from './parts';\n", "no.ts": "parts();\n"})
    assert importers(view, "parts/index.ts") == ["main.ts"]


def test_open_files_import_what_they_say_now(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"tools.py": "", "a.py": "import tools\n", "b.py": ""})
    view = with_open(with_open(view, "a.py", "tools = 1\n"), "b.py", "from tools import x\n")
    assert importers(view, "tools.py") == ["b.py"]


def test_a_file_in_no_language_has_no_importers(tmp_path: Path) -> None:
    assert importers(indexed(tmp_path, {"notes.txt": "x"}), "notes.txt") == []
