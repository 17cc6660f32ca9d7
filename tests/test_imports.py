"""``import symnum`` is light, every module imports, every public name is where the table says."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import symnum

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    *("numpy", "scipy", "sympy", "matplotlib", "xarray", "pandas"),
    *("llvmlite", "networkx", "rich", "h5netcdf", "h5py", "torch"),
}


def fresh(code: str) -> str:
    """What ``code`` prints in a new interpreter that finds this checkout first."""
    found = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(found)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def loaded_by(code: str) -> set[str]:
    return set(json.loads(fresh(f"{code}; import json, sys; print(json.dumps(list(sys.modules)))")))


def test_import_loads_nothing_heavy() -> None:
    loaded = loaded_by("import symnum")
    assert "symnum" in loaded and not loaded & HEAVY
    assert [name for name in loaded if name.startswith("symnum.")] == []


def test_import_takes_less_than_a_third_of_a_second_of_cpu() -> None:
    seconds = {
        code: min(float(fresh(f"{code}; import time; print(time.process_time())")) for _ in range(3))
        for code in ("pass", "import symnum")
    }
    assert seconds["import symnum"] - seconds["pass"] <= 0.3


def test_terms_load_at_most_numpy() -> None:
    assert not loaded_by("import symnum as sn; sn.exp(sn.symbol('x'))") & HEAVY - {"numpy"}


EVERYTHING = """
import importlib, json, pathlib, types
import symnum
root = pathlib.Path(symnum.__file__).parent
missing, wrong = {}, []
for path in sorted(root.rglob("*.py")):
    parts = path.relative_to(root).with_suffix("").parts
    if path.stem == "__main__" or parts[0] in ("_models", "_benchmarks", "_julia"):
        continue
    name = ".".join(("symnum", *parts)).removesuffix(".__init__")
    try:
        importlib.import_module(name)
    except ImportError as error:
        missing[name] = (error.name or str(error)).partition(".")[0]
for name, (module, original) in symnum._PUBLIC.items():
    value = getattr(symnum, name)
    if isinstance(value, types.ModuleType) or value is not getattr(importlib.import_module(module), original):
        wrong.append(name)
print(json.dumps([missing, wrong]))
"""


def test_every_module_imports_and_no_module_hides_a_public_name() -> None:
    missing, wrong = json.loads(fresh(EVERYTHING))
    assert wrong == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    optional = {line.partition(">")[0] for name, lines in extras.items() if name != "test" for line in lines}
    assert {name: package for name, package in missing.items() if package.lower() not in optional} == {}


def test_no_public_name_is_a_subpackage() -> None:
    modules = {path.stem for path in Path(symnum.__file__).parent.iterdir() if not path.stem.startswith("_")}
    assert modules & set(symnum._PUBLIC) == set()


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(symnum.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    shown = {alias.asname: (node.module, alias.name) for node in imports for alias in node.names}
    assert shown == symnum._PUBLIC


def test_names_are_listed_before_they_are_used() -> None:
    listed = json.loads(fresh("import json, symnum; print(json.dumps(dir(symnum)))"))
    assert set(symnum._PUBLIC) <= set(listed)
    assert len(symnum.__all__) == len(set(symnum.__all__))
    assert set(symnum.__all__) == {"__version__", *symnum._PUBLIC}


def test_a_wrong_name_is_answered_with_a_near_one() -> None:
    with pytest.raises(AttributeError, match=r"^symnum has no name 'laplacain'\. Did you mean 'laplacian'"):
        _ = symnum.laplacain
    with pytest.raises(AttributeError, match=r"^symnum has no name 'qqqq'\. dir\(symnum\) lists all names\.$"):
        _ = symnum.qqqq
    with pytest.raises(ImportError):
        from symnum import laplacain  # noqa: F401
    assert not hasattr(symnum, "__wrapped__")
