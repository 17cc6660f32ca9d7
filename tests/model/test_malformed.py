"""Malformed models: each is answered by a named error that says what was seen, what was expected and the line to write."""
# ruff: noqa: E501 (tables of cases, one case a line)

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import symnum as sn
from symnum.errors import ModelError, ParseError, SymnumError, UnknownName

t, x, y = sn.coordinates("t x y")
u, v, w = sn.fields("u v w", (t, x))
p = sn.field("p", (t, x, y))
q, r = sn.fields("q r", (t,))
D, k = sn.parameters(D=0.1, k=2.0)
WALLS = (sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1}))


def heat(**changes: Any) -> Any:
    """A sound heat equation with parts replaced."""
    parts: dict[str, Any] = {
        "equations": [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))],
        "domain": sn.Domain(t=(0, 1), x=(0, 1)),
        "conditions": WALLS,
        "initial": {u: sn.sin(sn.pi * x)},
    }
    return sn.PDESystem(**(parts | changes))


def equation(*equations: Any, **changes: Any) -> Any:
    return heat(equations=list(equations), **changes)


def condition(*conditions: Any) -> Any:
    return heat(conditions=conditions)


def text(**changes: Any) -> Any:
    parts: dict[str, Any] = {
        "equations": ["dt(u) = D*dxx(u)"],
        "domain": {"t": (0, 1), "x": (0, "pi")},
        "conditions": ["u = 0 @ x=0", "u = 0 @ x=pi"],
        "initial": ["u = sin(x)"],
        "parameters": {"D": 0.1},
    }
    return sn.PDESystem.from_text(**(parts | changes))


def formula(right: str) -> Any:
    return text(equations=[f"dt(u) = {right}"])


uxx = sn.diff(u, x, 2)
Case = tuple[str, Callable[[], Any], type[Exception], list[str]]

