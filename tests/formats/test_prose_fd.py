"""PROSE tokens of equations in two and three dimensions: the rows of the reference's code, round trips, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.expr.calculus import expand_derivatives
from symnum.expr.walk import symbols
from symnum.model.vector import Vector

t, x, y, z = sn.coordinates("t x y z")
U, F = (sn.vector_field(name, (t, x, y)) for name in "UF")
u, v, w, p, c, h, b, density = sn.fields("u v w p c h b rho", (t, x, y))
sigma = [[sn.field(f"sigma_{i}{j}", (t, x, y)) for j in "xy"] for i in "xy"]
rho, eta, zeta, g = sn.parameters(rho=1.2, eta=-0.01, zeta=0.1, g=9.81)
SQUARE = {"t": (0, 1), "x": (0, 1), "y": (0, 1)}
AROUND = [sn.periodic(x), sn.periodic(y)]
SIDES = [(s, e) for s in (x, y) for e in (0, 1)]


def momentum(mass, *more):
    """mass (dU/dt + U.grad U) + grad p + eta laplacian U + more = 0; the rows have this sign before the viscosity."""
    parts = [
        mass * (sn.dt(a) + U.dot(sn.grad(a))) + sn.diff(p, s) + eta * sn.laplacian(a)
        for a, s in zip(U, (x, y), strict=True)
    ]
    return [sn.Eq(q + sum(m[k] for m in more), 0) for k, q in enumerate(parts)]


def shallow(k):
    """The row has k = 1/2 before the momentum's flux; the shallow-water equations have 1."""
    flux = 0.5 * g * h**2
    return [
        sn.Eq(sn.dt(h) + sn.div(h * U), 0),
        *(
            sn.Eq(sn.dt(h * a) + sn.div(k * h * a * U) + sn.diff(flux, s) + g * h * sn.diff(b, s), 0)
            for a, s in zip(U, (x, y), strict=True)
        ),
    ]


def compressible():
    bulk = [(zeta + eta / 3) * q for q in sn.grad(sn.div(U))]
    energy = 1.5 * p + 0.5 * density * U.dot(U)
    work = Vector(tuple(sum(U[j] * sigma[i][j] for j in (0, 1)) for i in (0, 1)), (x, y))
    flux = (2.5 * p + 0.5 * density * U.dot(U)) * U - work
    return [
        *momentum(density, bulk),
        sn.Eq(sn.dt(density) + sn.div(density * U), 0),
        sn.Eq(sn.dt(energy) + sn.div(flux), 0),
    ]


STILL = sn.Eq(sn.div(U), 0)
SMOKE = sn.Eq(sn.dt(c) + U.dot(sn.grad(c)), 0)
FLOW = "add mul rho add dt U mul U D U add D p "
ROWS = {  # tree_... of the reference's generators.py, as its encoder writes them
    "cfdbench": (
        FLOW + "mul eta D2 U | diverg U -- U dirichlet_irreg",
        [*momentum(rho), STILL],
        {"U": "dirichlet_irreg"},
    ),
    "incom_ns": (
        FLOW + "add mul eta D2 U F | diverg U | add dt c mul U D c -- U dirichlet",
        [*momentum(rho, F), STILL, SMOKE],
        {"U": "dirichlet"},
    ),
    "incom_ns_arena": (
        FLOW + "add mul eta D2 U F | diverg U | add dt c mul U D c -- U dirichlet c neumann",
        [*momentum(rho, F), STILL, SMOKE],
        {"U": "dirichlet", "c": "neumann"},
    ),
    "incom_ns_arena_u": (
        FLOW + "add mul eta D2 U + N500 E-3 | diverg U | add dt c mul U D c -- U dirichlet c neumann",
        [*momentum(rho, (0.5, 0.5)), STILL, SMOKE],
        {"U": "dirichlet", "c": "neumann"},
    ),
    "shallow_water": (
        "add dt h diverg mul h U | add add dt mul h U diverg add mul + N500 E-3 mul h mul U U "
        "mul + N500 E-3 mul g mul h h mul mul g h D b",
        shallow(0.5),
        {},
    ),
    "com_ns": (
        FLOW + "add mul eta D2 U mul add zeta div eta 3 D diverg U | add dt rho diverg mul rho U | "
        "add dt add mul + N150 E-2 p mul + N500 E-3 mul rho mul v v "
        "diverg sub mul add mul + N250 E-2 p mul + N500 E-3 mul rho mul v v U mul U sigma -- U periodic",
        compressible(),
        {"U": "periodic"},
    ),
}


