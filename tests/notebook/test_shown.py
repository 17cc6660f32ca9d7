"""What objects show of themselves in notebooks: valid LaTeX, escaped HTML, pictures that are pictures."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

import symnum as sn
from symnum import display
from symnum.errors import ModelWarning, SolveError
from symnum.rewrite.matrix import Matrix


def heat(name: str = "heat") -> sn.PDESystem:
    t, x = sn.coordinates("t x", units="s m")
    u = sn.field("u", (t, x))
    D = sn.parameter("D", 0.1)
    sides = [sn.dirichlet(u, 0, at=sn.lower(x)), sn.dirichlet(u, 0, at=sn.upper(x))]
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))], {t: (0, 1), x: (0, 1)}, sides, {u: sn.sin(sn.pi * x)}, name=name
    )


def chain(n: int) -> sn.ODESystem:
    t = sn.coordinates("t")
    states = sn.fields(" ".join(f"y{k}" for k in range(n)), (t,))
    rates = [sn.Eq(sn.dt(y), -y) for y in states]
    return sn.ODESystem(rates, t=(0, 1), initial=dict.fromkeys(states, 1.0))


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', html)]


def rows_of(system: sn.PDESystem) -> list[str]:
    text = system._repr_mimebundle_()["text/latex"]
    assert text.startswith("$$\n\\begin{aligned}\n") and text.endswith("\n\\end{aligned}\n$$")
    return text.removeprefix("$$\n\\begin{aligned}\n").removesuffix("\n\\end{aligned}\n$$").split(" \\\\\n")


def test_a_system_is_its_equations_conditions_domain_and_values() -> None:
    assert rows_of(heat()) == [
        r"\frac{\partial u}{\partial t} &= D \frac{\partial^{2} u}{\partial x^{2}}",
        r"u &= 0 && \text{at } x = 0",
        r"u &= 0 && \text{at } x = 1",
        r"u &= \sin\left(\pi x\right) && \text{at } t = 0",
        r"&x \in [0, 1],\; t \in [0, 1]",
        "&D = 0.1",
    ]
    bundle = heat()._repr_mimebundle_()
    assert bundle["text/plain"] == repr(heat()) and set(bundle) == {"text/plain", "text/latex"}


def test_reaction_networks_and_stochastic_equations_show_themselves_too() -> None:
    network = sn.ReactionNetwork.from_text("A + B -> C, k1", initial={"A": 1, "B": 2}, t=(0, 1), parameters={"k1": 2.0})
    assert rows_of(network)[0] == r"A + B &\xrightarrow{k_{1}} C" and rows_of(network)[-1] == "&k_{1} = 2.0"
    t = sn.coordinates("t")
    x = sn.field("x", (t,))
    noisy = sn.SDESystem([sn.Eq(sn.dt(x), -x)], noise={x: 0.3}, t=(0, 1), initial={x: 1.0})
    assert r"\mathrm{d}x &=" in rows_of(noisy)[0]


@pytest.mark.parametrize("system", [heat(), chain(60)], ids=["heat", "60 states"])
def test_the_latex_is_balanced(system: sn.PDESystem) -> None:
    text = system._repr_mimebundle_()["text/latex"]
    for one, other in (("{", "}"), (r"\left", r"\right"), (r"\begin{", r"\end{")):
        assert text.count(one) == text.count(other)


def test_of_a_long_system_the_first_rows_are_shown() -> None:
    rows = rows_of(chain(200))
    assert len(rows) == 42 and r"\text{360 rows more}" in rows[40]


def test_weights_of_networks_are_counted_not_listed() -> None:
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    w, b, k = sn.parameters(f_w0_2_1=0.5, f_b1_0=0.1, k_b1_x=2.0)  # named as sn.neural.network names them
    rows = rows_of(sn.ODESystem([sn.Eq(sn.dt(y), sn.tanh(w * y + b) - k * y)], t=(0, 1), initial={y: 1.0}))
    assert rows[-1].startswith("&k_") and rows[-1].endswith(r"= 2.0,\; \text{2 weights of networks}")


def test_a_matrix_of_terms_is_a_list_that_shows_itself() -> None:
    t = sn.coordinates("t")
    x, y = sn.fields("x y", (t,))
    J = sn.jacobian([x * y, sn.sin(x)], [x, y])
    assert J == [[y, x], [sn.cos(x), 0 * x]] and isinstance(J, list)
    assert J._repr_latex_() == "$$\n\\begin{bmatrix}\ny & x \\\\\n\\cos\\left(x\\right) & 0\n\\end{bmatrix}\n$$"
    assert sn.hessian(x**2 * y, [x, y])._repr_latex_() is not None
    many = sn.fields(" ".join(f"z{k}" for k in range(20)), (t,))
    large = sn.jacobian([z**2 for z in many], many)._repr_latex_()
    assert (
        large is not None
        and large.count(r"\cdots") == 12
        and large.count(r"\vdots") == 12
        and large.count(r"\ddots") == 1
    )
    assert Matrix([])._repr_latex_() is None


def test_a_discretisation_shows_grid_stencil_and_pattern() -> None:
    html = sn.discretise(heat("rod <b>"), 32)._repr_html_()
    assert "rod &lt;b&gt;" in html and "rod <b>" not in html
    assert "x from 0 to 1 m, 33 points 0.03125 apart" in html and "central, order 2" in html
    assert "91 entries" in html  # of a tridiagonal matrix of 31 rows
    assert [p[:8] for p in pictures(html)] == [b"\x89PNG\r\n\x1a\n"] * 2 and "<details><summary>source: llvm" in html


def test_without_space_or_with_all_points_coupled_there_is_no_stencil() -> None:
    assert pictures(sn.discretise(chain(2))._repr_html_()) == []
    assert len(pictures(sn.discretise(chain(5))._repr_html_())) == 1
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    wave = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2))], {t: (0, 1), x: (0, 1)}, [sn.periodic(x)], {u: sn.sin(2 * sn.pi * x)}
    )
    html = sn.discretise(wave, 16, scheme="fourier")._repr_html_()
    assert "Fourier collocation" in html and "every unknown reads all others" in html and pictures(html) == []


def test_a_large_discretisation_is_not_drawn() -> None:
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    flat = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.laplacian(u))],
        {t: (0, 1), x: (0, 1), y: (0, 1)},
        [sn.periodic(x), sn.periodic(y)],
        {u: sn.sin(2 * sn.pi * x)},
    )
    made = sn.discretise(flat, 150)
    assert "not drawn beyond 20,000 unknowns" in made._repr_html_() and "sparse_jacobian" not in vars(made)


def test_a_solution_shows_its_picture_and_how_it_was_found() -> None:
    sol = sn.solve(heat("<script>"), 16)
    html = sol._repr_html_()
    assert "&lt;script&gt;" in html and "<script>" not in html
    assert len(pictures(html)) == 1 and sol.method in html and "<details><summary>arrays" in html


def test_a_solve_that_failed_says_so() -> None:
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    with pytest.warns(sn.SolveWarning):
        sol = sn.solve(sn.ODESystem([sn.Eq(sn.dt(y), y**2)], t=(0, 2), initial={y: 1.0}))
    assert sol.message.split(";")[0].rstrip(".") in sol._repr_html_() and not sol.success


def test_a_sweep_shows_its_picture() -> None:
    runs = sn.sweep(heat(), parameters={"D": [0.1, 0.2]}, resolution=8)
    assert len(pictures(runs._repr_html_())) == 1 and "&lt;sweep of 2 trajectories" in runs._repr_html_()


def test_programs_and_functions_show_their_source() -> None:
    a, b = sn.parameters(a=1.0, b=2.0)
    for made, part in (
        (sn.generate(heat(), "c", 8), "#include &lt;math.h&gt;"),
        (sn.build_function(sn.sin(a * b), [a, b]), "define"),
        (sn.trace(lambda y: 2 * np.sin(y), np.ones(3)), "define"),
    ):
        html = made._repr_html_()
        assert "<summary>source: " in html and part in html
    kernel = sn.kernel(lambda y: 2 * y + 1)
    assert "written at the first call" in kernel._repr_html_()
    kernel(np.ones(4))
    assert "<summary>source: " in kernel._repr_html_()


def test_what_cannot_be_drawn_says_why() -> None:
    def refuses() -> None:
        raise SolveError("nothing <to> draw")

    assert display.image(refuses, "", 100) == "<p><i>no picture: nothing &lt;to&gt; draw</i></p>"
    assert "... (40,000 characters more)" in display.source("x" * 100_000, "c")


def test_a_system_that_jumps_shows_itself() -> None:
    with pytest.warns(ModelWarning):
        t, x = sn.coordinates("t x")
        u = sn.field("u", (t, x))
        sides = [sn.dirichlet(u, 1, at=sn.lower(x)), sn.dirichlet(u, 0, at=sn.upper(x))]
        jump = sn.PDESystem(
            [sn.Eq(sn.dt(u), sn.diff(u, x, 2))], {t: (0, 1), x: (0, 1)}, sides, {u: sn.where(x < 0.5, 0, 1)}
        )
    assert len(rows_of(jump)) == 5