CONDITIONS: list[Case] = [
    ("no condition", lambda: condition(), ModelError, ["u has second derivatives in x (equation 1)", "x needs 2 conditions on u; none were given", "sn.dirichlet(u, 0, at={x: 0})"]),
    ("one condition", lambda: condition(WALLS[0]), ModelError, ["x needs 2 conditions on u; 1 was given (x=0)", "at={x: 1}) or sn.periodic(x)"]),
    ("three conditions", lambda: condition(*WALLS, sn.neumann(u, 0, at={x: 0})), ModelError, ["needs 2 conditions on u; 3 were given", "'-dx(u) = 0 @ x=0'", "Remove 1"]),
    ("both at one end", lambda: condition(WALLS[0], sn.neumann(u, 0, at={x: 0})), ModelError, ["1 at each end", "2 at x=0 and 0 at x=1", "Move one to at={x: 1}"]),
    ("the same twice", lambda: condition(WALLS[0], WALLS[0]), ModelError, ["'u = 0 @ x=0' is given twice"]),
    ("not a face", lambda: condition(WALLS[0], sn.dirichlet(u, 0, at={x: 0.5})), ModelError, ["x=0.5 is not a face of x in [0, 1]", "at={x: 1}", "sn.upper(x)"]),
    ("a place with symbols", lambda: condition(WALLS[0], sn.dirichlet(u, 0, at={x: D})), ModelError, ["x=D is not a face of x in [0, 1]"]),
    ("on a periodic coordinate", lambda: condition(sn.periodic(x), WALLS[0]), ModelError, ["x, which is periodic", "remove it or sn.periodic(x)"]),
    ("periodic and antiperiodic", lambda: condition(sn.periodic(x), sn.antiperiodic(x)), ModelError, ["both periodic and antiperiodic"]),
    ("periodic twice", lambda: condition(sn.periodic(x), sn.periodic(x)), ModelError, ["given twice"]),
    ("undeclared coordinate", lambda: condition(*WALLS, sn.periodic(y)), ModelError, ["'periodic y' names 'y'", "the spatial coordinates are x"]),
    ("face of an undeclared coordinate", lambda: condition(*WALLS, sn.dirichlet(u, 0, at={y: 0})), ModelError, ["names 'y'", "the spatial coordinates are x"]),
    ("periodic in time", lambda: condition(sn.periodic(t)), ModelError, ["t is time", "initial={u: ...}"]),
    ("condition at a time", lambda: sn.dirichlet(u, 0, at={t: 0}), ModelError, ["t is time, not a face", "initial={u: ...}"]),
    ("two coordinates in at", lambda: sn.dirichlet(p, 0, at={x: 0, y: 0}), ModelError, ["names 2 coordinates", "at={x: 0}"]),
    ("at is a number", lambda: sn.dirichlet(u, 0, at=0), ModelError, ["at=0 of dirichlet names no face", "at=sn.lower(x)"]),
    ("at names text", lambda: sn.dirichlet(u, 0, at={"x": 0}), ModelError, ["by the text 'x'", "at={x: 0}"]),
    ("a field without an equation", lambda: condition(WALLS[0], sn.dirichlet(u, v, at={x: 1})), ModelError, ["the field v, which no equation determines", "Fields: u"]),
    ("0 = 1", lambda: condition(WALLS[0], sn.condition(sn.Eq(0, 1), at={x: 1})), ModelError, ["'0 = 1 @ x=1' holds no field", "write an equation for u"]),
    ("robin of nothing", lambda: condition(WALLS[0], sn.robin(u, 0, 0, 1, at={x: 1})), ModelError, ["does not depend on u, so it says nothing about it", "sn.dirichlet(u, 0, at={x: 1})"]),
    ("nonlinear", lambda: condition(WALLS[0], sn.condition(sn.Eq(u**2, 1), at={x: 1})), ModelError, ["'u^2 = 1 @ x=1' is not linear in u", "dx(u) = ..."]),
    ("fourth power of a slope", lambda: condition(WALLS[0], sn.condition(sn.Eq(sn.diff(u, x) ** 4, -u), at={x: 1})), ModelError, ["is not linear in u"]),
    ("too high an order", lambda: condition(WALLS[0], sn.condition(sn.Eq(uxx, 0), at={x: 1})), ModelError, ["holds a second derivative in x", "order 2 in x for u", "up to the first derivative"]),
    ("time derivative", lambda: condition(WALLS[0], sn.condition(sn.Eq(sn.dt(u), -sn.diff(u, x)), at={x: 1})), ModelError, ["holds a derivative in time: not supported yet"]),
    ("dirichlet of an expression", lambda: sn.dirichlet(2 * u, 0, at={x: 0}), ModelError, ["dirichlet takes a field, got the expression 2*u", "sn.condition(sn.Eq(left, right)"]),
    ("neumann of a parameter", lambda: sn.neumann(D, 0, at={x: 0}), ModelError, ["neumann takes a field, got the parameter D"]),
    ("neumann across a foreign coordinate", lambda: sn.neumann(u, 0, at={y: 0}), ModelError, ["u does not depend on y; its coordinates are t, x"]),
    ("a text condition among objects", lambda: condition("u = 0 @ x=0"), ModelError, ["the condition 'u = 0 @ x=0' is not one", "from_text"]),
    ("an equation as a condition", lambda: condition(sn.Eq(u, 0)), ModelError, ["is not one", "sn.condition(sn.Eq(...), at={x: 0})"]),
    ("condition without an equation", lambda: sn.condition(u, at={x: 0}), ModelError, ["condition takes an equation, got u"]),
    ("KdV with 2 + 2", lambda: equation(sn.Eq(sn.dt(u), -sn.diff(u, x, 3)), conditions=[*WALLS, sn.neumann(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})]), ModelError, ["third derivatives in x", "needs 3 conditions on u; 4 were given"]),
    ("advection at both ends", lambda: equation(sn.Eq(sn.dt(u), -sn.diff(u, x))), ModelError, ["first derivatives in x", "needs 1 condition on u; 2 were given"]),
    ("a condition nobody needs", lambda: equation(sn.Eq(sn.dt(u), -u), conditions=WALLS), ModelError, ["u has no derivatives in x, so x needs no condition on u", "Remove 2"]),
    ("unknown symbol", lambda: condition(WALLS[0], sn.dirichlet(u, sn.symbol("Dd"), at={x: 1})), ModelError, ["unknown symbol 'Dd'", "Did you mean 'D'", 'sn.parameter("Dd", 1.0)']),
]  # fmt: skip

