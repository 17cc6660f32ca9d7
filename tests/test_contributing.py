"""The seven example files of CONTRIBUTING.md: put into a copy of symnum, found by name, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILES = dict(re.findall(r"<!-- file: ([\w/.]+) -->\n```python\n(.*?)```", PAGE, re.S))

USE = """
import json
import numpy as np
import symnum as sn
from symnum.cli import main
from symnum.cli.models import find_model
from symnum.rewrite.pattern import Rule

t, x = sn.coordinates("t x")
u = sn.field("u", (t, x))

def carried(cells, **options):  # one turn around a ring, at the same speed: the error is that of the scheme
    system = sn.PDESystem([sn.Eq(sn.dt(u), -sn.diff(u, x))], domain=sn.Domain(t=(0, 1), x=(0, 1)), conditions=[sn.periodic(x)],
                          initial={u: sn.sin(6 * sn.pi * x)})
    solution = sn.solve(system, resolution=cells, rtol=1e-10, atol=1e-12, saveat=[1.0], method="Vern7", **options)
    assert solution.success
    return float(np.abs(solution[u].values[-1] - np.sin(6 * np.pi * solution[u].x.values)).max())

cooling = find_model("cooling", [], None).system
exact = lambda s: 20 + 75 * np.exp(-0.05 * s)
def error(**options):
    solution = sn.solve(cooling, saveat=[0.0, 20.0, 60.0], **options)
    assert solution.success and list(solution.t) == [0, 20, 60]
    return float(np.abs(solution["T"].values - exact(solution.t)).max())

v = sn.field("v", (t,))
decay = sn.ODESystem([sn.Eq(sn.dt(v), -v)], t=(0, 2), initial={v: 1}, name="decay")
print(json.dumps({
    "model": error(rtol=1e-9, atol=1e-9),
    "method": error(method="BS3", rtol=1e-6, atol=1e-6),
    "method used": sn.solve(cooling, method="BS3").method,
    "drp": [carried(n, scheme="drp", order=4) for n in (18, 96, 192)],
    "central": carried(18, scheme="central", order=4),
    "rule": str(sn.simplify(sn.sqrt(u**2) - abs(u))),
    "target": error(target="interpreted", rtol=1e-6, atol=1e-6, method="RK45"),
    "backend": [error(method="MidpointRule", dt=h) for h in (2.0, 1.0)],
    "export": sn.export(decay, "markdown"),
    "commands": [main(["run", "cooling", "--json"]), main(["export", "cooling", "--format", "markdown"])],
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """symnum, models and tests with the seven files in their places."""
    top = tmp_path_factory.mktemp("contributed")
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("symnum", "models", "tests"):
        shutil.copytree(ROOT / name, top / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", top)
    for name, text in FILES.items():
        assert not (top / name).exists(), f"{name} is there already: choose another example"
        (top / name).write_text(text, "utf-8")
    return top


def python(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=copy, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture(scope="module")
def used(copy: Path) -> Iterator[dict]:
    done = python(copy, "-c", USE)
    assert done.returncode == 0, done.stderr[-3000:]
    yield json.loads(done.stdout.splitlines()[-1])


def test_there_is_one_example_of_each_kind() -> None:
    folders = [
        "models",
        *(f"symnum/{f}" for f in ("solvers/embedded/methods", "discretisation/schemes", "rewrite/rules")),
    ]
    folders += ["symnum/codegen/targets", "symnum/solvers/backends", "symnum/formats/exporters"]
    assert [str(Path(name).parent) for name in FILES] == folders


def test_the_model_and_the_method_are_found_and_right(used: dict) -> None:
    assert used["model"] < 1e-6 and used["method"] < 1e-4
    assert used["method used"] == "BS3" and used["commands"] == [0, 0]


def test_the_scheme_has_its_order_and_carries_short_waves_better(used: dict) -> None:
    coarse, middle, fine = used["drp"]
    assert 14 < middle / fine < 18  # order 4
    assert coarse < used["central"] / 5  # six points a wave, for which it was made


def test_the_rules_fire(used: dict) -> None:
    assert used["rule"] == "0"


def test_target_backend_and_format_work(used: dict) -> None:
    assert used["target"] < 1e-3
    assert 3.8 < used["backend"][0] / used["backend"][1] < 4.4  # order 2
    assert used["export"].startswith("## decay\n") and "    dt(v) = -v\n" in used["export"]


def test_the_contracts_take_them_in(copy: Path) -> None:
    """The tests that run over every entry, on the new ones alone."""
    chosen = "BS3 or interpreted or drp or cooling or length or difference"
    files = (
        "contracts/test_methods.py",
        "contracts/test_orders.py",
        "contracts/test_schemes.py",
        "rewrite/test_rules.py",
        "test_models.py",
    )
    done = python(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, *(f"tests/{name}" for name in files)
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 20