def assert_same(first, second):
    """Residuals of smooth fields agree at a point, up to signs and the order of the equations."""

    def values(equations):
        found = []
        for e in equations:
            residual = expand_derivatives(e.residual)
            smooth = {f: _smooth(f.name) for f in symbols(residual) if f.kind == "field"}
            term = expand_derivatives(sn.substitute(residual, smooth))
            numbers = {s: s.info.default for s in symbols(term) if s.kind == "parameter"}
            found.append(abs(float(sn.substitute(term, {t: 0.1, x: 0.3, y: 0.4, z: 0.2} | numbers).value)))
        return sorted(found)

    assert values(second) == pytest.approx(values(first), rel=1e-9)


def _smooth(name):
    k = 1 + sum(map(ord, name)) % 11 / 10
    return 1 + sn.sin(k * x - 0.7 * y + 0.3 * t + k * z) / 3


VALUES = {"rho": 1.2, "eta": -0.01, "zeta": 0.1, "g": 9.81}


def again(record, **options):
    values = {name: VALUES[name] for name in record.words.values() if name in VALUES and name not in record.variables}
    return sn.read(record, "prose", coordinates=(t, x, y), values=values, **options)


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_the_reference(name):
    row, equations, boundary = ROWS[name]
    record = sn.export(equations, "prose", dialect="fd", symbolic=True, boundary=boundary)
    assert record.text == row
    assert record.max_rounding_error == 0
    back = again(record)
    assert sn.export(back, "prose", symbolic=True, boundary=boundary).text == row
    assert_same(equations, back)


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_read_as_text(name):
    row, _, boundary = ROWS[name]
    back = sn.read(row, "prose", dialect="fd", coordinates=(t, x, y))
    assert sn.export(back, "prose", symbolic=True, boundary=boundary).text == row


def test_parameters_are_numbers_unless_asked_for():
    record = sn.export([*momentum(rho), STILL], "prose", symbolic=["rho"])
    assert record.text == "add mul rho add dt U mul U D U sub D p mul + N100 E-4 D2 U | diverg U"
    assert record.words == {"U": "U", "p": "p", "rho": "rho"}
    assert record.variables == ("U", "p")


def plane(equations, conditions, initial, **options):
    return sn.PDESystem(equations, domain=sn.Domain(**SQUARE), conditions=conditions, initial=initial, **options)


def burgers():
    rates = [-u * sn.diff(a, x) - v * sn.diff(a, y) + 0.01 * sn.laplacian(a) for a in (u, v)]
    conditions = [sn.dirichlet(a, 0, at={s: e}) for a in (u, v) for s, e in SIDES]
    return plane([sn.Eq(sn.dt(a), r) for a, r in zip((u, v), rates, strict=True)], conditions, {u: 0, v: 0})


def one(rate, conditions=AROUND, top=None):
    return plane(
        [sn.Eq(sn.dt(u) if top is None else top, rate)], conditions, {u: 0} | ({sn.dt(u): 0} if top is not None else {})
    )