EQUATIONS: list[Case] = [
    ("no equation", lambda: equation(), ModelError, ["the model has no equation", "sn.PDESystem([sn.Eq("]),
    ("unknown symbol", lambda: equation(sn.Eq(sn.dt(u), sn.symbol("kk") * k * uxx)), ModelError, ["equation 1", "unknown symbol 'kk'", "Did you mean 'k'", 'parameters={"kk": 1.0}']),
    ("a field without an equation", lambda: equation(sn.Eq(sn.dt(u), D * uxx + v)), ModelError, ["1 equation for 2 fields (u and v)", "v has no equation of its own", "sn.Eq(sn.dt(v), ...)", 'sn.parameter("v", 1.0)']),
    ("an equation too many", lambda: equation(sn.Eq(sn.dt(u), uxx), sn.Eq(u, 1)), ModelError, ["2 equations for 1 field (u)", "remove 1 equation"]),
    ("an equation without a field", lambda: equation(sn.Eq(sn.dt(u), uxx), sn.Eq(D, 1)), ModelError, ["equation 2 (D = 1) holds no field", "remove it"]),
    ("no time derivative", lambda: equation(sn.Eq(uxx, 1)), ModelError, ["no equation holds a derivative in time", "sn.Eq(sn.dt(u), ...)"]),
    ("third order in time", lambda: equation(sn.Eq(sn.dt(u, 3), uxx), initial={u: 0}), ModelError, ["order 3 in time (equation 1)", "a field of its own"]),
    ("mixed derivative", lambda: equation(sn.Eq(sn.dt(u), sn.diff(u, t, x, 2))), ModelError, ["equation 1", "mixed derivative d", "in time and space"]),
    ("nonlinear in the rate", lambda: equation(sn.Eq(sn.dt(u) ** 2, uxx)), ModelError, ["equation 1 cannot be solved for dt(u)", "not linear", "sn.Eq(sn.dt(u), ...)"]),
    ("singular rates", lambda: sn.ODESystem([sn.Eq(sn.dt(q) + sn.dt(r), 1), sn.Eq(sn.dt(q) + sn.dt(r), q)], t=(0, 1), initial={q: 0, r: 0}), ModelError, ["equations 1 and 2 cannot be solved for dt(q) and dt(r)", "singular"]),
    ("two rates in one equation", lambda: sn.ODESystem([sn.Eq(sn.dt(q) + sn.dt(r), 1), sn.Eq(q, r)], t=(0, 1), initial={q: 0, r: 0}), ModelError, ["equation 1 holds 2 time derivatives (dt(q) and dt(r)) for 1 equation"]),
    ("a term", lambda: equation(sn.dt(u) - uxx), ModelError, ["equation 1 is the term", "which has no '='", "sn.Eq(sn.dt(u), ...)"]),
    ("== for =", lambda: equation(sn.dt(u) == uxx), ModelError, ["equation 1 is the truth value False", "'==' compares identity"]),
    ("a text equation", lambda: equation("dt(u) = dxx(u)"), ModelError, ["equation 1 is the text 'dt(u) = dxx(u)'", "from_text"]),
    ("a side of text", lambda: sn.Eq(sn.dt(u), "dxx(u)"), ModelError, ["the right side of Eq is the text 'dxx(u)'", "from_text"]),
    ("a side of nonsense", lambda: sn.Eq(sn.dt(u), object()), ModelError, ["the right side of Eq is <object", "expected a term or a number"]),
    ("a vector side", lambda: sn.Eq(sn.dt(u), sn.grad(u)), ModelError, ["the right side of Eq is a vector", "one equation a component"]),
    ("complex SymPy", lambda: equation(sympy.Eq(sympy.Function("u")(*sympy.symbols("t x")).diff(sympy.Symbol("t")), sympy.I)), ModelError, ["the SymPy equation", "I"]),
    ("ODE state driven by a field", lambda: equation(sn.Eq(sn.dt(q), u), sn.Eq(sn.dt(u), uxx), initial={q: 0, u: sn.sin(sn.pi * x)}), ModelError, ["q depends on (t), but its rate holds u, which varies along x", 'sn.field("q", (t, x))']),
]  # fmt: skip

