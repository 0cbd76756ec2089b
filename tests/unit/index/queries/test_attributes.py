"""Which attributes the code says that there are, and where it does not say for sure."""

from pathlib import Path

import pytest

from fimble.index.queries.attributes import Attributes, attributes_of_class, attributes_of_module
from fimble.index.queries.definitions import definitions
from tests.unit.index.queries.workspaces import indexed

BASE = "class Base:\n    def walk(self): ...\n"


def of_class(folder: Path, files: dict[str, str], name: str = "C") -> Attributes | None:
    view = indexed(folder, files)
    return attributes_of_class(view, definitions(view, name)[0])


def test_own_and_inherited_attributes_exist_and_others_do_not(tmp_path: Path) -> None:
    source = "from base import Base\n\nclass C(Base):\n    size = 1\n    def run(self):\n        self.speed = 1\n"
    found = of_class(tmp_path, {"a.py": source, "base.py": BASE})
    assert found is not None
    assert [found.has(name) for name in ("size", "run", "walk", "fly")] == [True, True, True, False]
    # What merely stands in the code may be one in some way, and every object has what Python gives it.
    assert [found.has(name) for name in ("speed", "__doc__")] == [None, None]


@pytest.mark.parametrize(
    "source",
    [
        "from pydantic import BaseModel\n\nclass C(BaseModel):\n    size: int\n",
        "class C(metaclass=Meta):\n    size: int\n",
        "class C:\n    def __getattr__(self, name): ...\n",
        "class C:\n    def __init__(self, **rest):\n        for each in rest: setattr(self, each, 1)\n",
    ],
)
def test_what_may_have_any_attribute_is_not_judged(tmp_path: Path, source: str) -> None:
    assert of_class(tmp_path, {"a.py": source}) is None


def test_classes_that_inherit_from_each_other_end(tmp_path: Path) -> None:
    found = of_class(tmp_path, {"a.py": "class C(D):\n    x = 1\nclass D(C):\n    y = 2\n"})
    assert found is not None
    assert found.names == {"x", "y"}


def test_a_module_has_what_it_defines_and_imports(tmp_path: Path) -> None:
    files = {
        "a.py": "from pkg import tools\nimport json\n",
        "pkg/__init__.py": "",
        "pkg/tools.py": "import os\nLIMIT = 1\ndef cut(): ...\n",
    }
    view = indexed(tmp_path, files)
    found = attributes_of_module(view, "a.py", "tools")
    assert found is not None
    assert [found.has(name) for name in ("cut", "LIMIT", "os", "paste")] == [True, True, True, False]
    assert attributes_of_module(view, "a.py", "json") is None
    assert attributes_of_module(view, "a.py", "unknown") is None


def test_an_alias_means_its_module(tmp_path: Path) -> None:
    view = indexed(tmp_path, {"a.py": "import pkg.tools as t\n", "pkg/tools.py": "def cut(): ...\n"})
    found = attributes_of_module(view, "a.py", "t")
    assert found is not None
    assert found.names == {"cut"}


def test_a_name_taken_from_a_module_is_no_module(tmp_path: Path) -> None:
    files = {"a.py": "from tools import cut\n", "tools.py": "cut = open('x')\n"}
    assert attributes_of_module(indexed(tmp_path, files), "a.py", "cut") is None


def test_a_module_that_passes_on_all_of_another_is_not_judged(tmp_path: Path) -> None:
    files = {"a.py": "import tools\n", "tools.py": "from others import *\n", "others.py": "x = 1\n"}
    assert attributes_of_module(indexed(tmp_path, files), "a.py", "tools") is None