SYSTEMS = {
    "add dt u add mul v dy u sub mul u dx u mul + N100 E-4 D2 u | "
    "add dt v add mul v dy v sub mul u dx v mul + N100 E-4 D2 v -- u dirichlet v dirichlet": burgers,
    "sub dt dt u mul 4 D2 u -- u neumann": lambda: one(
        4 * sn.laplacian(u), [sn.neumann(u, 0, at={s: e}) for s, e in SIDES], sn.dt(u, 2)
    ),
    "sub sub dt u diverg mul add 1 mul u u D u mul u sub 1 u -- u periodic": lambda: one(
        sn.div((1 + u**2) * sn.grad(u)) + u * (1 - u)
    ),
    "add dt u sub mul - N300 E-3 mul D u D u D2 u -- u periodic": lambda: one(
        sn.laplacian(u) + 0.3 * sn.grad(u).dot(sn.grad(u))
    ),
    "add dt u add D2 u sub mul + N100 E-4 D2 D2 u D2 mul u mul u u -- u periodic": lambda: one(
        sn.laplacian(u**3 - u - 0.01 * sn.laplacian(u))
    ),
    "add dt u add mul - N200 E-3 dy dy u sub mul - N100 E-3 dx dx u mul x sin u -- u periodic": lambda: one(
        0.1 * sn.diff(u, x, 2) + 0.2 * sn.diff(u, y, 2) + x * sn.sin(u)
    ),
    "add dt h diverg mul h U | add dt U add mul U D U add mul + N981 E-2 D b mul + N981 E-2 D h -- U periodic": lambda: (
        plane(
            [
                sn.Eq(sn.dt(h), -sn.div(h * U)),
                *(
                    sn.Eq(sn.dt(a), -U.dot(sn.grad(a)) - g * sn.diff(h, s) - g * sn.diff(b, s))
                    for a, s in zip(U, (x, y), strict=True)
                ),
                sn.Eq(sn.dt(b), 0),  # the ground is known to the others: it has no equation among the tokens
            ],
            AROUND,
            {h: 1, U[0]: 0, U[1]: 0, b: sn.sin(2 * sn.pi * x)},
        )
    ),
    "add dt rho diverg mul rho U | sub add dt mul rho U diverg add mul rho mul U U mul + N500 E-3 rho "
    "mul + N100 E-4 D2 U -- U periodic": lambda: plane(
        [
            sn.Eq(sn.dt(density) + sn.div(density * U), 0),
            *(
                sn.Eq(sn.dt(density * a) + sn.div(density * a * U) + sn.diff(0.5 * density, s), 0.01 * sn.laplacian(a))
                for a, s in zip(U, (x, y), strict=True)
            ),
        ],
        AROUND,
        {density: 1, U[0]: 0, U[1]: 0},
    ),
}


@pytest.mark.parametrize("tokens", SYSTEMS)
def test_systems_go_both_ways(tokens):
    system = SYSTEMS[tokens]()
    record = sn.export(system, "prose")
    assert record.text == tokens
    assert record.dialect == "fd"
    back = sn.read(record, "prose")
    assert sn.export(back, "prose").text == tokens
    assert_same(system.equations, back.equations)


def test_flow_in_three_dimensions():
    space = (t, x, y, z)
    V, q = sn.vector_field("V", space), sn.field("p", space)
    equations = [
        *(
            sn.Eq(sn.dt(a) + V.dot(sn.grad(a)) + sn.diff(q, s), 0.02 * sn.laplacian(a) + 0.05 * sn.diff(sn.div(V), s))
            for a, s in zip(V, (x, y, z), strict=True)
        ),
        sn.Eq(sn.dt(q) + sn.div(q * V), sn.laplacian(sn.laplacian(q))),
    ]
    record = sn.export(equations, "prose")
    assert record.text == (
        "add dt V add mul V D V add D p sub mul - N200 E-4 D2 V mul + N500 E-4 D diverg V | sub add dt p diverg mul p V D2 D2 p"
    )
    back = sn.read(record, "prose", coordinates=space)
    assert sn.export(back, "prose").tokens == record.tokens
    assert_same(equations, back)


def test_names_that_are_no_words():
    wind, smoke = sn.vector_field("wind", (t, x, y)), sn.field("smoke", (t, x, y))
    equations = [
        sn.Eq(sn.dt(smoke) + wind.dot(sn.grad(smoke)), 0),
        *(sn.Eq(sn.dt(a), sn.laplacian(a)) for a in wind),
    ]
    record = sn.export(equations, "prose")
    assert record.text == "add dt u_0 mul U D u_0 | sub dt U D2 U"
    assert record.words == {"u_0": "smoke", "U": "wind"}
    assert_same(equations, again(record))
    chosen = sn.export(equations, "prose", words={"smoke": "c", "wind": "V"})
    assert chosen.text == "add dt c mul V D c | sub dt V D2 V"
    named = sn.read(chosen.text, "prose", dialect="fd", coordinates=(t, x, y), names={"c": "smoke", "V": "wind"})
    assert_same(equations, named)