NAMES: list[Case] = [
    ("two symbols of one name", lambda: equation(sn.Eq(sn.dt(u), D * uxx + sn.parameter("D", 5.0))), ModelError, ["two different parameters are named 'D'", "default 0.1", "default 5.0", "or rename one"]),
    ("two fields of one name", lambda: equation(sn.Eq(sn.dt(u), uxx), initial={sn.field("u", (t,)): 1}), ModelError, ["two different fields are named 'u'", "u(t, x)", "u(t)"]),
    ("field and parameter", lambda: equation(sn.Eq(sn.dt(u), sn.parameter("u", 1.0) * uxx)), ModelError, ["'u' stands for a ", "rename one"]),
    ("field and coordinate", lambda: equation(sn.Eq(sn.dt(sn.field("x", (t, x))), 1)), ModelError, ["'x' stands for a field and a coordinate"]),
    ("a coordinate with other units", lambda: equation(sn.Eq(sn.dt(u), uxx * sn.coordinates("x", units="m"))), ModelError, ["two different coordinates are named 'x'"]),
    ("unknown parameter value", lambda: heat(parameters={"DD": 1.0}), ModelError, ["a value for 'DD', which the model does not hold", "parameters are D", "Did you mean 'D'"]),
    ("a value for a field", lambda: heat(parameters={"u": 1.0}), ModelError, ["'u', which is a field"]),
    ("NaN parameter", lambda: heat(parameters={"D": float("nan")}), ModelError, ["the parameter D has the value nan, expected a finite number", "D=1.0"]),
    ("infinite parameter", lambda: sn.parameters(a=float("inf")), ModelError, ["the parameter a has the value inf"]),
    ("text parameter", lambda: sn.parameter("a", "0.1"), ModelError, ["the parameter a has the value '0.1'", "a=1.0"]),
    ("parameter without a value", lambda: equation(sn.Eq(sn.dt(u), sn.parameter("c") * uxx)), ModelError, ["the parameter c has no value", 'parameters={"c": 1.0}']),
    ("with_parameters", lambda: heat().with_parameters(d=1), UnknownName, ["no parameter 'd'", "Parameters: D"]),
    ("replace", lambda: heat().replace(initals={}), UnknownName, ["no part 'initals'", "Did you mean 'initial'"]),
    ("a complex field", lambda: sn.field("psi", (t, x), dtype=complex), ModelError, ["psi is complex: not supported yet", "two fields", "psi_re, psi_im = sn.fields("]),
    ("a field on a parameter", lambda: sn.field("u", (t, D)), ModelError, ["cannot depend on the parameter D", 'sn.field("u", (t, x))']),
    ("a field on text", lambda: sn.field("u", "t x"), ModelError, ["the coordinates of u are the text 't x'", 'sn.coordinates("t x")']),
    ("a field on x twice", lambda: sn.field("u", (t, x, x)), ModelError, ["names the coordinate x twice"]),
    ("a field on a number", lambda: sn.field("u", 3), ModelError, ["the coordinates of u are 3", 'sn.field("u", (t, x))']),
    ("a field on nothing", lambda: sn.field("u", ()), ModelError, ["depends on no coordinate"]),
    ("a bad name", lambda: sn.fields("u 2v", (t, x)), ModelError, ["'2v' cannot name a field"]),
    ("a name twice", lambda: sn.coordinates("t x x"), ModelError, ["the coordinate 'x' is named twice"]),
    ("no name", lambda: sn.coordinates(""), ModelError, ["no name given"]),
    ("an unknown time", lambda: sn.coordinates("tau x", time="ta"), ModelError, ["time='ta' is not one of the coordinates tau, x", "Did you mean 'tau'"]),
    ("dt without time", lambda: sn.dt(sn.field("s", (x,))), ModelError, ["dt(s): no field in it depends on time", 'sn.field("u", (t, x))']),
    ("laplacian without space", lambda: sn.laplacian(q), ModelError, ["laplacian(q): no field in it depends on a spatial coordinate"]),
    ("div of a scalar", lambda: sn.div(u), ModelError, ["div takes a vector, got u", "sn.div(D*sn.grad(u))"]),
    ("grad of a vector", lambda: sn.grad(sn.grad(u)), ModelError, ["grad takes a scalar, got a vector"]),
]  # fmt: skip

