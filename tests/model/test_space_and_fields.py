"""Coordinates, domains, faces, fields, parameters and vectors."""

from __future__ import annotations

import math
import pickle

import pytest
import sympy

import symnum as sn
from symnum.errors import ModelError
from symnum.expr.calculus import expand_derivatives
from symnum.model.space import Face
from symnum.model.vector import Vector, curl, vector_field

t, x, y, z = sn.coordinates("t x y z")


def test_one_name_gives_the_symbol_itself() -> None:
    assert sn.coordinates("x") is x
    assert sn.coordinates("t, x") == (t, x)
    assert sn.fields("u", (t, x)) is sn.field("u", (t, x))
    assert sn.parameters(a=2.0) is sn.parameter("a", 2.0)
    assert sn.parameters(a=1, b=2) == (sn.parameter("a", 1.0), sn.parameter("b", 2.0))
    assert [s.name for s in sn.parameters("a b")] == ["a", "b"]


def test_time_is_the_coordinate_named_t_or_the_one_that_is_said_to_be() -> None:
    assert (t.info.role, x.info.role) == ("time", "space")
    tau, s = sn.coordinates("tau s", time="tau", units={"tau": "s"})
    assert (tau.info.role, s.info.role, tau.info.units) == ("time", "space", "s")
    assert sn.coordinates("t x", units="s m")[1].info.units == "m"


def test_domain_keeps_exact_and_float_bounds() -> None:
    domain = sn.Domain(t=(0, 1), x=(0, 2 * sn.pi))
    assert domain.bounds == {"t": (0.0, 1.0), "x": (0.0, 2 * math.pi)}
    assert domain.exact["x"][1] is 2 * sn.pi
    assert domain.time == "t"
    assert domain == sn.Domain({t: (0, 1), x: (0, 2 * sn.pi)})
    assert domain.length("x") == 2 * math.pi
    assert domain.location(sn.upper(x)) is 2 * sn.pi
    assert pickle.loads(pickle.dumps(domain)) == domain
    assert hash(domain) == hash(sn.Domain(t=(0, 1), x=(0, 2 * sn.pi)))
    assert repr(domain) == "Domain(t=(0, 1), x=(0, 2*pi))"
    assert sn.Domain(tau=(0, 1), time="tau").time == "tau"
    assert sn.Domain(time=(0, 1), x=(0, 1)).time == "time"
    assert sn.Domain(x=(0, sympy.pi)).exact["x"][1] is sn.pi


def test_faces() -> None:
    assert sn.lower(x) == Face("x", "lower") == sn.lower("x")
    assert (sn.lower(x).outward, sn.upper(x).outward) == (-1, 1)
    assert str(sn.upper(x)) == "upper(x)"
    with pytest.raises(ModelError, match="t is time"):
        sn.lower(t)
    with pytest.raises(ModelError, match=r"sn\.lower takes a coordinate, got the expression 2\*x"):
        sn.lower(2 * x)


def test_vector_calculus_agrees_with_sympy() -> None:
    """Identities and a chosen function, against SymPy's derivatives."""
    f = sn.sin(x * y) + z**3 * x
    fs = f.to_sympy()
    xs = sympy.symbols("x y z")
    for component, c in zip(sn.grad(f), xs, strict=True):
        assert sympy.simplify(component.to_sympy() - fs.diff(c)) == 0
    assert sympy.simplify(sn.laplacian(f).to_sympy() - sum(fs.diff(c, 2) for c in xs)) == 0
    assert sn.div(sn.grad(f)) is sn.laplacian(f)


def test_vector_identities_on_fields() -> None:
    u = sn.field("u", (t, x, y, z))
    w = vector_field("w", (t, x, y, z))
    assert [c.name for c in w] == ["w_x", "w_y", "w_z"]
    assert w[x] is w[0]
    assert all(part is sn.dt(c) for part, c in zip(sn.dt(w), w, strict=True))
    assert sn.div(curl(w)) == 0 * u
    assert all(part == 0 * u for part in curl(sn.grad(u)))
    assert sn.div(sn.grad(u)) is sn.laplacian(u)
    assert sn.laplacian(w)[1] is sn.laplacian(w[1])
    plane = vector_field("v", (t, x, y))
    assert curl(plane) is sn.diff(plane[1], x) - sn.diff(plane[0], y)
    product = expand_derivatives(sn.div(u * sn.grad(u)) - u * sn.laplacian(u) - sn.grad(u).dot(sn.grad(u)))
    assert sympy.expand(product.to_sympy()) == 0


def test_vector_arithmetic() -> None:
    u = sn.field("u", (t, x, y))
    g = sn.grad(u)
    assert (2 * g)[0] is 2 * g[0]
    assert (g * 2 - g - g)[1] == 0 * u
    assert (g / 2 + g / 2)[1] is g[1]
    assert (-g)[0] is -g[0]
    assert len(g) == 2
    assert isinstance(u * g, Vector)
    with pytest.raises(ModelError, match="between a vector and 1"):
        g + 1
    with pytest.raises(ModelError, match=r"v\.dot\(w\)"):
        g * g
    with pytest.raises(ModelError, match="no component along z"):
        g[z]
    with pytest.raises(IndexError):
        g[2]


def test_dt_takes_an_order() -> None:
    u = sn.field("u", (t, x))
    assert sn.dt(u, 2) is sn.diff(u, t, 2)
    with pytest.raises(ModelError, match="order of a derivative"):
        sn.dt(u, 1.5)  # type: ignore[arg-type]


def test_units_belong_to_the_identity() -> None:
    assert sn.parameter("k", 2.0, units="W/m/K") is not sn.parameter("k", 2.0)
    assert sn.field("T", (t, x), units="K").info.units == "K"
    assert sn.parameter("c", sn.pi / 2).info.default == math.pi / 2