def test_text_with_a_domain_solves():
    """A wave of concentration carried along and smoothed: exp(-8 pi^2 eta t) sin(2 pi (x + y - 2 t))."""
    system = sn.read(
        "add dt c sub diverg mul c U mul eta D2 c -- c periodic",
        "prose",
        dialect="fd",
        domain=sn.Domain(t=(0, 0.1), x=(0, 1), y=(0, 1)),
        initial=["c = sin(2*pi*(x + y))", "U_x = 1", "U_y = 1"],
        unknowns=["c"],
        values={"eta": 0.1},
    )
    assert {f.name for f in system.fields} == {"c", "U_x", "U_y"}
    found = sn.solve(system, resolution=24, scheme="fourier")["c"].isel(t=-1)
    exact = np.exp(-0.8 * np.pi**2 * 0.1) * np.sin(2 * np.pi * (found.x + found.y - 0.2))
    assert float(abs(found - exact).max()) < 1e-4


def test_fields_that_the_equations_do_not_determine_rest():
    system = sn.read(
        ROWS["shallow_water"][0].replace("mul + N500 E-3 mul h mul U U", "mul h mul U U") + " -- U periodic",
        "prose",
        dialect="fd",
        domain=sn.Domain(**SQUARE),
        initial=["h = 1 - 0.1*sin(2*pi*x)", "U_x = 0", "U_y = 0", "b = 0.1*sin(2*pi*x)"],
        values={"g": 9.81},
    )
    assert {f.name for f in system.fields} == {"h", "U_x", "U_y", "b"}
    assert system.parameters == {"g": 9.81}
    found = sn.solve(system, resolution=16, saveat=1.0)  # water at rest stays at rest where the level is constant
    assert float(abs(found["U_y"]).max()) < 1e-12
    with pytest.raises(sn.ModelError, match="3 equations for 4 unknowns"):
        sn.read(
            ROWS["shallow_water"][0], "prose", dialect="fd", domain=SQUARE, initial=["h = 1"], unknowns=["h", "U", "b"]
        )


def test_what_has_a_start_is_a_field():
    tokens = "add dt U add mul U D U add D p F | add dt p diverg mul p U -- U periodic"
    start = ["U_x = 0", "U_y = 0", "p = 1"]
    options = {"dialect": "fd", "domain": SQUARE, "initial": start}
    number = sn.read(tokens, "prose", **options, values={"F_x": 2.0})
    assert number.parameters == {"F_x": 2.0, "F_y": 1.0}
    given = sn.read(tokens, "prose", **options | {"initial": [*start, "F_x = sin(2*pi*y)", "F_y = 0"]})
    assert {f.name for f in given.fields} == {"U_x", "U_y", "p", "F_x", "F_y"}
    assert sn.export(given, "prose").text == tokens


# --- random equations ------------------------------------------------------------------------------------------------------------------------

scalars = st.sampled_from([p, c, h, x, sn.div(U), sn.laplacian(c), sn.diff(p, y), U.dot(U), U.dot(sn.grad(h))])
numbers = st.one_of(st.integers(-25, 25).filter(bool), st.floats(-1e3, 1e3).filter(lambda n: abs(n) > 1e-3))


def _deeper(inner):
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda n, a: n * a, numbers, inner),
        st.builds(lambda a, n: a**n, inner, st.integers(2, 5)),
        st.builds(lambda a: sn.sin(a), inner),
        st.builds(lambda a, b: a / (1.5 + b**2), inner, scalars),
        st.builds(lambda a: sn.div(a * U), inner),
        st.builds(lambda a: sn.laplacian(a * c), inner),
    )