DOMAIN: list[Case] = [
    ("reversed", lambda: sn.Domain(t=(0, 1), x=(1, 0)), ModelError, ["the bounds of x are reversed: 1 > 0", "x=(0, 1)"]),
    ("empty", lambda: sn.Domain(x=(2, 2)), ModelError, ["the interval of x is empty: (2, 2)"]),
    ("infinite", lambda: sn.Domain(x=(0, float("inf"))), ModelError, ["the bound inf of x is not finite", "x=(-20, 20)"]),
    ("NaN", lambda: sn.Domain(x=(0, float("nan"))), ModelError, ["a bound of x is nan", "sn.Domain(x=(0, 1))"]),
    ("a number", lambda: sn.Domain(x=1), ModelError, ["the bounds of x are 1, expected a pair (lower, upper)", "sn.Domain(x=(0, 1))"]),
    ("text", lambda: sn.Domain(x=(0, "pi")), ModelError, ["a bound of x is the text 'pi'", "sn.Domain(x=(0, 1))"]),
    ("symbols", lambda: sn.Domain(x=(0, D)), ModelError, ["the bound D of x is not a constant"]),
    ("nothing", lambda: sn.Domain(), ModelError, ["the domain is empty"]),
    ("no domain", lambda: heat(domain=None), ModelError, ["domain=None is no domain", "sn.Domain(t=(0, 1), x=(0, 1))"]),
    ("x without bounds", lambda: heat(domain=sn.Domain(t=(0, 1))), ModelError, ["the field u depends on x, which has no bounds", "sn.Domain(x=(0, 1), ...)"]),
    ("t without bounds", lambda: heat(domain=sn.Domain(x=(0, 1))), ModelError, ["depends on t, which has no bounds"]),
    ("a coordinate too many", lambda: heat(domain=sn.Domain(t=(0, 1), x=(0, 1), z=(0, 1))), ModelError, ["bounds for 'z', but no field depends on it", "Remove z=..."]),
    ("time under another name", lambda: equation(sn.Eq(sn.dt(u), uxx), domain=sn.Domain(tau=(0, 1), x=(0, 1))), ModelError, ["depends on t, which has no bounds in the domain (it has tau, x)"]),
    ("no time", lambda: equation(sn.Eq(sn.diff(sn.field("s", (x, y)), x, 2), 1), domain=sn.Domain(x=(0, 1), y=(0, 1))), ModelError, ["no field depends on time", 'time="x"']),
    ("ODE without an interval", lambda: sn.ODESystem([sn.Eq(sn.dt(q), -q)], initial={q: 1}), ModelError, ["needs the interval of time", "t=(0, 10)"]),
    ("ODE with space", lambda: sn.ODESystem([sn.Eq(sn.dt(u), -u)], domain=sn.Domain(t=(0, 1), x=(0, 1)), initial={u: 1}), ModelError, ["u depends on x", "sn.PDESystem(equations, domain="]),
]  # fmt: skip

