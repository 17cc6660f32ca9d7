"""The language of the shell: typed mathematics against symnum's grammar, errors with their places, what is left to Python."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import symnum as sn
from symnum.errors import ParseError
from symnum.repl.statements import (
    Command,
    ConditionText,
    Definition,
    Equations,
    Expression,
    Formula,
    Initial,
    Interval,
    Known,
    Python,
    Reactions,
    Value,
    is_mathematics,
    parse,
    point,
    redefined,
    unfinished,
)  # fmt: skip

NOTHING = Known()
HEAT = Known(
    fields={"u": ("t", "x"), "v": ("t", "x")},
    coordinates=("t", "x"),
    parameters={"D": 0.1, "k": None, "alpha": 2.0, "L": 3.0},
    domain={"t": ("0", "1"), "x": ("0", "1")},
    definitions={
        "f": Definition("f", ("x",), Formula("exp(-x^2)")),
        "q": Definition("q", (), Formula("u*v")),
    },
    models=frozenset({"lorenz"}),
    python=frozenset({"np", "sol", "u", "n", "x", "t", "sn", "data"}),
)
LORENZ = Known(fields={"x": ("t",), "y": ("t",), "z": ("t",)}, coordinates=("t",), parameters={"s": 10.0})
PLANE = Known(fields={"u": ("t", "x", "y"), "w": ("t", "x", "y")}, coordinates=("t", "x", "y"), parameters={"θ": 1.0})

EQUATIONS: list[tuple[Known, str, str]] = [
    (NOTHING, "u_t = D u_xx", "dt(u) = D*dxx(u)"),
    (NOTHING, "u_tt = c^2 u_xx", "dtt(u) = c^2*dxx(u)"),
    (NOTHING, "u_tt = c² u_xx", "dtt(u) = c^2*dxx(u)"),
    (NOTHING, "∂t u = D ∂²x u", "dt(u) = D*dxx(u)"),
    (NOTHING, "∂_t u = D ∂_xx u", "dt(u) = D*dxx(u)"),
    (NOTHING, "∂ₜu = D ∂ₓₓu", "dt(u) = D*dxx(u)"),
    (NOTHING, "∂t u = D ∂x² u", "dt(u) = D*dxx(u)"),
    (NOTHING, "uₜ = D uₓₓ", "dt(u) = D*dxx(u)"),
    (NOTHING, "∂u/∂t = D ∂²u/∂x²", "dt(u) = D*dxx(u)"),
    (NOTHING, "∂u/∂t = D ∂^2u/∂x^2", "dt(u) = D*dxx(u)"),
    (NOTHING, "∂u/∂t = ∂²u/∂x∂y", "dt(u) = dxy(u)"),
    (NOTHING, "du/dt = -k u", "dt(u) = -k*u"),
    (NOTHING, "du/dt = d²u/dx²", "dt(u) = dxx(u)"),
    (NOTHING, "du/dt = d^2u/dx^2", "dt(u) = dxx(u)"),
    (NOTHING, "du/dt = d2u/dx2", "dt(u) = dxx(u)"),
    (NOTHING, "dθ/dt = ω", "dt(θ) = ω"),
    (NOTHING, "d²θ/dt² = -sin θ", "dtt(θ) = -sin(θ)"),
    (NOTHING, "u' = -k u", "dt(u) = -k*u"),
    (NOTHING, "x'' + x = 0", "dtt(x) + x = 0"),
    (NOTHING, "x″ + x = 0", "dtt(x) + x = 0"),
    (NOTHING, "ẋ = -x", "dt(x) = -x"),
    (NOTHING, r"\dot{x} = -x", "dt(x) = -x"),
    (NOTHING, r"\ddot{x} = -x", "dtt(x) = -x"),
    (
        NOTHING,
        "x' = s(y - x), y' = x(r - z) - y, z' = x y - b z",
        "dt(x) = s*(y - x); dt(y) = x*(r - z) - y; dt(z) = x*y - b*z",
    ),
    (NOTHING, "x' = y; y' = -x", "dt(x) = y; dt(y) = -x"),
    (NOTHING, "x' = y\ny' = -x", "dt(x) = y; dt(y) = -x"),
    (NOTHING, "u_t = D u_xx +\n  u", "dt(u) = D*dxx(u) + u"),
    (NOTHING, "u_t = (D u_xx\n + u)", "dt(u) = D*dxx(u) + u"),
    (NOTHING, "u_t + u u_x = ν u_xx", "dt(u) + u*dx(u) = ν*dxx(u)"),
    (NOTHING, "u_t + u u_x = νu_xx", "dt(u) + u*dx(u) = ν*dxx(u)"),
    (NOTHING, "u_t + ½ ∂x u² = 0", "dt(u) + 1/2*dx(u^2) = 0"),
    (NOTHING, "u_t + (u²/2)_x = 0", ""),
    (NOTHING, "u_t = ∇²u", "dt(u) = laplacian(u)"),
    (NOTHING, "u_t = Δu + f", "dt(u) = laplacian(u) + f"),
    (NOTHING, "u_t = -∇⁴u", "dt(u) = -laplacian(laplacian(u))"),
    (NOTHING, "u_t = ∇·(D ∇u)", "dt(u) = div(D*grad(u))"),
    (NOTHING, "u_t = ∇·D∇u", "dt(u) = div(D*grad(u))"),
    (NOTHING, "h_t = ν h_xx + λ/2 |∇h|²", "dt(h) = ν*dxx(h) + λ/2*d(h, x)*d(h, x)"),
    (PLANE, "u_t = ∇u·∇w", "dt(u) = d(u, x)*d(w, x) + d(u, y)*d(w, y)"),
    (PLANE, "u_t + (a, b)·∇u = 0", "dt(u) + (a*d(u, x) + b*d(u, y)) = 0"),
    (NOTHING, "u_t + a·∇u = 0", "dt(u) + a*d(u, x) = 0"),
    (NOTHING, "u_t = ∇·(u ∇c), c_t = Δc", "dt(u) = div(u*grad(c)); dt(c) = laplacian(c)"),
    (PLANE, "u_t = F |∇u|", "dt(u) = F*sqrt(d(u, x)*d(u, x) + d(u, y)*d(u, y))"),
    (NOTHING, "h_t + (h v)_x = 0", "dt(h) + dx(h*v) = 0"),
    (NOTHING, "ẍ + 2ζω ẋ + ω² x = 0", "dtt(x) + 2*ζ*ω*dt(x) + ω^2*x = 0"),
    (NOTHING, "θ'' = -g/L sin(θ)", "dtt(θ) = -g/L*sin(θ)"),
    (NOTHING, "T_t = k/(ρ c_p) ∂²T/∂x²", "dt(T) = k/(ρ*c_p)*dxx(T)"),
    (NOTHING, r"\begin{align} x' &= y \\ y' &= -x \end{align}", "dt(x) = y; dt(y) = -x"),
    (NOTHING, "∂V/∂t = S² ∂²V/∂S²", "dt(V) = S^2*dSS(V)"),
    (Known(coordinates=("t", "r")), "u_t = u_rr + 1/r u_r", "dt(u) = drr(u) + 1/r*dr(u)"),
    (PLANE, "u_t = 2 |∇u|²", "dt(u) = 2*(d(u, x)*d(u, x) + d(u, y)*d(u, y))"),
    (NOTHING, "u_t = √u + ½ |u_x| u²", "dt(u) = sqrt(u) + 1/2*abs(dx(u))*u^2"),
    (NOTHING, "u_t = ∂/∂x(D ∂u/∂x)", "dt(u) = dx(D*dx(u))"),
    (NOTHING, "u_t = d/dx(D du/dx)", "dt(u) = dx(D*dx(u))"),
    (NOTHING, "u_t = -∂(u v)/∂x", "dt(u) = -dx(u*v)"),
    (NOTHING, "u_t = -∂x(u v) + ∂x ∂x u", "dt(u) = -dx(u*v) + dx(dx(u))"),
    (NOTHING, r"\frac{\partial u}{\partial t} = D \Delta u", "dt(u) = D*laplacian(u)"),
    (NOTHING, r"\frac{\partial u}{\partial t} = \frac{\partial^2 u}{\partial x^{2}}", "dt(u) = dxx(u)"),
    (NOTHING, r"\frac{d u}{d t} = -\lambda u", "dt(u) = -λ*u"),
    (NOTHING, r"\partial_t u = \nabla \cdot \left( D \nabla u \right)", "dt(u) = div(D*grad(u))"),
    (NOTHING, r"u_t = u_{xx} + \frac{1}{2} \sin(\pi x) u", "dt(u) = dxx(u) + 1/2*sin(pi*x)*u"),
    (NOTHING, r"u_t = \nabla^2 u + \sqrt{u} e^{-x}", "dt(u) = laplacian(u) + sqrt(u)*exp(-x)"),
    (NOTHING, r"u_t = k_1 u + k_{12} u_x", "dt(u) = k_1*u + k_12*dx(u)"),
    (NOTHING, "u_t = k₁ u_xx", "dt(u) = k1*dxx(u)"),
    (NOTHING, "u_t = 2u_xx", "dt(u) = 2*dxx(u)"),
    (NOTHING, "u_t = 1/2 u_xx", "dt(u) = 1/2*dxx(u)"),
    (NOTHING, "u_t = u⁻¹ u_xx", "dt(u) = u^(-1)*dxx(u)"),
    (NOTHING, "u_t = u_xx + u(1 - u)(u - a)", "dt(u) = dxx(u) + u*(1 - u)*(u - a)"),
    (NOTHING, "u_t(x, t) = D u_xx(x, t)", "dt(u) = D*dxx(u)"),
    (NOTHING, "dt(u) = D*dxx(u) - dx(u*w)", "dt(u) = D*dxx(u) - dx(u*w)"),
    (NOTHING, "d(u, t) = d(u, x, 2)", "d(u, t) = d(u, x, 2)"),
    (NOTHING, "u_t = ∫u dx - u", "dt(u) = integral(u, x) - u"),
    (NOTHING, "u_t = ∫[0, x] u² dx", "dt(u) = integral(u^2, (x, 0, x))"),
    (NOTHING, "u_t = where(x < 1/2, 1, 0) u_xx", "dt(u) = where(x < 1/2, 1, 0)*dxx(u)"),
    (NOTHING, "u_t = u_xx where(0 ≤ x and x ≠ 1, 1, 0)", "dt(u) = dxx(u)*where(0 <= x and x != 1, 1, 0)"),
    (NOTHING, "u_t = v, v_t = Δu", "dt(u) = v; dt(v) = laplacian(u)"),
    (NOTHING, "u_t = w, 0 = w_xx - w + u", "dt(u) = w; 0 = dxx(w) - w + u"),
    (NOTHING, "u_t = w, w = u_xx", "dt(u) = w; w = dxx(u)"),
    (NOTHING, "u_t = sin²(x) u_xx + cos x sin t", "dt(u) = sin(x)^2*dxx(u) + cos(x)*sin(t)"),
    (NOTHING, "u_t = sin 2πx u_xx", ""),
    (HEAT, "u_t = α u_xx", "dt(u) = alpha*dxx(u)"),
    (HEAT, "u_t = f(x) q + f(x - t)", "dt(u) = exp(-x^2)*u*v + exp(-(x - t)^2)"),
    (HEAT, "u_t = D u_xx + u(1 - u)", "dt(u) = D*dxx(u) + u*(1 - u)"),
    (HEAT, "u_t = D(u_xx + u)", "dt(u) = D*(dxx(u) + u)"),
    (HEAT, "v² + u = 1", "v^2 + u = 1"),
    (LORENZ, "u_t = D u_xx", "dt(u) = D*dxx(u)"),
    (PLANE, "u_t = ∂x ∂y u + u_yy", "dt(u) = dx(dy(u)) + dyy(u)"),
]


@pytest.mark.parametrize(("known", "typed", "expected"), [row for row in EQUATIONS if row[2]])
def test_equations_as_typed(known: Known, typed: str, expected: str) -> None:
    (found,) = parse(typed, known)
    assert isinstance(found, Equations)
    assert "; ".join(found.equations) == expected


OTHERS: list[tuple[Known, str, list[Any]]] = [
    (NOTHING, "D = 0.1", [("D", 0.1, "")]),
    (NOTHING, "D = 0.1  # of heat", [("D", 0.1, "")]),
    (NOTHING, "k = 2 W/m/K", [("k", 2.0, "W/m/K")]),
    (NOTHING, "g = -9.81 m/s²", [("g", -9.81, "m/s²")]),
    (NOTHING, "k = 2 [W/(m K)]", [("k", 2.0, "W/(m K)")]),
    (NOTHING, "a = 3, b = 1; c = 1e-3", [("a", 3.0, ""), ("b", 1.0, ""), ("c", 0.001, "")]),
    (NOTHING, "w = 2π", [("w", 6.283185307179586, "")]),
    (HEAT, "D = 0.2", [("D", 0.2, "")]),
    (HEAT, "w = D L / 2", [("w", 0.15000000000000002, "")]),
    (HEAT, "α = 3", [("alpha", 3.0, "")]),
    (NOTHING, "f(x) = exp(-x²)", ["f(x) = exp(-x^2)"]),
    (NOTHING, "q = u v", ["q() = u*v"]),
    (NOTHING, "g(a, b) = a b", ["g(a, b) = a*b"]),
    (NOTHING, "x in (0, 1)", [("x", "0", "1")]),
    (NOTHING, "x ∈ [0, 2π]", [("x", "0", "2*pi")]),
    (NOTHING, "x, y in (0, 1)", [("x", "0", "1"), ("y", "0", "1")]),
    (NOTHING, "0 <= x <= pi", [("x", "0", "pi")]),
    (NOTHING, "-1 < x < 1", [("x", "-1", "1")]),
    (NOTHING, "t = 0..10", [("t", "0", "10")]),
    (NOTHING, "x in (0, 1), t in (0, 5)", [("x", "0", "1"), ("t", "0", "5")]),
    (HEAT, "x in (-L, L)", [("x", "-3.0", "3.0")]),
    (NOTHING, "u = 0 @ x=0", ["u = 0 @ x=0"]),
    (NOTHING, "u = 0 @ x=0, x=1", ["u = 0 @ x=0", "u = 0 @ x=1"]),
    (NOTHING, "u = 0 at x = 0 and x = 1", ["u = 0 @ x=0", "u = 0 @ x=1"]),
    (NOTHING, "x in [0,1], t in 0..1", [("x", "0", "1"), ("t", "0", "1")]),
    (HEAT, "u_x = 0 on the boundary", ["dx(u) = 0 @ lower(x)", "dx(u) = 0 @ upper(x)"]),
    (NOTHING, "u = 0 @ x = 0, 1", ["u = 0 @ x=0", "u = 0 @ x=1"]),
    (NOTHING, "∂x u = 0 at x = 1", ["dx(u) = 0 @ x=1"]),
    (NOTHING, "u_x = -u on lower(x)", ["dx(u) = -u @ lower(x)"]),
    (NOTHING, "u(0, t) = 0", ["u = 0 @ x=0"]),
    (NOTHING, "u(x=0) = 0", ["u = 0 @ x=0"]),
    (NOTHING, "u(x=π/2) = sin t", ["u = sin(t) @ x=pi/2"]),
    (NOTHING, "u(0, t) = u(1, t) = 0", ["u = 0 @ x=0", "u = 0 @ x=1"]),
    (NOTHING, "u(0, t) = u(1, t)", ["periodic x"]),
    (NOTHING, "u_x(0, t) + 2u(0, t) = 1", ["dx(u) + 2*u = 1 @ x=0"]),
    (HEAT, "u(1, t) = sin(t)", ["u = sin(t) @ x=1"]),
    (HEAT, "∂x u(0, t) = 0", ["dx(u) = 0 @ x=0"]),
    (HEAT, "∂u/∂x(1, t) = D", ["dx(u) = D @ x=1"]),
    (replace(HEAT, domain={"x": ("0", "3")}), "u = 0 @ x=L", ["u = 0 @ x=3.0"]),
    (replace(HEAT, domain={"x": ("0", "2*pi")}), "∂u/∂n = 1 @ x = π*2", ["dx(u) = 1 @ x=pi*2"]),
    (HEAT, "u = 0 on boundary", ["u = 0 @ lower(x)", "u = 0 @ upper(x)"]),
    (HEAT, "u = v = 0 @ x=0", ["u = 0 @ x=0", "v = 0 @ x=0"]),
    (HEAT, "∂u/∂n = 1 on ∂Ω", ["-dx(u) = 1 @ lower(x)", "dx(u) = 1 @ upper(x)"]),
    (HEAT, "∂u/∂n + u = 0 @ x=0", ["-dx(u) + u = 0 @ x=0"]),
    (NOTHING, "periodic x", ["periodic x"]),
    (NOTHING, "periodic x, y", ["periodic x", "periodic y"]),
    (HEAT, "periodic", ["periodic x"]),
    (NOTHING, "antiperiodic x", ["antiperiodic x"]),
    (NOTHING, "u(t=0) = sin(pi x)", ["u := u = sin(pi*x)"]),
    (NOTHING, "u = sin(pi x) @ t=0", ["u := u = sin(pi*x)"]),
    (NOTHING, "u(x, 0) = sin(2πx)", ["u := u = sin(2*pi*x)"]),
    (NOTHING, "x(0) = 1, y(0) = 2", ["x := x = 1", "y := y = 2"]),
    (NOTHING, "u'(0) = 1", ["u := dt(u) = 1"]),
    (HEAT, "u_t(x, 0) = 0", ["u := dt(u) = 0"]),
    (HEAT, "u_xx + u²", ["dxx(u) + u^2"]),
    (NOTHING, "√2 + ∛8", ["sqrt(2) + 8^(1/3)"]),
    (HEAT, "∫u dx", ["integral(u, x)"]),
    (NOTHING, "A + B -> C, k", ["A + B -> C, k"]),
    (NOTHING, "2 A ⇌ B, k1, 2 k2; B -> 0, d", ["2 A <-> B, k1, 2*k2", "B -> 0, d"]),
    (NOTHING, "S => P, Vmax S/(Km + S)", ["S => P, Vmax*S/(Km + S)"]),
    (NOTHING, "∅ -> A, 1, A -> ∅, k", ["0 -> A, 1", "A -> 0, k"]),
    (HEAT, ":solve method=CVODE", [":solve method=CVODE"]),
    (HEAT, "  :q", [":q "]),
]


def shown(statement: Any) -> list[Any]:
    match statement:
        case Value():
            return [(statement.name, statement.value, statement.units)]
        case Definition():
            return [f"{statement.name}({', '.join(statement.arguments)}) = {statement.text}"]
        case Interval():
            return [(statement.coordinate, str(statement.lower), str(statement.upper))]
        case Initial():
            return [f"{statement.field} := {statement.text}"]
        case ConditionText() | Expression():
            return [str(statement.text)]
        case Reactions():
            return [str(r) for r in statement.reactions]
        case Command():
            return [f":{statement.name} {statement.arguments}"]
    return [statement]


@pytest.mark.parametrize(("known", "typed", "expected"), OTHERS)
def test_everything_else_as_typed(known: Known, typed: str, expected: list[Any]) -> None:
    assert [row for statement in parse(typed, known) for row in shown(statement)] == expected


def test_a_whole_problem_on_one_line() -> None:
    typed = "u_t = D u_xx, u(t=0) = sin(πx), D = 0.1, x in (0, 1), u(0,t) = u(1,t) = 0, t in (0, 2)"
    equations, initial, value, along_x, left, right, along_t = parse(typed)
    assert isinstance(equations, Equations)
    assert equations.fields == {"u": ("t", "x")}
    assert equations.free == ("D",)
    assert equations.coordinates == ("t", "x")
    assert not equations.new
    system = sn.PDESystem.from_text(
        equations.equations,
        {i.coordinate: (i.lower, i.upper) for i in (along_t, along_x)},  # type: ignore[union-attr]
        [left.text, right.text],  # type: ignore[union-attr]
        [initial.text],  # type: ignore[union-attr]
        {value.name: value.value},  # type: ignore[union-attr]
    )
    t, x = sn.coordinates("t x")
    u, diffusivity = sn.field("u", (t, x)), sn.parameter("D", 0.1)
    assert system.equations == (sn.Eq(sn.dt(u), diffusivity * sn.diff(u, x, 2)),)
    assert system.initial == {u: sn.sin(sn.pi * x)}
    assert system.domain.bounds == {"t": (0.0, 2.0), "x": (0.0, 1.0)}


def test_named_systems_and_contradictions_begin_a_new_model() -> None:
    (lorenz,) = parse("lorenz: x' = s(y - x), y' = x(r - z) - y, z' = x y - b z", HEAT)
    assert isinstance(lorenz, Equations)
    assert (lorenz.name, lorenz.new) == ("lorenz", True)
    assert lorenz.fields == {"x": ("t",), "y": ("t",), "z": ("t",)}
    assert lorenz.free == ("s", "r", "b")
    for known, typed in ((LORENZ, "u_t = D u_xx"), (HEAT, "θ'' = -sin θ"), (HEAT, "x' = -x")):
        (found,) = parse(typed, known)
        assert isinstance(found, Equations)
        assert found.new
    (more,) = parse("v_t = u v", HEAT)
    assert isinstance(more, Equations)
    assert not more.new


def test_reactions_begin_a_new_model_where_they_share_no_species() -> None:
    known = Known(fields={"A": ("t",), "B": ("t",)}, coordinates=("t",))
    assert [parse(typed, known)[0].new for typed in ("B -> C, k", "S -> P, k", "net: A -> C, k")] == [False, True, True]  # type: ignore[union-attr]


def test_names_may_be_defined_after_their_first_use_and_again() -> None:
    (found,) = parse("u_t = D u_xx + f")
    assert isinstance(found, Equations)
    text: str = found.equations[0]
    known = Known(fields={"u": ("t", "x")}, coordinates=("t", "x"), parameters={"D": 1.0, "f": None, "a": None})
    for typed, expected in (
        ("f = a sin(2πx)", "dt(u) = D*dxx(u) + a*sin(2*pi*x)"),
        ("a = t²", "dt(u) = D*dxx(u) + t^2*sin(2*pi*x)"),
        ("f = cos(x)", "dt(u) = D*dxx(u) + cos(x)"),
    ):
        (definition,) = parse(typed, known)
        assert isinstance(definition, Definition)
        known = replace(known, definitions={**known.definitions, definition.name: definition})
        text = redefined(text, known)
        assert str(text) == expected
    known = replace(known, definitions={}, parameters={"D": 1.0, "f": 2.0})
    assert str(redefined(text, known)) == "dt(u) = D*dxx(u) + f"
    assert redefined("u = 0 @ x=0", HEAT) == "u = 0 @ x=0"
    assert str(redefined("u = q @ x=0", HEAT)) == "u = u*v @ x=0"
    with pytest.raises(ParseError, match="both sides"):
        parse("f = g", replace(HEAT, definitions={"g": Definition("g", (), Formula("f + u"))}))


def test_an_unknown_may_have_been_a_name_without_value() -> None:
    known = Known(fields={"u": ("t", "x")}, coordinates=("t", "x"), parameters={"v": None})
    (found,) = parse("v_t = -v", known)
    assert isinstance(found, Equations)
    assert found.fields == {"v": ("t", "x")}
    assert not found.new


PYTHON = [
    "import numpy as np", "from math import pi", "for i in range(3): print(i)", "def f(x):\n    return x", "print(3)", "sol.plot()", "sol[u]",
    "data = np.ones(3)", "a = [1, 2]", "s = 'text'", "n = 5", "n + 1", "2 + 2", "u", "u.plot()", "sol(t=3)", "a, b = 1, 2", "%timeit 1", "!ls", "u?",
    "n += 1", "f'{n}'", "lambda x: x", "x = 5 if n else 6", "w = n", "del n", "", "# nothing", "len(data)", "with open(n) as g: pass", "n: int = 3",
]  # fmt: skip


@pytest.mark.parametrize("typed", PYTHON)
def test_what_is_left_to_python(typed: str) -> None:
    assert parse(typed, HEAT) == (Python(typed),)
    assert not is_mathematics(typed, HEAT)


@pytest.mark.parametrize(
    "typed",
    ["u_t = -u", "u_t = u_x", "heat: u_t = u_x", "x in (0, 1)", "0 < x < 1", "D = 3", "u_x", "u_t = sin(u)", "D = D/2", ":help", "m = 4",
     "u = 0 @ x = 0"],
)  # fmt: skip
def test_what_python_could_read_too_but_is_mathematics(typed: str) -> None:
    assert is_mathematics(typed, HEAT)


BAD: list[tuple[Known, str, str, str]] = [  # what was typed, the text at the caret, words of the message
    (NOTHING, "u_t = D u_xx +", "", "the end of the line"),
    (NOTHING, "u_t = D $$ u_xx )", ")", "nothing opens"),
    (NOTHING, "u_t = (u_xx", "", "expected ')'"),
    (NOTHING, "u_t = [u_xx)", ")", "expected ']'"),
    (NOTHING, "u_t = |u_xx", "", "expected '|'"),
    (NOTHING, "u_t = u_xx + \\alhpa", "\\alhpa", "Did you mean 'alpha'"),
    (NOTHING, "u_t = u ~ 2", "~ 2", "not part of the notation"),
    (NOTHING, "u_t = 1/2u", "u", "1/(2*u) or 1/2*u"),
    (NOTHING, "u_t = a/b u", "u", "a/(b*u) or a/b*u"),
    (NOTHING, "u_t = u 2", "2", "u*2 or u^2"),
    (NOTHING, "u_t = sin", "sin", "sin is a function"),
    (NOTHING, "u_t = sin x u", "u", "sin(x)*u or sin(x*u)"),
    (NOTHING, "u_t = ∂²u/∂x", "∂²u/∂x", "order 2 above and 1 below"),
    (NOTHING, "u_t = ∂ u", "u", "∂x u or ∂u/∂x"),
    (NOTHING, "u_t = ∂xu", "xu", "write ∂x u"),
    (NOTHING, "u_t = ∇³u", "∇³u", "no scalar operator"),
    (NOTHING, "u_t = ∫u", "∫u", "∫u dx"),
    (NOTHING, "u_t = ∂u/∂n", "∂u/∂n", "in a condition"),
    (NOTHING, "u_t = f(x) u_xx", "f(x)", "f*(x)"),
    (HEAT, "u_t = sinn(x)", "sinn(x)", "Did you mean 'sin'"),
    (HEAT, "u_t = uv", "uv", "u*v"),
    (PLANE, "u_t = a ∇u", "∇u", "2 components"),
    (NOTHING, "x' = u, u_t = u_xx", "x'", "as an unknown and as a coordinate"),
    (NOTHING, "u_t = ∂u/∂π", "π", "cannot be a coordinate"),
    (NOTHING, "dt u = u_xx", "dt u", "∂t u or dt(u)"),
    (NOTHING, "dy/dx = -2 y", "dy/dx", "dy/dt"),
    (NOTHING, "u_t = D uxx", "uxx", "write u_xx"),
    (NOTHING, "ut = D uxx", "ut", "write u_t"),
    (NOTHING, "u_t = Du_xx", "Du_xx", "the product D u_xx"),
    (NOTHING, "u_t = u_rr", "u_rr", "r in (0, 1)"),
    (NOTHING, "u_t = u_xx if x > 0", "if x", "where("),
    (NOTHING, "u_t = u - W'(u)", "W'(u)", "a product"),
    (NOTHING, "lambda' = 2", "lambda'", "cannot name an unknown"),
    (NOTHING, "dX = μ X dt + σ X dW", "dX", "sn.SDESystem"),
    (HEAT, "u_t = u(x)", "u(x)", "u*x or as u(t, x)"),
    (HEAT, "u_t = u(0) u", "u(0) u", "u(t=0) or u(x=0)"),
    (HEAT, "u(0) = 0", "u(0)", "u(t=0) or u(x=0)"),
    (HEAT, "u(0, 0) = 1", "u(0, 0)", "leaves open"),
    (HEAT, "u = 5", "u = 5", "u(t=0)"),
    (HEAT, "u(x) = 1", "u(x)", "initial data"),
    (HEAT, "t = 3", "t = 3", "is a coordinate"),
    (NOTHING, "t = 3", "t = 3", "t in (0, 1)"),
    (NOTHING, "t < 10", "t < 10", "t in (0, 10)"),
    (NOTHING, "t in 10", "10", "t in (0, 10)"),
    (NOTHING, "D := 0.1", ":=", "D = ..."),
    (NOTHING, "D = 1e999", "1e999", "finite"),
    (NOTHING, "solve method=CVODE", "solve", ":solve method=CVODE"),
    (HEAT, "plot u", "plot", ":plot u"),
    (NOTHING, "solve", "solve", ":solve"),
    (HEAT, "u(k, t) = 0", "k, t", "k = 1 first"),
    (HEAT, "x = linspace(0, 1)", "x =", "is a coordinate"),
    (NOTHING, "u|x=0 = 0", "=0", "@ x=0"),
    (HEAT, "u(t=0) = 1 if x < 0.5 else 0", "if x", "where("),
    (HEAT, "x in (1, 0)", "1, 0", "empty"),
    (HEAT, "x in (0, k)", "k)", "no value yet"),
    (HEAT, "x in (0, u)", "u)", "no constant"),
    (HEAT, "x in (0, 1, 2)", "(0, 1, 2)", "two bounds"),
    (HEAT, "D in (0, 1)", "D in", "a parameter"),
    (HEAT, "u = 0 @ y=0", "y=0", "no coordinate"),
    (HEAT, "u = 0 @ 3", "3", "expected a place"),
    (HEAT, "u = 0 @", "", "expected a place"),
    (HEAT, "u + 0 @ x=0", "u + 0", "an equation"),
    (HEAT, "u(t=1) = 2", "u(t=1)", "belong to the start"),
    (HEAT, "u(y=1) = 2", "y=1", "no coordinate"),
    (HEAT, "u(0, t) = v(1, t) = u(0.5, t)", "u(0, t)", "periodic x"),
    (HEAT, "periodic w", "w", "no coordinate"),
    (HEAT, "lambda = 3", "lambda", "word of Python"),
    (HEAT, "pi = 3", "pi", "meaning of its own"),
    (HEAT, "f(1, 2) + 1 @ x=0", "f(1", "equation"),
    (HEAT, "w = f(1, 2) u", "f(1, 2)", "2 given"),
    (HEAT, "q = q + 1", "q = q", "both sides"),
    (HEAT, "lorenz", "lorenz", ":model lorenz"),
    (HEAT, "u_t = v_t = 3", "3", "more than one '='"),
    (HEAT, "a b = 3", "a b", "neither a derivative nor an unknown"),
    (HEAT, "u_t = u_xx, v", "v", "without '='"),
    (NOTHING, "A -> B", "", "a rate is missing"),
    (NOTHING, "A <-> B, k", ", k", "two rates are missing"),
    (NOTHING, "A -> B -> C, k", "-> C", "two arrows"),
    (NOTHING, "A + * -> C, k", "* ->", "side of a reaction"),
    (NOTHING, "lorenz: 3 x", "3 x", "without '='"),
    (NOTHING, ": solve", ": solve", ""),
    (NOTHING, ":", ":", "a command is a word"),
    (Known(coordinates=("t", "x", "y", "xy")), "u_t = u_xy", "u_xy", "d(u, x, y) or d(u, xy)"),
    (Known(parameters={"x": 3.0}), "u_t = ∂u/∂x", "x", "is a parameter"),
    (Known(parameters={"x": 3.0}), "u_t = u_xx", "u_xx", "a parameter here, x = 3"),
]


@pytest.mark.parametrize(("known", "typed", "at", "words"), [row for row in BAD if row[1] != ": solve"])
def test_bad_lines_point_at_the_place(known: Known, typed: str, at: str, words: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(typed, known)
    error = caught.value
    assert error.text == typed
    assert typed[error.position :].startswith(at)
    assert bool(typed[error.position :].strip()) == bool(at)
    assert words.replace("'", "") in str(error).replace("'", "")


def test_errors_of_the_model_point_into_the_typed_line() -> None:
    (found,) = parse("u_t = D u_xx + 2 ∂x(u, u)") if False else parse("u_t = D u_xx + grad(u)")
    assert isinstance(found, Equations)
    with pytest.raises(ParseError) as caught:
        sn.PDESystem.from_text(found.equations, {"t": (0, 1), "x": (0, 1)}, ["periodic x"], ["u = 1"], {"D": 1.0})
    assert caught.value.text == found.equations[0]
    moved = point(caught.value, found.equations)
    assert moved.text == "u_t = D u_xx + grad(u)"
    assert moved.text[moved.position :] == "grad(u)"
    assert point(caught.value, ()) is caught.value


@pytest.mark.parametrize(
    ("typed", "more"),
    [("u_t = D u_xx +", True), ("u_t = (D", True), ("x' = y,", True), ("lorenz:", True), ("u = 0 @", True), ("u_t = D u_xx", False),
     (":solve (", False), ("u_t = )", False), ("$ \\foo", False)],
)  # fmt: skip
def test_unfinished_lines_ask_for_more(typed: str, more: bool) -> None:
    assert unfinished(typed) is more


# --- the page of the documentation ------------------------------------------------------------

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "notation.md").read_text("utf-8")
ROWS = [
    re.split(r" {3,}", line.strip())
    for block in re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
]


@pytest.mark.parametrize(("typed", "meaning"), ROWS)
def test_the_page_says_what_is_so(typed: str, meaning: str) -> None:
    assert "; ".join(text for statement in parse(typed) for text in said(statement)).replace(
        " ", ""
    ) == meaning.replace(" ", "")


def said(statement: Any) -> list[str]:
    match statement:
        case Equations():
            return [str(e) for e in statement.equations]
        case Value():
            return [f"{statement.name} = {statement.value} {statement.units}"]
        case Interval():
            return [f"{statement.coordinate} in ({statement.lower}, {statement.upper})"]
        case Initial():
            return [str(statement.text)]
    return shown(statement)


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("u_t = u^n(1 - u) + u_xx", "dt(u) = u^n*(1 - u) + dxx(u)"),
        ("u_t = u^n (1 - u)", "dt(u) = u^n*(1 - u)"),
        ("u_t = e^-t(1 - u)", "dt(u) = exp(-t)*(1 - u)"),
        ("u_t = 2^-n(1 - u)", "dt(u) = 2^(-n)*(1 - u)"),
        ("u_t = u^sin(x)(1 - u)", "dt(u) = u^sin(x)*(1 - u)"),
        ("u_t = a/(u(1 - u))", "dt(u) = a/(u*(1 - u))"),
        ("u_t = ∂x(u(1 - u))", "dt(u) = dx(u*(1 - u))"),
        ("u_t = √(u(1 - u))", "dt(u) = sqrt(u*(1 - u))"),
        ("u_t = D/u(x, t)", "dt(u) = D/u"),
        ("u_t = 1/f(x) + √f(x)", "dt(u) = 1/exp(-x^2) + sqrt(exp(-x^2))"),
        ("u_t = sin^2 x + cos^{2}(2x) + u^{3/2}", "dt(u) = sin(x)^2 + cos(2*x)^2 + u^(3/2)"),
        ("u_t = -u·4. cos(u)", "dt(u) = -u*4.*cos(u)"),
        (r"\dot u = -u", "dt(u) = -u"),
    ],
)
def test_a_bracket_behind_a_power_is_a_factor(typed: str, means: str) -> None:
    (found,) = parse(typed, replace(HEAT, python=HEAT.python - {"n"}))  # where n is a function of Python, n(...) is a call of it
    assert isinstance(found, Equations) and list(found.equations) == [means]


@pytest.mark.parametrize(
    ("typed", "one", "other"),
    [
        ("u_t = k/u(1 - u)", "/(u*(1 - u))", "/u)*(1 - u)"),
        ("u_t = k/-u(1 - u)", "/(u*(1 - u))", "/u)*(1 - u)"),
        ("u_t = k/q(1 - u)", "/(q*(1 - u))", "/q)*(1 - u)"),
        ("u_t = ∂x u(1 - u)", "∂x (u*(1 - u))", "(∂x u)*(1 - u)"),
        ("u_t = ∂/∂x u (1 - u)", "∂/∂x (u*(1 - u))", "(∂/∂x u)*(1 - u)"),
        ("u_t = ∇²u(1 - u)", "∇² (u*(1 - u))", "(∇² u)*(1 - u)"),
        ("u_t = √u(1 - u)", "√(u*(1 - u))", "(√u)*(1 - u)"),
        ("u_t = sin u(1 - u)", "sin (u*(1 - u))", "(sin u)*(1 - u)"),
        ("u_t = sin u²(1 - u)", "sin(u²*(1 - u))", "sin(u²)*(1 - u)"),
        ("u_t = |u |v| + cos(v)|", "the end of |...|", "abs(...)"),
        ("u_t = 1/2(1 - u)", "1/(2*(1 - u))", "1/2*(1 - u)"),
        ("u_t = e^-2t", "e^(-2 t)", "e^(-2) t"),
        ("u_t = sin⁻¹ u", "1/sin(...)", "asin(...)"),
        ("u_t = sin^-1(u)", "1/sin(...)", "asin(...)"),
        ("u_t = ∂x D ∂x u", "D is a parameter", "∂x(D ...)"),
        ("u_t = ∂/∂x D ∂u/∂x", "D is a parameter", "∂/∂x(D ...)"),
    ],
)
def test_what_has_two_readings_behind_an_operator_is_refused_with_both(typed: str, one: str, other: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(typed, HEAT)
    assert one in str(caught.value) and other in str(caught.value)