@settings(max_examples=60)
@given(st.recursive(scalars, _deeper, max_leaves=4), st.recursive(scalars, _deeper, max_leaves=3), st.integers(0, 3))
def test_what_is_read_is_what_was_written(rate, factor, kind):
    vector = [
        factor * U,
        sn.grad(factor * p),
        sn.laplacian(U),
        Vector(tuple(sn.div(factor * a * U) for a in U), (x, y)),
    ][kind]
    equations = [sn.Eq(sn.dt(c), rate - 2 * c), *(sn.Eq(sn.dt(a), q - 2 * a) for a, q in zip(U, vector, strict=True))]
    try:
        record = sn.export(equations, "prose")
    except sn.ModelError as refused:
        assert any(known in str(refused) for known in ("tokens; PROSE holds 510", "no token for", "a vector equation"))
        return
    back = again(record)
    then = sn.export(back, "prose")
    assert then.tokens == record.tokens
    assert then.max_rounding_error <= 1e-15
    if record.max_rounding_error <= 1e-15 and not record.flushed:
        assert_same(equations, back)


# --- refusals --------------------------------------------------------------------------------------------------------------------------------

MALFORMED = {
    "": 0,
    "dt": 0,
    "add dt c": 0,
    "dt c dt c": 2,
    "dt c |": 2,
    "| dt c": 0,
    "dt Q": 1,
    "dt u_5": 1,
    "dt y": 1,
    "dx rand": 1,
    "dt c -- c": 3,
    "dt c --": 2,
    "dt c -- c wall": 4,
    "dt c -- Q dirichlet": 3,
    "dt c -- c dirichlet c neumann": 5,
    "dt c -- x dirichlet": 3,
    "dt c -- c dirichlet | dt c": 5,
    "sub dt c mul + N100 c": 4,
    "sub dt c mul + N10 E-2 c": 4,
    "sub dt c N100": 3,
    "sub dt c mul 21 c": 4,
    "diverg c": 0,
    "add dt c dz c": 3,
    "add dt c sin U": 3,
    "sub dt c D sigma": 3,
    "mul U U": 0,
    "add dt U mul U U": 0,
    "sub dt U mul sigma U": 3,
    "add dt U mul D U U": 3,
    "sub dt c inv U": 3,
    "sub dt c pow c U": 3,
}


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_tokens_are_refused_with_their_position(text):
    with pytest.raises(sn.ParseError, match=rf"token {MALFORMED[text]}: ") as refused:
        sn.read(text, "prose", dialect="fd", coordinates=(t, x, y))
    assert refused.value.position == MALFORMED[text]


def test_what_cannot_be_said_is_named():
    refused = {
        "no word for exp: exp.u. in equation 0": [sn.Eq(sn.dt(u), sn.exp(u))],
        "no word for y: y in equation 1": [sn.Eq(sn.dt(u), 0), sn.Eq(sn.dt(v), y * u)],
        "no word for t": [sn.Eq(sn.dt(u), t * u)],
        'equation 0 holds components of U .*words={"U_x": "u", "U_y": "v"}': [
            sn.Eq(sn.dt(U[0]), sn.laplacian(U[0])),
            sn.Eq(sn.dt(U[1]), 2 * sn.laplacian(U[1])),
        ],
        "two or three space coordinates; the fields have t": [sn.Eq(sn.dt(sn.field("q", (t,))), 1)],
        "equation 1 is 3; the fd dialect takes": [sn.Eq(sn.dt(u), 1), 3],
        "no word left for f5": [sn.Eq(sn.dt(sn.field(f"f{k}", (t, x, y))), 1) for k in range(6)],
        "no token for 1e[+]13": [sn.Eq(sn.dt(u), 1e13 * u)],
    }
    for message, equations in refused.items():
        with pytest.raises(sn.ModelError, match=message):
            sn.export(equations, "prose")


