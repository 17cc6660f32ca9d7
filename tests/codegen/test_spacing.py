"""Powers of the grid spacing in generated C are those of the mathematics: another spacing put into the text gives the other grid's equations."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from tests.codegen.samples_c import Compiled, kdv, line, needs_compiler

PERIODIC = ["periodic x"]


CASES = [
    ("dt(u) = dxx(u)", PERIODIC, 2, ""),
    ("dt(u) = -dxxx(u) - 3*dx(u) + 0.3*dxx(u) - 2.5*u", PERIODIC, 4, ""),
    ("dt(u) = -dx(u^2) - dxx(u) - 0.1*dxxxx(u)", PERIODIC, 6, ""),
    ("dt(u) = dx((1 + u^2)*dx(u)) - u^3", PERIODIC, 4, ""),
    ("dt(u) = dxx(u) - dx(u)", ["u = t @ x=0", "dx(u) = 0 @ x={0}"], 2, ""),
    ("dt(u) = dxx(u) - dx(u)", ["u = t @ x=0", "dx(u) = 0 @ x={0}"], 4, ""),
    ("dt(u) = dxx(u)", ["dx(u) = 0 @ x=0", "u = 2 @ x={0}"], 6, ""),
    ("dt(u) = dxx(u) - 2*dx(u)", ["u = t @ x=0", "u = 0 @ x={0}"], 2, "upwind"),
    ("dt(u) = dx((1 + u^2)*dx(u))", ["dx(u) = 1 @ x=0", "u = 0 @ x={0}"], 2, "finite_volume"),
    ("dt(u) = -dxxxx(u)", ["u = 0 @ x=0", "dx(u) = 0 @ x=0", "u = 0 @ x={0}", "dx(u) = 0 @ x={0}"], 2, ""),
]


@needs_compiler
@pytest.mark.filterwarnings("ignore::symnum.ModelWarning")
def test_another_spacing_in_the_text_is_another_grid(tmp_path: Path) -> None:
    """No number in the file may hide a spacing: generated for dx = 1/2, read with dx = 0.3."""
    cells = 20
    for number, (equation, conditions, order, scheme) in enumerate(CASES):
        made, other = (
            line(equation, [c.format(length) for c in conditions], length) for length in (cells / 2, cells * 0.3)
        )
        options = {"order": order, "resolution": cells, "scheme": scheme or "central"}
        source = sn.generate(made, jacobian=False, **options).source
        assert re.search(r"^static const double dx = 10\.0/20\.0;", source, re.MULTILINE), equation
        moved = source.replace("dx = 10.0/20.0;", "dx = 0.3;")
        folder = tmp_path / str(number)
        folder.mkdir()
        compiled, ours = Compiled(moved, folder, ("-O0",)), sn.discretise(other, **options)
        y, got, p = np.random.default_rng(1).normal(size=ours.size), np.empty(ours.size), np.zeros(1)
        compiled.call("rhs", 0.7, y, p, got)
        want, said = ours.rhs(0.7, y), f"{equation}, order {order}"
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12 * np.abs(want).max(), err_msg=said)
        if "FULL_SIZE" in source:
            full, expected = np.empty(ours.semi.rhs.periods), ours.full_fields(0.7, y)
            compiled.call("full_fields", 0.7, y, p, full)
            np.testing.assert_allclose(full, expected, rtol=1e-12, atol=1e-12, err_msg=said)


def test_two_powers_that_meet_are_told_apart() -> None:
    """dx = 1/2, where 16/dx = 4/dx**3: the third derivative has one factor before it, the first another."""
    source = sn.generate(kdv(), resolution=64, order=4, jacobian=False).source
    rates = source[source.index("du_dt[i] =") :]
    rates = rates[: rates.index(";")]
    assert sorted(re.findall(r"1\.0/\([^()]*dx\)", rates)) == ["1.0/(2.0*dx)", "1.0/(8.0*dx*dx*dx)"]


def test_equal_spacings_share_a_name_and_others_do_not() -> None:
    def plane(width: float) -> str:
        system = sn.PDESystem.from_text(
            equations=["dt(u) = dxx(u) + dyy(u)"],
            domain={"t": (0, 1), "x": (0, 1), "y": (0, width)},
            conditions=["periodic x", "periodic y"],
            initial=["u = 0*x"],
        )
        return sn.generate(system, resolution=8, jacobian=False).source

    assert "1.0/(h*h)*(u[im1][j] + u[ip1][j] + u[i][j + left] + u[i][j + right] - 4.0*u[i][j])" in plane(1)
    apart = " ".join(plane(4).split())
    assert "1.0/(dx*dx)*(u[im1][j] + u[ip1][j] - 2.0*u[i][j])" in apart
    assert "1.0/(dy*dy)*(u[i][j + left] + u[i][j + right] - 2.0*u[i][j])" in apart


def test_weights_of_layers_stand_in_rows() -> None:
    """Near a side: one block of one-sided differences over 12*dx*dx, its last row the stencil of the interior."""
    system = line("dt(u) = dxx(u)", ["u = 0 @ x=0", "u = 0 @ x=10"], 10.0)
    source = " ".join(sn.generate(system, resolution=20, order=4, jacobian=False).source.split())
    assert (
        "/* One-sided differences, a row of weights for each of the layers dx <= x <= 2*dx. */ static const double "
        "weights[2][5] = {{-15.0, -4.0, 14.0, -6.0, 1.0}, {16.0, -30.0, 16.0, -1.0, 0.0}};" in source
    )
    assert "1.0/(12.0*dx*dx)*(weights[i][0]*u[0] + weights[i][1]*u[1]" in source
    assert "weights_2[i - (NX - 2)][0]*u[NX - 5]" in source