INITIAL: list[Case] = [
    ("missing", lambda: heat(initial={}), ModelError, ["u has no initial value", "initial={u: sn.sin(x)}"]),
    ("missing velocity", lambda: equation(sn.Eq(sn.dt(u, 2), uxx)), ModelError, ["order 2 in time for u", "sn.dt(u) has no initial value", "sn.dt(u): 0"]),
    ("velocity too many", lambda: heat(initial={u: 0, sn.dt(u): 0}), ModelError, ["initial gives dt(u), but the equations are of order 1 in time for u"]),
    ("unknown field", lambda: heat(initial={u: 0, v: 0}), ModelError, ["the field 'v', which no equation determines (fields: u)"]),
    ("a parameter", lambda: heat(initial={u: 0, D: 0}), ModelError, ["the parameter 'D'"]),
    ("text key", lambda: heat(initial={"u": 0}), ModelError, ["names 'u' as text", "initial={u: ...}"]),
    ("text value", lambda: heat(initial={u: "sin(x)"}), ModelError, ["the initial value of u is the text 'sin(x)'", "initial={u: sn.sin(x)}"]),
    ("no mapping", lambda: heat(initial=[0]), ModelError, ["initial=[0] is no mapping", "initial={u: sn.sin(x)}"]),
    ("depends on time", lambda: heat(initial={u: sn.exp(-t) * x}), ModelError, ["depends on t; it is the value at the start"]),
    ("depends on a field", lambda: heat(initial={u: u + 1}), ModelError, ["holds the field u", "a formula in the coordinates"]),
    ("foreign coordinate", lambda: heat(initial={u: y}), ModelError, ["holds y, but u depends on t, x"]),
    ("space derivative", lambda: heat(initial={u: 0, sn.diff(u, x): 0}), ModelError, ["initial names dx(u)", "not of derivatives in space"]),
    ("NaN array", lambda: heat(initial={u: np.array([0.0, np.nan, 0.0])}), ModelError, ["holds 1 NaN or infinite values of 3", "np.nan_to_num"]),
    ("complex array", lambda: heat(initial={u: np.zeros(3, complex)}), ModelError, ["dtype complex128, expected real numbers", "astype(float)"]),
    ("object array", lambda: heat(initial={u: np.array(["a", "b"])}), ModelError, ["expected real numbers"]),
    ("wrong axes", lambda: heat(initial={u: np.zeros((3, 3))}), ModelError, ["has shape (3, 3), expected one axis a coordinate (x)"]),
    ("no finite value", lambda: heat(initial={u: sn.log(x - 0.5)}), ModelError, ["the initial value of u (log(-0.5 + x)) is nan at x = 0.166667", "sn.where(x > 0"]),
    ("ragged rows", lambda: heat(initial={u: [[1], [1, 2]]}), ModelError, ["the initial value of u is a list of rows of different lengths"]),
    ("empty array", lambda: heat(initial={u: np.zeros(0)}), ModelError, ["the initial array of u is empty"]),
    ("no value", lambda: heat(initial={u: None}), ModelError, ["the initial value of u is None of type NoneType, expected a term or a number", "initial={u: sn.sin(x)}"]),
    ("NaN number", lambda: heat(initial={u: float("nan")}), ModelError, ["the initial value of u", "NaN"]),
]  # fmt: skip

