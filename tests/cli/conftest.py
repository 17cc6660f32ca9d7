"""A command run in this process, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from symnum.cli import main

HEAT = """
name = "rod"
equations = ["dt(u) = D*dxx(u)"]
conditions = ["u = 0 @ x=0", "u = 0 @ x=1"]
initial = ["u = sin(pi*x)"]
domain = { t = [0, 0.1], x = [0, 1] }
parameters = { D = 1.0 }
"""

OWN = '''"""My model"""
import symnum as sn

resolution = 8

def system():
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    return sn.PDESystem([sn.Eq(sn.dt(u), sn.diff(u, x, 2))], domain=sn.Domain(t=(0, 0.1), x=(0, 1)),
                        conditions=[sn.periodic(x)], initial={u: sn.cos(2*sn.pi*x)}, name="mine")
'''


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        value = json.loads(self.out, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        assert isinstance(value, dict)
        return value


@pytest.fixture
def symnum(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """``symnum("run", "heat")`` in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYMNUM_TRACEBACK", raising=False)

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        status = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Done(status, out, err)

    return command


@pytest.fixture
def heat_toml(tmp_path: Path) -> str:
    """The name of a model file in ``tmp_path``."""
    (tmp_path / "rod.toml").write_text(HEAT)
    return "rod.toml"


@pytest.fixture
def own_file(tmp_path: Path) -> str:
    """The name of a .py model in ``tmp_path``."""
    (tmp_path / "mine.py").write_text(OWN)
    return "mine.py"
