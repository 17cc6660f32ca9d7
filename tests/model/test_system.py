"""PDESystem: what it holds, SymPy in, changes, conditions on faces, warnings, normal form."""

from __future__ import annotations

import dataclasses
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import sympy

import symnum as sn
from symnum.errors import ModelError, ModelWarning
from symnum.expr.term import Term
from symnum.model.normal_form import normal_form
from symnum.model.space import Face

t, x, y = sn.coordinates("t x y")
u, v = sn.fields("u v", (t, x))
D, c = sn.parameters(D=0.1, c=2.0)
LOW, HIGH = Face("x", "lower"), Face("x", "upper")
BOX = sn.Domain(t=(0, 1), x=(0, 1))


def residuals(system: Any, face: Face) -> list[Term]:
    return [row.residual for row in system.face_conditions[face]]


def brusselator() -> Any:
    p, q = sn.fields("u v", (t, x, y))
    alpha, a, b = sn.parameters(alpha=0.1, a=3.4, b=1.0)
    forcing = sn.where((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.01, 5.0, 0.0) * (t >= 1.1)
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(p), b + p**2 * q - (a + 1) * p + alpha * sn.laplacian(p) + forcing),
            sn.Eq(sn.dt(q), a * p - p**2 * q + alpha * sn.laplacian(q)),
        ],
        domain=sn.Domain(t=(0, 11.5), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={p: 22 * (y * (1 - y)) ** 1.5, q: 27 * (x * (1 - x)) ** 1.5},
        name="brusselator",
    )


def wave(**changes: Any) -> Any:
    parts: dict[str, Any] = {
        "equations": [sn.Eq(sn.dt(u, 2), c**2 * sn.diff(u, x, 2) - D * sn.dt(u))],
        "domain": BOX,
        "conditions": [sn.dirichlet(u, sn.sin(t), at={x: 0}), sn.neumann(u, t**2, at={x: 1})],
        "initial": {u: 0, sn.dt(u): x * (1 - x)},
    }
    return sn.PDESystem(**(parts | changes))


def test_what_a_system_holds() -> None:
    system = brusselator()
    assert [f.name for f in system.fields] == ["u", "v"]
    assert (system.time, system.space) == (t, (x, y))
    assert system.parameters == {"a": 3.4, "alpha": 0.1, "b": 1.0}
    assert system.parameter_symbols["a"] is sn.parameter("a", 3.4)
    assert system.periodic == {"x": 1, "y": 1}
    assert system.face_conditions == {}
    assert system.name == "brusselator"
    assert "PDESystem 'brusselator': u, v on (t, x, y)" in repr(system)
    with pytest.raises(dataclasses.FrozenInstanceError):
        system.name = "other"


def test_fields_come_in_order_of_first_appearance() -> None:
    a, b, d = sn.fields("a b d", (t,))
    system = sn.ODESystem(
        [sn.Eq(sn.dt(d), a), sn.Eq(sn.dt(b), d), sn.Eq(sn.dt(a), b)], t=(0, 1), initial={a: 1, b: 1, d: 1}
    )
    assert system.fields == (d, b, a)


def test_with_parameters_changes_the_values_alone() -> None:
    system = brusselator()
    other = system.with_parameters(a=4)
    assert other.parameters == {"a": 4.0, "alpha": 0.1, "b": 1.0}
    assert system.parameters["a"] == 3.4
    assert other.equations is system.equations
    assert type(other) is type(system)


def test_parameters_argument_overrides_defaults_by_name_or_symbol() -> None:
    base: dict[str, Any] = {
        "equations": [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))],
        "domain": BOX,
        "conditions": [sn.periodic(x)],
        "initial": {u: 1},
    }
    assert sn.PDESystem(**base, parameters={"D": 3}).parameters == {"D": 3.0}
    assert sn.PDESystem(**base, parameters={D: np.float64(4)}).parameters == {"D": 4.0}


def test_replace_validates_again() -> None:
    system = wave()
    longer = system.replace(domain=sn.Domain(t=(0, 5), x=(0, 1)))
    assert longer.domain.bounds["t"] == (0.0, 5.0)
    assert longer.face_conditions == system.face_conditions
    assert system.replace(name="string").name == "string"
    assert system.with_parameters(c=5).replace(name="s").parameters == {"D": 0.1, "c": 5.0}
    with pytest.raises(ModelError, match="x=1 is not a face of x in \\[0, 2\\]"):
        system.replace(domain=sn.Domain(t=(0, 1), x=(0, 2)))