TEXTS: list[Case] = [
    ("python", lambda: formula("__import__('os').system('id')"), ParseError, ["equation 1, column", "not part of the grammar", "^"]),
    ("attribute", lambda: formula("u.__class__"), ParseError, ["the character '.' is not part of the grammar"]),
    ("lambda", lambda: formula("(lambda: 0)()"), ParseError, ["the character ':' is not part of the grammar"]),
    ("call of a builtin", lambda: formula("eval(u)"), ParseError, ["unknown function 'eval'"]),
    ("exec", lambda: formula("exec(open(u))"), ParseError, ["unknown function 'open'"]),
    ("index", lambda: formula("u[0]"), ParseError, ["the character '[' is not part of the grammar"]),
    ("string", lambda: formula('"u"'), ParseError, ["not part of the grammar"]),
    ("semicolon", lambda: formula("u; import os"), ParseError, ["the character ';'"]),
    ("walrus", lambda: formula("(u := 1)"), ParseError, ["the character ':'"]),
    ("huge power", lambda: formula("9^9^9^9*u"), ParseError, ["equation 1", "bits"]),
    ("deep nesting", lambda: formula("(" * 5000 + "u" + ")" * 5000), ParseError, ["nested deeper than"]),
    ("hostile domain", lambda: text(domain={"t": (0, 1), "x": (0, "__import__('os')")}), ParseError, ["a bound of x", "not part of the grammar"]),
    ("hostile place", lambda: text(conditions=["u = 0 @ x=0", "u = 0 @ x=exit()"]), ParseError, ["the place of condition", "unknown function 'exit'"]),
    ("hostile parameter", lambda: text(parameters={"D": "open('f')"}), ParseError, ["the value of the parameter D", "not part of the grammar"]),
    ("hostile name", lambda: text(parameters={"D": 1, "__import__('os')": 1}), ModelError, ["cannot name a parameter"]),
    ("unknown name", lambda: formula("DD*dxx(u)"), ParseError, ["equation 1, column 9: unknown name 'DD'", "Did you mean 'D'"]),
    ("unknown function", lambda: formula("sine(u)"), ParseError, ["unknown function 'sine'", "Did you mean 'sin'"]),
    ("unknown derivative", lambda: formula("dzz(u)"), ParseError, ["'dzz' is no derivative", "the coordinates t, x", "write e.g. dt(u)"]),
    ("ambiguous derivative", lambda: text(equations=["dt(u) = dxx(u)"], domain={"t": (0, 1), "x": (0, 1), "xx": (0, 1)}, conditions=["periodic x", "periodic xx"]), ParseError, ["'dxx' can be read as d(u, x, x) or d(u, xx)"]),
    ("juxtaposition", lambda: formula("D dxx(u)"), ParseError, ["equation 1, column 11", "multiplication is written with '*'"]),
    ("no equals sign", lambda: text(equations=["dt(u) + u"]), ParseError, ["equation 1", "'left = right'"]),
    ("two equals signs", lambda: text(equations=["dt(u) = u = 1"]), ParseError, ["found '='"]),
    ("unbalanced", lambda: formula("D*dxx(u"), ParseError, ["expected ')', found the end of the text"]),
    ("empty right side", lambda: formula(""), ParseError, ["expected a number, a name or '('", "the end of the text"]),
    ("running integral", lambda: formula("integral(u, (x, 0, x))"), ParseError, ["limit that moves", "sn.Eq(sn.diff(w, x), u)"]),
    ("integral along nothing", lambda: formula("integral(u)"), ParseError, ["write integral(u, x)"]),
    ("d as a name", lambda: formula("d*u"), ParseError, ["'d' is a function"]),
    ("d without a coordinate", lambda: formula("d(u)"), ParseError, ["write d(u, x) or d(u, x, 2)"]),
    ("order of d", lambda: formula("d(u, x, 1.5)"), ParseError, ["a whole number from 1 to 20"]),
    ("d along a parameter", lambda: formula("d(u, D)"), ParseError, ["differentiates along coordinates, not D"]),
    ("u as a function", lambda: formula("u(x)"), ParseError, ["'u' is not a function", "u*(...)"]),
    ("condition without a face", lambda: text(conditions=["u = 0"]), ParseError, ["condition 'u = 0' names no face", "'u = 0 @ x=0' or 'periodic x'"]),
    ("condition without spaces round @", lambda: text(conditions=["u = 0@x=0"]), ParseError, ["has no ' @ ' before 'x=0'", "write 'u = 0 @ x=0' or"]),
    ("condition without @", lambda: text(conditions=["u = 0 x=0"]), ParseError, ["has no ' @ ' before 'x=0'", "write 'u = 0 @ x=0' or"]),
    ("condition with a comma for @", lambda: text(conditions=["dx(u) + 2*u = sin(t), x = pi"]), ParseError, ["write 'dx(u) + 2*u = sin(t) @ x = pi' or"]),
    ("condition with at for @", lambda: text(conditions=["u = 0 at lower(x)"]), ParseError, ["write 'u = 0 @ lower(x)' or"]),
    ("field without an equation", lambda: text(fields={"w": "x"}), ModelError, ["fields declares 'w'", "occurs in no equation", "leave 'w' out"]),
    ("field with a misspelt name", lambda: text(fields={"uu": "t x"}), ModelError, ["fields declares 'uu'", "Did you mean 'u'?"]),
    ("condition on a foreign coordinate", lambda: text(conditions=["u = 0 @ z=0"]), ParseError, ["'z' is not a coordinate of the domain", "Spatial coordinates: x"]),
    ("condition at a time", lambda: text(conditions=["u = 0 @ t=0"]), ParseError, ["t is time", "initial"]),
    ("condition off the face", lambda: text(conditions=["u = 0 @ x=0", "u = 0 @ x=3"]), ModelError, ["x=3 is not a face of x in [0, pi]"]),
    ("a list as a place", lambda: text(conditions=["u = 0 @ x=(0, 1)"]), ModelError, ["the place of condition", "expected a term or a number", "'@ x=0'"]),
    ("periodic in nothing", lambda: text(conditions=["periodic"]), ParseError, ["names no coordinate", "'periodic x'"]),
    ("periodic in z", lambda: text(conditions=["periodic z"]), ParseError, ["'z' is not a coordinate"]),
    ("condition with an undeclared name", lambda: text(conditions=["u = a @ x=0", "u = 0 @ x=pi"]), ParseError, ["condition 'u = a @ x=0'", "unknown name 'a'"]),
    ("initial with an undeclared name", lambda: text(initial=["u = A*sin(x)"]), ParseError, ["initial 'u = A*sin(x)'", "unknown name 'A'"]),
    ("initial of an unknown field", lambda: text(initial=["u = 0", "uu = 0"]), ModelError, ["the field 'uu', which no equation determines", "Did you mean 'u'"]),
    ("initial twice", lambda: text(initial=["u = 0", "u = 1"]), ModelError, ["initial gives u twice", "keep one"]),
    ("an object among texts", lambda: text(equations=[sn.Eq(sn.dt(u), u)]), ModelError, ["expected text", "sn.PDESystem(...)"]),
    ("a name for two things", lambda: text(parameters={"D": 1, "x": 2}), ModelError, ["'x' stands for a coordinate and a parameter"]),
    ("a field on a foreign coordinate", lambda: text(fields={"u": "t z"}), ModelError, ["u depends on 'z', which is not in the domain (t, x)"]),
    ("a missing parameter value", lambda: text(parameters={"D": None}), ModelError, ["the parameter D has no value", '{"D": 1.0}']),
    ("a domain of text", lambda: text(domain="t=0..1"), ModelError, ["is no mapping", '{"t": (0, 1)']),
    ("one bound", lambda: text(domain={"t": 1, "x": (0, 1)}), ModelError, ["the bounds of t are 1, expected a pair"]),
]  # fmt: skip

