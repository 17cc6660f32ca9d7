"""The catalogue lists without importing, loads on demand, and answers wrong names and missing packages."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import BackendUnavailable, FileError, UnknownName

FILES = {
    "heat.py": '"""Heat conduction in a rod.\n\nMore text.\n"""\nfrom ._common import UNIT\nlength = 2*UNIT\n',
    "burgers.py": '"""Burgers\' equation."""\nfrom __future__ import annotations\nfrom dataclasses import dataclass\n'
    "@dataclass\nclass Case:\n    viscosity: float\n",
    "silent.py": "answer = 42\n",
    "explosive.py": '"""Listed, never run."""\nraise RuntimeError("imported")\n',
    "torn.py": '"""Half a file\n',
    "dormant.py": '"""Needs a package nobody has."""\nimport no_such_package_at_all.inner\n',
    "slip.py": '"""Imports a helper that is not there."""\nfrom ._absent import x\n',
    "old.py": '"""Wants a newer package."""\nfrom json import no_such_name\n',
    "_common.py": "UNIT = 1.5\n",
    "no-name.py": "",
    "notes.txt": "not a module",
}
NAMES = ("burgers", "dormant", "explosive", "heat", "old", "silent", "slip", "torn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "models"
    (place / "data").mkdir(parents=True)
    for name, text in FILES.items():
        (place / name).write_text(text, "utf-8")
    return place


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same files as a package within a package; what was imported is forgotten at the end."""
    (folder / "__init__.py").write_text("")
    (folder.parent / "__init__.py").write_text("raise RuntimeError('the parent was imported')")
    monkeypatch.syspath_prepend(str(folder.parent.parent))
    importlib.invalidate_caches()
    top = folder.parent.name
    yield f"{top}.models"
    for name in [name for name in sys.modules if name.split(".")[0] == top]:
        del sys.modules[name]


def test_a_folder_is_listed_without_importing(folder: Path) -> None:
    before = set(sys.modules)
    models = Catalogue("model", folder=folder)
    assert models.names() == NAMES
    assert tuple(models) == NAMES
    assert "heat" in models and "_common" not in models and 3 not in models
    assert models.path("heat") == folder / "heat.py"
    assert models.one_line("heat") == "Heat conduction in a rod."
    assert models.one_line("explosive") == "Listed, never run."
    assert models.one_line("silent") == ""
    assert models.one_line("torn").startswith("(not valid Python: ")
    assert set(sys.modules) == before


def test_a_package_is_listed_without_importing_it_or_its_parent(package: str) -> None:
    models = Catalogue("model", package=package)
    assert models.names() == NAMES
    assert models.one_line("burgers") == "Burgers' equation."
    assert not [name for name in sys.modules if name.split(".")[0] == package.split(".")[0]]


def test_entries_of_a_package_are_ordinary_modules(package: str, folder: Path) -> None:
    (folder.parent / "__init__.py").write_text("")
    module = Catalogue("model", package=package).load("heat")
    assert module.__name__ == f"{package}.heat"
    assert module is importlib.import_module(f"{package}.heat")


def test_entries_of_a_folder_see_their_neighbours_and_are_loaded_once(folder: Path, tmp_path: Path) -> None:
    models = Catalogue("model", folder=folder)
    heat = models.load("heat")
    assert heat.length == 3.0
    assert heat.__file__ == str(folder / "heat.py")
    assert models.load("heat") is heat is Catalogue("model", folder=folder / ".." / "models").load("heat")
    assert models.load("burgers").Case(0.1).viscosity == 0.1  # a dataclass looks its module up by name

    other = tmp_path / "other" / "models"
    other.mkdir(parents=True)
    (other / "heat.py").write_text("length = 7\n")
    assert Catalogue("model", folder=other).load("heat").length == 7  # another folder of the same name
    assert models.load("heat").length == 3.0


def test_an_unknown_name_is_answered_with_near_and_all_names(folder: Path) -> None:
    models = Catalogue("model", folder=folder)
    with pytest.raises(UnknownName) as caught:
        models.load("burger")
    listed = "The models are: " + ", ".join(NAMES) + "."
    assert str(caught.value) == f"Unknown model 'burger'. Did you mean 'burgers'? {listed}"
    with pytest.raises(UnknownName, match=r"^Unknown model 'zzz'\. The models are: burgers, "):
        models.one_line("zzz")
    for hostile in ("../models/heat", "_common", "heat.py", "", "heat\0", 3, None):
        with pytest.raises(UnknownName, match="Unknown model"):
            models.load(hostile)  # type: ignore[arg-type]


def test_an_empty_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"^Unknown target 'c'\. There are no targets\.$"):
        Catalogue("target", folder=tmp_path).load("c")
    with pytest.raises(FileError, match=r"The folder of targets, .*nowhere', is missing"):
        Catalogue("target", folder=tmp_path / "nowhere").names()
    with pytest.raises(FileError, match=r"'no_such_package_at_all', which holds the targets, is not installed"):
        Catalogue("target", package="no_such_package_at_all.targets").names()


def test_a_missing_package_leaves_the_entry_dormant_until_it_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Catalogue("model", folder=folder)
    expected = (
        "The model 'dormant' needs the package 'no_such_package_at_all', which is not installed. "
        "Install it: pip install no_such_package_at_all"
    )
    for _ in range(2):
        with pytest.raises(BackendUnavailable) as caught:
            models.load("dormant")
        assert str(caught.value) == expected
        assert models.problem("dormant") == expected
    assert "dormant" in models.names()
    assert models.problem("heat") == ""
    with pytest.raises(UnknownName):
        models.problem("dormnt")

    (tmp_path / "site" / "no_such_package_at_all").mkdir(parents=True)
    (tmp_path / "site" / "no_such_package_at_all" / "inner.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    assert models.load("dormant").__doc__ == "Needs a package nobody has."
    for name in ("no_such_package_at_all", "no_such_package_at_all.inner"):
        del sys.modules[name]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('no_such_package_at_all>=2.4; extra == "neural"', "pip install 'symnum[neural]'"),
        ("No_Such_Package_At_All[fast]>=2.4", "pip install --upgrade 'No_Such_Package_At_All[fast]>=2.4'"),
        ("no_such_package_at_all_either", "pip install no_such_package_at_all"),
    ],
)
def test_the_advice_names_the_extra_that_brings_the_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch, line: str, advice: str
) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["numpy>=2.0", line])
    assert Catalogue("model", folder=folder).problem("dormant").endswith(f"Install it: {advice}")


def test_a_package_that_is_too_old(folder: Path) -> None:
    seen = r"^The model 'old' cannot use the installed package 'json' \(cannot import name .* pip install json$"
    with pytest.raises(BackendUnavailable, match=seen):
        Catalogue("model", folder=folder).load("old")


def test_errors_of_the_entry_itself_come_through(folder: Path) -> None:
    models = Catalogue("model", folder=folder)
    with pytest.raises(RuntimeError, match="imported"):
        models.load("explosive")
    with pytest.raises(SyntaxError):
        models.load("torn")
    with pytest.raises(ModuleNotFoundError, match="_absent") as caught:
        models.load("slip")
    assert not isinstance(caught.value, BackendUnavailable)


def test_an_entry_may_give_its_own_advice(folder: Path) -> None:
    text = "from symnum.errors import BackendUnavailable\nraise BackendUnavailable('get Julia')\n"
    (folder / "julia.py").write_text(text)
    assert Catalogue("model", folder=folder).problem("julia") == "get Julia"


def test_shipped_folder_prefers_the_wheel_and_falls_back_to_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "symnum"
    package.mkdir()
    monkeypatch.setattr("symnum.catalogue.__file__", str(package / "catalogue.py"))
    (tmp_path / "models").mkdir()
    with pytest.raises(FileError, match=r"'models' did not come with .* pip install --force-reinstall symnum"):
        shipped_folder("models")  # some other project's folder, beside an installed package
    (tmp_path / "pyproject.toml").write_text("")
    assert shipped_folder("models") == tmp_path / "models"
    (package / "_models").mkdir()
    assert shipped_folder("models") == package / "_models"