def test_ode_system() -> None:
    a = sn.field("a", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(a), -c * a)], t=(0, 10), initial={a: 1.0}, name="decay")
    assert system.space == ()
    assert system.domain.bounds == {"t": (0.0, 10.0)}
    assert isinstance(system, sn.PDESystem)
    assert isinstance(system.replace(initial={a: 2.0}), sn.ODESystem)
    tau = sn.coordinates("tau", time="tau")
    b = sn.field("b", (tau,))
    assert sn.ODESystem([sn.Eq(sn.dt(b), -b)], t=(0, 1), initial={b: 1}).domain.time == "tau"


def test_pickle() -> None:
    system = pickle.loads(pickle.dumps(brusselator()))
    assert system.equations == brusselator().equations
    assert system.fields == brusselator().fields


# --- SymPy ------------------------------------------------------------


def test_sympy_model_equals_the_native_one() -> None:
    st, sx, sD, sc = sympy.symbols("t x D c")
    f = sympy.Function("u")(st, sx)
    system = sn.PDESystem(
        [sympy.Eq(f.diff(st), sD * f.diff(sx, 2) - sc * sympy.sin(sx) * f)],
        sn.Domain(t=(0, 1), x=(0, sympy.pi)),
        [sn.dirichlet(f, sympy.exp(-st) - 1, at={sx: 0}), sn.condition(sympy.Eq(f, 0), at={sx: sympy.pi})],
        {f: sympy.sin(sx)},
        {"D": 0.1, sc: 2.0},
    )
    native = sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2) - c * sn.sin(x) * u)],
        sn.Domain(t=(0, 1), x=(0, sn.pi)),
        [sn.dirichlet(u, sn.exp(-t) - 1, at={x: 0}), sn.dirichlet(u, 0, at={x: sn.pi})],
        {u: sn.sin(x)},
    )
    assert system.fields == native.fields
    assert system.parameters == native.parameters
    assert {str(e) for e in system.equations} == {str(e) for e in native.equations}
    assert system.initial == native.initial
    assert residuals(system, LOW) == residuals(native, LOW)
    assert residuals(system, HIGH) == residuals(native, HIGH)


def test_plain_symbols_are_matched_by_name() -> None:
    """An equation with our fields and SymPy parameters, or with ``sn.symbol``, uses what is declared under the name."""
    equation = sn.Eq(sn.dt(u), sympy.Symbol("D") * sn.diff(u, x, 2) + sn.symbol("x"))
    system = sn.PDESystem([equation], BOX, [sn.periodic(x)], {u: 1}, {"D": 2.0})
    assert system.parameters == {"D": 2.0}
    assert x in system.equations[0].rhs.args


# --- conditions ------------------------------------------------------------


def heat(*conditions: Any, initial: Any = 0) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        return sn.PDESystem([sn.Eq(sn.dt(u), sn.diff(u, x, 2))], BOX, conditions, {u: initial})


def test_normal_derivatives_point_outward() -> None:
    system = heat(sn.neumann(u, 3 * t, at={x: 0}), sn.neumann(u, 5, at=sn.upper(x)))
    assert residuals(system, LOW) == [-sn.diff(u, x) - 3 * t]
    assert residuals(system, HIGH) == [sn.diff(u, x) - 5]
    system = heat(sn.robin(u, 2, D, t, at=sn.lower(x)), sn.robin(u, 2, D, t, at={x: 1}))
    assert residuals(system, LOW) == [2 * u - D * sn.diff(u, x) - t]
    assert residuals(system, HIGH) == [2 * u + D * sn.diff(u, x) - t]


def test_general_conditions_are_in_any_arrangement() -> None:
    system = heat(sn.condition(sn.Eq(sn.diff(u, x), -2 * u), at={x: 0}), sn.condition(sn.Eq(1, u), at={x: 1}))
    assert residuals(system, LOW) == [sn.diff(u, x) + 2 * u]
    assert residuals(system, HIGH) == [1 - u]
    assert all(row.field is u for rows in system.face_conditions.values() for row in rows)


def test_the_face_coordinate_is_put_in_place_outside_derivatives() -> None:
    system = heat(
        sn.dirichlet(u, sn.exp(-t) * (x + 3), at={x: 0}), sn.condition(sn.Eq(sn.diff(x * u, x), x), at={x: 1})
    )
    assert residuals(system, LOW) == [u - 3 * sn.exp(-t)]
    assert residuals(system, HIGH) == [u + sn.diff(u, x) - 1]


def test_coupled_conditions_are_given_to_the_field_that_lacks_one() -> None:
    equations = [sn.Eq(sn.dt(u), sn.diff(u, x, 2)), sn.Eq(sn.dt(v), sn.diff(v, x, 2))]
    conditions = [
        sn.condition(sn.Eq(u - v, 0), at={x: 0}),
        sn.condition(sn.Eq(sn.diff(u, x) + sn.diff(v, x), 0), at={x: 0}),
        sn.dirichlet(u, 0, at={x: 1}),
        sn.dirichlet(v, 0, at={x: 1}),
    ]
    system = sn.PDESystem(equations, BOX, conditions, {u: 0, v: 0})
    assert {row.field for row in system.face_conditions[LOW]} == {u, v}