GROUPS = {
    "conditions": CONDITIONS,
    "equations": EQUATIONS,
    "names": NAMES,
    "domain": DOMAIN,
    "initial": INITIAL,
    "texts": TEXTS,
}
CASES = [pytest.param(*case[1:], id=f"{group}: {case[0]}") for group, cases in GROUPS.items() for case in cases]


@pytest.mark.parametrize(("build", "kind", "parts"), CASES)
def test_answers_with_a_named_error(build: Callable[[], Any], kind: type[Exception], parts: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(kind) as caught:
            build()
    assert isinstance(caught.value, SymnumError)
    message = str(caught.value)
    for part in parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert len(message) < 700
    for internal in ("Need", "Parts", "Const(", "outward", "Traceback"):
        assert internal not in message


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 45


def test_the_sound_models_are_accepted() -> None:
    """The builders above fail for the reason under test alone."""
    assert heat().fields == (u,)
    assert [f.name for f in text().fields] == ["u"]


def test_a_parameter_with_the_name_of_a_field() -> None:
    with pytest.raises(ModelError, match="the name 'u' stands for a parameter and a field; rename one"):
        sn.PDESystem.from_text(
            equations=["dt(u) = D*dxx(u)"],
            domain={"t": (0, 1), "x": (0, 1)},
            conditions=["periodic x"],
            initial=["u = 1"],
            parameters={"D": 0.1, "u": 3},
        )