def test_components_may_have_words_of_their_own():
    equations = [sn.Eq(sn.dt(U[0]), sn.laplacian(U[0])), sn.Eq(sn.dt(U[1]), 2 * sn.laplacian(U[1]))]
    record = sn.export(equations, "prose", words={"U_x": "u", "U_y": "v"})
    assert record.text == "sub dt u D2 u | sub dt v mul 2 D2 v"


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ([sn.periodic(x), sn.dirichlet(u, 0, at={y: 0}), sn.dirichlet(u, 0, at={y: 1})], "only x repeat"),
        ([sn.antiperiodic(x), sn.periodic(y)], "antiperiodic sides"),
        ([sn.robin(u, 1, 2, 0, at={s: e}) for s, e in SIDES], "u has robin conditions"),
        ([(sn.dirichlet if s is x else sn.neumann)(u, 0, at={s: e}) for s, e in SIDES], "u has dirichlet and neumann"),
    ],
)
def test_sides_that_one_word_cannot_say(conditions, message):
    system = one(sn.laplacian(u), conditions)
    with pytest.raises(sn.ModelError, match=message):
        sn.export(system, "prose")
    assert sn.export(system, "prose", boundary={}).text == "sub dt u D2 u"


HEAT = [sn.Eq(sn.dt(u), eta * sn.laplacian(u))]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"symbolic": "eta"}, sn.SolveError, r'write symbolic=\["eta"\]'),
        ({"symbolic": ["mu"]}, sn.SolveError, "'mu', which is no parameter"),
        ({"symbolic": 3}, sn.SolveError, "symbolic=3 is no list"),
        ({"words": ["u"]}, sn.SolveError, "words=.* is no dictionary"),
        ({"words": {"u": "U"}}, sn.ModelError, "u is a scalar; words for it are"),
        ({"words": {"q": "u"}}, sn.ModelError, "'q', which the model does not have"),
        ({"words": {"u": 3}}, sn.ModelError, "u is a scalar"),
        ({"boundary": "periodic"}, sn.SolveError, "boundary='periodic' is no dictionary"),
        ({"boundary": {"u": "walls"}}, sn.ModelError, "PROSE has periodic, dirichlet"),
        ({"boundary": {"q": "periodic"}}, sn.ModelError, "boundary names 'q'"),
        ({"dimension": 3}, sn.SolveError, "leave dimension out"),
        ({"time_range": 2.0}, sn.SolveError, "leave time_range out"),
        ({"dialect": "pde"}, sn.ModelError, "does not fit"),
        ({"dialect": ["fd"]}, sn.SolveError, "is not known"),
    ],
)
def test_options_that_make_no_sense(options, error, message):
    with pytest.raises(error, match=message):
        sn.export(HEAT, "prose", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "tokens hold no domain"),
        ({"coordinates": (x, y)}, "must be the time and two or three coordinates"),
        ({"coordinates": 3}, "must be the time"),
        ({"domain": {"t": (0, 1), "x": (0, 1)}, "initial": []}, "must hold the time and two or three"),
        ({"coordinates": (t, x, y), "names": ["q"]}, "must be a dictionary"),
        ({"coordinates": (t, x, y), "names": {"w": "q"}}, "a name for 'w'"),
        ({"coordinates": (t, x, y), "names": {"u": 3}}, "different names"),
        ({"coordinates": (t, x, y), "values": {"mu": 3}}, "a number for mu, but parameters are eta"),
        ({"coordinates": (t, x, y), "values": {"eta": "3"}}, "expected a number"),
        ({"coordinates": (t, x, y), "unknowns": "u"}, "is no list of words"),
        ({"coordinates": (t, x, y), "unknowns": ["w"]}, "no variable of the tokens"),
        ({"coordinates": (t, x, y), "sides": 1}, "no option 'sides'"),
        ({"coordinates": (t, x, y), "dimension": 2}, "leave dimension out"),
    ],
)
def test_readers_options_that_make_no_sense(options, message):
    with pytest.raises(sn.SymnumError, match=message):
        sn.read("sub dt u mul eta D2 u", "prose", dialect="fd", **options)


def test_placeholders_become_parameters():
    back = sn.read("sub dt u mul <PLACEHOLDER> D2 u", "prose", dialect="fd", coordinates=(t, x, y), values=[0.25])
    assert sn.export(back, "prose").text == "sub dt u mul + N250 E-3 D2 u"