@pytest.mark.parametrize("low", [1, 2])
def test_odd_orders_take_one_more_condition_at_either_end(low: int) -> None:
    """KdV: 1 + 2 or 2 + 1 conditions."""
    conditions = [
        sn.dirichlet(u, 0, at={x: 0}),
        sn.dirichlet(u, 0, at={x: 1}),
        sn.neumann(u, 0, at={x: 0 if low == 2 else 1}),
    ]
    system = sn.PDESystem([sn.Eq(sn.dt(u), -6 * u * sn.diff(u, x) - sn.diff(u, x, 3))], BOX, conditions, {u: 0})
    assert len(system.face_conditions[LOW]) == low


@pytest.mark.parametrize("place", [0, 1])
def test_advection_takes_one_condition_at_either_face(place: int) -> None:
    speed = 1 - 2 * place
    system = sn.PDESystem([sn.Eq(sn.dt(u), -speed * sn.diff(u, x))], BOX, [sn.dirichlet(u, 0, at={x: place})], {u: 0})
    assert list(system.face_conditions) == [(LOW, HIGH)[place]]


def test_mixed_sides_in_two_dimensions() -> None:
    p = sn.field("p", (t, x, y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(p), sn.laplacian(p))],
        sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        [sn.antiperiodic(y), sn.dirichlet(p, 0, at={x: 0}), sn.neumann(p, 0, at={x: 1})],
        {p: 0},
    )
    assert system.periodic == {"y": -1}
    assert set(system.face_conditions) == {LOW, HIGH}


# --- initial data ------------------------------------------------------------


def test_initial_arrays_functions_and_lists_are_kept() -> None:
    values = np.linspace(0, 1, 9, dtype=np.float32)
    assert heat(sn.periodic(x), initial=values).initial[u].dtype == np.float64
    assert heat(sn.periodic(x), initial=[1, 2, 3]).initial[u].tolist() == [1.0, 2.0, 3.0]
    assert heat(sn.periodic(x), initial=np.sin).initial[u] is np.sin
    assert heat(sn.periodic(x), initial=np.float64(2)).initial[u] == sn.rational(2) + 0.0


