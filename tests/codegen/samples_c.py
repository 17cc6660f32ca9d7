"""Small systems and kernels for the tests of generated code, and how a generated C file is compiled and called."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import symnum as sn

COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler on the PATH")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")


def brusselator() -> sn.PDESystem:
    """Two fields in two dimensions, periodic, with forcing that switches on."""
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    alpha, a, b = sn.parameters(alpha=0.1, a=3.4, b=1.0)
    forcing = sn.where((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.01, 5.0, 0.0) * (t >= 1.1)
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(u), b + u**2 * v - (a + 1) * u + alpha * sn.laplacian(u) + forcing),
            sn.Eq(sn.dt(v), a * u - u**2 * v + alpha * sn.laplacian(v)),
        ],
        domain=sn.Domain(t=(0, 11.5), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: 22 * (y * (1 - y)) ** 1.5, v: 27 * (x * (1 - x)) ** 1.5},
        name="brusselator",
    )


def heat() -> sn.PDESystem:
    """One field between a given temperature and a Robin side."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    D = sn.parameter("D", 0.5)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, sn.sin(t), at={x: 0}), sn.robin(u, 1, 2, -2 * sn.pi, at={x: 1})],
        initial={u: sn.sin(sn.pi * x)},
        name="heat",
    )


def lorenz() -> sn.PDESystem:
    """No space; a name that C keeps for itself, and a Greek one."""
    t = sn.coordinates("t")
    X, Y, Z = sn.fields("X Y Z", (t,))
    sigma, rho, beta = sn.parameter("σ", 10.0), sn.parameter("double", 28.0), sn.parameter("beta", 8 / 3)
    return sn.ODESystem(
        [sn.Eq(sn.dt(X), sigma * (Y - X)), sn.Eq(sn.dt(Y), X * (rho - Z) - Y), sn.Eq(sn.dt(Z), X * Y - beta * Z)],
        t=(0, 40),
        initial={X: 1.0, Y: 0.0, Z: 0.0},
        name="lorenz",
    )


def line(equation: str, conditions: list[str], length: float, name: str = "line") -> sn.PDESystem:
    """One field u in 0 < x < length."""
    return sn.PDESystem.from_text(
        equations=[equation],
        domain={"t": (0, 1), "x": (0, length)},
        conditions=conditions,
        initial=["u = 0*x"],
        name=name,
    )


def kdv() -> sn.PDESystem:
    """Two powers of the spacing in one equation, on a grid where they meet: 16/dx and 4/dx**3 are equal for dx = 1/2."""
    return line("dt(u) = -6*u*dx(u) - dxxx(u)", ["periodic x"], 32.0, "kdv")


class Compiled:
    """The functions of a generated file, called on NumPy arrays."""

    def __init__(self, source: str, folder: Path, flags: tuple[str, ...] = ("-O1",)) -> None:
        text, library = folder / "generated.c", folder / "generated.so"
        text.write_text(source)
        assert COMPILER is not None
        done = subprocess.run(
            [COMPILER, *STRICT, *flags, "-fPIC", "-shared", str(text), "-o", str(library), "-lm"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0 and not done.stderr, done.stderr
        self.library = ctypes.CDLL(str(library))

    def call(self, name: str, *arguments: float | np.ndarray) -> int:
        """Times as doubles, arrays by their addresses."""
        function = getattr(self.library, name)
        function.argtypes = [ctypes.c_void_p if isinstance(a, np.ndarray) else ctypes.c_double for a in arguments]
        result: int = function(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments))
        return result