def test_contradiction_with_a_boundary_condition_warns() -> None:
    with pytest.warns(
        ModelWarning, match=r"contradicts the boundary condition 'u = 0 @ x=0': at the start they differ by 1\b"
    ):
        sn.PDESystem(
            [sn.Eq(sn.dt(u), sn.diff(u, x, 2))],
            BOX,
            [sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
            {u: sn.cos(2 * sn.pi * x)},
        )
    with pytest.warns(ModelWarning, match=r"'dx\(u\) = 0 @ x=1'"):
        sn.PDESystem(
            [sn.Eq(sn.dt(u), sn.diff(u, x, 2))],
            BOX,
            [sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
            {u: sn.sin(sn.pi * x)},
        )
    with pytest.warns(
        ModelWarning, match="x is periodic, but the initial condition u = x differs by 1 between x=0 and x=1"
    ) as caught:
        sn.PDESystem([sn.Eq(sn.dt(u), sn.diff(u, x, 2))], BOX, [sn.periodic(x)], {u: x})
    assert caught[0].filename == __file__


def test_ill_posed_models_warn() -> None:
    with pytest.warns(
        ModelWarning, match=r"diffusion of u along x is -D = -0\.1 < 0: backward diffusion is ill-posed"
    ) as caught:
        sn.PDESystem([sn.Eq(sn.dt(u), -D * sn.diff(u, x, 2))], BOX, [sn.periodic(x)], {u: 1})
    assert caught[0].filename == __file__
    message = (
        r"speed c = 2, so it enters at lower\(x\); the condition 'u = 0 @ x=1' is at the outflow.* Write at=\{x: 0\}"
    )
    with pytest.warns(ModelWarning, match=message):
        sn.PDESystem([sn.Eq(sn.dt(u), -c * sn.diff(u, x))], BOX, [sn.dirichlet(u, 0, at={x: 1})], {u: 0})


def test_consistent_models_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        brusselator()
        wave()
        kuramoto = -u * sn.diff(u, x) - sn.diff(u, x, 2) - sn.diff(u, x, 4)
        sn.PDESystem([sn.Eq(sn.dt(u), kuramoto)], BOX, [sn.periodic(x)], {u: sn.cos(2 * sn.pi * x)})
        sn.PDESystem([sn.Eq(sn.dt(u), sn.diff(u, x, 2))], BOX, [sn.antiperiodic(x)], {u: sn.cos(sn.pi * x)})
        k = sn.parameter("k", 3.0)
        sn.PDESystem(
            [sn.Eq(sn.dt(u), sn.diff(u, x, 2))],
            BOX,
            [sn.dirichlet(u, k + t, at={x: 0}), sn.neumann(u, 2, at={x: 1})],
            {u: k + x**2},
        )


# --- normal form ------------------------------------------------------------


def test_rates_keep_flux_form_and_parameters() -> None:
    flux = sn.diff(u**2 / 2, x)
    system = sn.PDESystem([sn.Eq(flux, D * sn.diff(u, x, 2) - 2 * sn.dt(u))], BOX, [sn.periodic(x)], {u: 1})
    form = normal_form(system)
    assert form.fields == (u,)
    assert sympy.expand((form.rates[u] - (D * sn.diff(u, x, 2) - flux) / 2).to_sympy().doit()) == 0
    assert any(node.op == "derivative" and node.args[0] is u**2 for node in _nodes(form.rates[u]))
    assert form.origin[u] == "equation 1"


def _nodes(term: Term) -> list[Term]:
    from symnum.expr.walk import postorder

    return list(postorder((term,)))


def test_second_order_in_time_gets_a_velocity() -> None:
    form = normal_form(wave())
    first, velocity = form.fields
    assert (first, velocity.name) == (u, "u_t")
    assert form.rates[u] is velocity
    assert form.rates[velocity] is c**2 * sn.diff(u, x, 2) - D * velocity
    assert form.initial == {u: 0 * u, velocity: x * (1 - x)}
    assert form.face_conditions[LOW] == ((u, u - sn.sin(t)), (velocity, velocity - sn.cos(t)))
    assert form.face_conditions[HIGH] == ((u, sn.diff(u, x) - t**2), (velocity, sn.diff(velocity, x) - 2 * t))


def test_strong_damping_acts_on_the_velocity() -> None:
    system = wave(equations=[sn.Eq(sn.dt(u, 2), sn.diff(u, x, 2) + D * sn.dt(sn.diff(u, x, 2)))])
    form = normal_form(system)
    assert form.rates[form.fields[1]] is sn.diff(u, x, 2) + D * sn.diff(form.fields[1], x, 2)


def test_a_condition_that_needs_the_rate_of_another_field_is_refused() -> None:
    equations = [sn.Eq(sn.dt(u, 2), sn.diff(u, x, 2)), sn.Eq(sn.dt(v), -v)]
    with pytest.raises(ModelError, match=r"'u = v @ x=0' holds v, whose time derivative would be needed on the face"):
        sn.PDESystem(
            equations,
            BOX,
            [sn.dirichlet(u, v, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
            {u: 0, sn.dt(u): 0, v: 0},
        )


def test_velocity_avoids_taken_names() -> None:
    other = sn.field("u_t", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u, 2), sn.diff(u, x, 2)), sn.Eq(sn.dt(other), 1)],
        BOX,
        [sn.periodic(x)],
        {u: 1, sn.dt(u): 0, other: 0},
    )
    assert [f.name for f in normal_form(system).fields] == ["u", "u_t_", "u_t"]


def test_coupled_rates_are_solved_together() -> None:
    a, b = sn.fields("a b", (t,))
    system = sn.ODESystem(
        [sn.Eq(2 * sn.dt(a) + sn.dt(b), a), sn.Eq(sn.dt(a) - sn.dt(b), b)], t=(0, 1), initial={a: 1, b: 1}
    )
    rates = normal_form(system).rates
    assert sympy.simplify(rates[a].to_sympy() - (a + b).to_sympy() / 3) == 0
    assert sympy.simplify(rates[b].to_sympy() - (a - 2 * b).to_sympy() / 3) == 0


def test_chain_rule_in_time() -> None:
    a = sn.field("a", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(a**2), t)], t=(0, 1), initial={a: 1})
    assert sympy.simplify(normal_form(system).rates[a].to_sympy() - (t / (2 * a)).to_sympy()) == 0


def test_algebraic_equations_find_their_field() -> None:
    a, b, d = sn.fields("a b d", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(a), b), sn.Eq(0, b + d), sn.Eq(b, a)], t=(0, 1), initial={a: 1})
    form = normal_form(system)
    assert set(form.algebraic) == {b, d}
    assert form.algebraic[b] is b - a
    assert form.fields == (a, b, d)


def test_cost_stays_linear_in_the_number_of_equations() -> None:
    """A network of 400 states in well under a second."""
    import time

    n = 400
    states = sn.fields(" ".join(f"s{i}" for i in range(n)), (t,))
    equations = [sn.Eq(sn.dt(s), states[i - 1] * states[(i + 5) % n] - s) for i, s in enumerate(states)]
    start = time.process_time()
    system = sn.ODESystem(equations, t=(0, 1), initial=dict.fromkeys(states, 1.0))
    assert len(normal_form(system).rates) == n
    assert time.process_time() - start < 1.5
