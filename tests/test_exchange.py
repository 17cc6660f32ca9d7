"""``sn.export`` and ``sn.read``: every format on every model it can say, the way back, and refusals."""

from __future__ import annotations

import copy
import json
import random
import warnings

import numpy as np
import pytest

import symnum as sn
from symnum.cli import main
from symnum.cli.models import catalogue, find_model
from symnum.exchange import PROGRAMS, names
from tests.codegen.samples_julia import faults

MODELS = catalogue().names()
t, x = sn.coordinates("t x")
u = sn.field("u", (t, x))


def model(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return find_model(name).system


def heat(**changes):
    k = sn.parameter("k", 0.1, units="m^2/s")
    parts = {
        "equations": [sn.Eq(sn.dt(u), k * sn.diff(u, x, 2))],
        "domain": sn.Domain(t=(0, 1), x=(0, sn.pi)),
        "conditions": [sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, sn.exp(-t), at=sn.upper(x))],
        "initial": {u: sn.sin(x) - sn.sin(x)},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        return sn.PDESystem(**(parts | changes))


# --- JSON ---------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_json_keeps_every_model(name):
    system = model(name)
    text = sn.export(system, "json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        back = sn.read(text, "json")
    assert type(back) is type(system)
    assert [(e.lhs, e.rhs) for e in back.equations] == [(e.lhs, e.rhs) for e in system.equations]  # == is identity
    assert back.initial == system.initial
    assert back.parameters == system.parameters
    assert back.domain.exact == system.domain.exact
    assert back.conditions == system.conditions
    assert sn.export(back, "json") == text


def with_networks():
    f = sn.neural.network("f", [u], [1, 3, 1], "softplus")
    g = sn.neural.network("g", [u, sn.diff(u, x)], [2, 2, 2])
    (slope,) = sn.jacobian([f], [u])[0]
    return heat(equations=[sn.Eq(sn.dt(u), sn.diff((f + 1) * sn.diff(u, x), x) + slope + g[0] - g[1])])


def test_json_keeps_networks():
    system = with_networks()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        back = sn.read(sn.export(system, "json"), "json")
    assert [(e.lhs, e.rhs) for e in back.equations] == [(e.lhs, e.rhs) for e in system.equations]  # == is identity
    assert back.parameters == system.parameters
    first, second = (sn.solve(s, resolution=8, saveat=[0.1]) for s in (system, back))
    assert np.array_equal(first["u"].values, second["u"].values)


def test_latex_says_what_a_network_is():
    text = sn.export(with_networks(), "latex")
    assert r"f &: \text{a network 1-3-1 with softplus, 10 weights}" in text and "w0" not in text
    assert "g[0]" in text and "g[1]" in text and r"D &= 0.1" not in text


def test_json_keeps_units_arrays_and_events():
    values = np.linspace(0, 1, 9).reshape(9)
    system = heat(initial={u: values}, events=[sn.Event(sn.integral(u, x) >= 2, "terminate")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        back = sn.read(sn.export(system, "json"), "json")
    assert np.array_equal(back.initial[u], values)
    assert back.parameter_symbols["k"].info.units == "m^2/s"
    assert back.events[0].condition is system.events[0].condition
    assert back.events[0].direction == system.events[0].direction
    assert back.events[0].terminal


def test_json_solves_alike():
    system = model("lorenz")
    first, second = (sn.solve(s, saveat=[5.0]) for s in (system, sn.read(sn.export(system, "json"), "json")))
    for field in "XYZ":
        assert np.array_equal(first[field].values, second[field].values)


def test_functions_have_no_json():
    with pytest.raises(sn.ModelError, match="is a function, which JSON cannot hold"):
        sn.export(heat(initial={u: lambda x: 0 * x}), "json")


def _spoiled(data, chooser):
    """One value of the data replaced by something else."""
    places = []

    def walk(node, path):
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            places.append((*path, key))
            walk(value, (*path, key))

    walk(data, ())
    path = chooser.choice(places)
    node = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = chooser.choice([None, -1, 10**9, "", "u", "exp", [], {}, 0.5, True, "1/0", ["x"], {"op": "exp"}])
    return path


@pytest.mark.parametrize("name", ["heat_mixed", "pendulum", "geometric_brownian", "brusselator", "networks"])
def test_spoiled_json_never_ends_in_another_error(name):
    """Data from strangers: a named error, or another sound model."""
    whole = json.loads(sn.export(with_networks() if name == "networks" else model(name), "json"))
    chooser = random.Random(0)
    refused = 0
    for _ in range(120):
        data = copy.deepcopy(whole)
        _spoiled(data, chooser)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sn.read(data, "json")
        except sn.SymnumError:
            refused += 1
    assert refused > 60


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", sn.FileError, "this is no JSON"),
        ("[1]", sn.ModelError, "this is no model of symnum"),
        ('{"symnum": "model", "version": 2}', sn.ModelError, "of version 2; this symnum reads version 1"),
        ('{"symnum": "model", "version": 1}', sn.ModelError, "the model lacks conditions, coordinates, domain"),
        ("[" * 100_000, sn.FileError, "this is no JSON"),
    ],
)
def test_what_is_no_model(text, error, message):
    with pytest.raises(error, match=message):
        sn.read(text, "json")


# --- LaTeX, SymPy, Julia, programs --------------------------------------------------------------------------------------------------------------


def test_latex_of_heat():
    assert sn.export(heat(), "latex") == (
        "\\begin{align*}\n"
        "\\frac{\\partial u}{\\partial t} &= k \\frac{\\partial^{2} u}{\\partial x^{2}} \\\\\n"
        "u &= 0 && \\text{at } x = 0 \\\\\n"
        "-\\exp\\left(-t\\right) + \\frac{\\partial u}{\\partial x} &= 0 && \\text{at } x = \\pi \\\\\n"
        "u &= 0 && \\text{at } t = 0 \\\\\n"
        "k &= 0.1\n"
        "\\end{align*}\n"
    )


@pytest.mark.parametrize("name", MODELS)
def test_latex_of_every_model_is_balanced(name):
    text = sn.export(model(name), "latex")
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")


@pytest.mark.parametrize("name", [n for n in MODELS if n not in ("geometric_brownian", "langevin")])
def test_sympy_comes_back(name):
    system = model(name)
    made = sn.export(system, "sympy")
    parts = [sn.Eq.from_sympy(e) if hasattr(sn.Eq, "from_sympy") else e for e in made["equations"]]
    assert len(parts) == len(system.equations)
    for equation, symbolic in zip(system.equations, made["equations"], strict=True):
        assert str(sn.from_sympy(symbolic.lhs)) == str(sn.from_sympy(equation.lhs.to_sympy()))
    assert {str(k): v for k, v in made["parameters"].items()} == system.parameters


def test_symbolics_jl_of_a_wave():
    text = sn.export(model("wave"), "symbolics_jl")
    assert "    (Dt^2)(u(t, x)) ~ c^2*(Dx^2)(u(t, x)),\n" in text
    assert "conditions = [\n    u(t, 0) ~ 0,\n    u(t, 1) ~ 0,\n]\n" in text
    assert "initial = [\n    u(0, x) ~ sin(pi*x) + sin(2*pi*x)/2,\n    Dt(u(0, x)) ~ 0,\n]\n" in text


@pytest.mark.parametrize("name", MODELS)
def test_symbolics_jl_is_julia(name):
    try:
        text = sn.export(model(name), "symbolics_jl")
    except sn.ModelError as refused:
        assert "Symbolics.jl" in str(refused)
        return
    assert faults(text.replace(" ~ ", " == ")) == []  # the parser takes ~ for an operator of sums, Julia does not


def test_shared_parts_that_would_never_end_as_text():
    t = sn.coordinates("t")
    q = sn.field("q", (t,))
    term = q
    for _ in range(60):
        term = sn.sin(term) + sn.cos(term)
    system = sn.ODESystem([sn.Eq(sn.dt(q), term)], t=(0, 1), initial={q: 1})
    with pytest.raises(sn.ModelError, match="more than 200,000 parts"):
        sn.export(system, "symbolics_jl")


def test_programs():
    assert "burgers" in sn.export(model("burgers"), "c", resolution=16)


# --- names and options --------------------------------------------------------------------------------------------------------------------------


def test_every_format_is_described():
    described = names()
    assert set(described) == {"json", "latex", "prose", "symbolics_jl", "sympy", *PROGRAMS}
    assert all(line for line in described.values())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sn.export(heat(), "jason"), sn.UnknownName, "Did you mean 'json'"),
        (lambda: sn.export(heat(), "latex", colour=1), sn.UnknownOption, "the format latex has no option 'colour'"),
        (lambda: sn.export(heat(), "prose", dimensions=1), sn.UnknownOption, "Did you mean 'dimension'"),
        (lambda: sn.export(heat(), "prose", dialect="fluids"), sn.SolveError, "dialect='fluids' is not known"),
        (lambda: sn.export(heat(), "prose", dialect="ode"), sn.ModelError, "sn.discretise"),
        (lambda: sn.export(model("langevin"), "prose"), sn.ModelError, "no words for noise"),
        (lambda: sn.export(model("langevin"), "symbolics_jl"), sn.ModelError, "have no noise"),
        (lambda: sn.read("", "latex"), sn.ModelError, "is written, not read"),
        (lambda: sn.export(3, "latex"), sn.ModelError, "got int"),
        (lambda: sn.export(3, "json"), sn.ModelError, "int has no JSON form"),
        (lambda: sn.export(3, "prose"), sn.ModelError, "got int"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- discretised equations as tokens ------------------------------------------------------------------------------------------------------------


def on_a_grid(points, order=2, conditions=None, rate=None):
    system = heat(
        equations=[sn.Eq(sn.dt(u), 0.0647 * sn.diff(u, x, 2) if rate is None else rate)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)] if conditions is None else conditions,
        initial={u: 2 + sn.sin(2 * sn.pi * x)},
    )
    return sn.discretise(system, points, order=order)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("sides", ["periodic", "closed", "held"])
def test_sixteen_points_of_heat_keep_their_slow_modes(sides, order):
    conditions = {
        "periodic": [sn.periodic(x)],
        "closed": [sn.neumann(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
        "held": [sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
    }[sides]
    grid = on_a_grid(16, order, conditions)
    record = sn.export(grid, "prose")
    assert record.checks["slowest eigenvalue"] <= 0.01
    assert record.checks["row sum"] <= 1e-12
    back = sn.read(record, "prose")
    assert sn.export(back, "prose").tokens == record.tokens
    # outside witness: eigenvalues of the compiled right-hand sides
    slow = [_slowest(d.jacobian(0.0, np.ones(d.size)).toarray()) for d in (grid, sn.discretise(back))]
    assert abs(slow[1] / slow[0] - 1) <= 0.01


def _slowest(matrix):
    values = np.linalg.eigvals(matrix)
    return min(values[np.abs(values) > 1e-6 * np.abs(values).max()], key=abs)


def test_rounding_number_by_number_would_spoil_them():
    """Why differences are factored: the same matrix with entries of three digits is off by more than a per cent."""
    d = 0.0647 * 16**2
    matrix = -2 * d * np.eye(16) + d * (np.roll(np.eye(16), 1, 0) + np.roll(np.eye(16), -1, 0))
    rounded = np.vectorize(lambda v: float(f"{v:.2e}"))(matrix)
    assert abs(_slowest(rounded) / _slowest(matrix) - 1) > 0.01


def test_points_in_the_words_of_the_paper():
    record = sn.export(on_a_grid(4, rate=sn.diff(u, x, 2) / 16 - u * sn.diff(u, x)), "prose")
    assert record.text.split(" | ")[1] == (
        "add add add sub u_0 u_1 sub u_2 u_1 mul + N200 E-2 mul u_0 u_1 mul - N200 E-2 mul u_1 u_2"
    )


def test_too_many_points():
    with pytest.raises(sn.ModelError, match="400 unknowns do not fit into 510 tokens"):
        sn.export(on_a_grid(400), "prose")


# --- command line -------------------------------------------------------------------------------------------------------------------------------


def test_command_line(capsys, tmp_path):
    assert main(["export", "lorenz", "--format", "prose"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("add mul + N100 E-1 u_1")
    assert "33 tokens" in err
    path = tmp_path / "lorenz.json"
    assert main(["export", "lorenz", "--format", "json", "--set", "rho=20", "--out", str(path)]) == 0
    assert sn.read(path.read_text(), "json").parameters["rho"] == 20
    assert main(["export", "heat", "--format", "prose", "--resolution", "16"]) == 0
    assert "slowest eigenvalue: relative error" in capsys.readouterr().err
    assert main(["export", "lorenz", "--format", "prosa"]) == 2
    assert main(["export", "lorenz", "--format", "json", "--out", str(tmp_path / "no" / "f.json")]) == 2


# --- input from strangers ------------------------------------------------------------------------------------------------------------------------


def _decay(*rows, **changes):
    """A model of JSON in which u' is the last of further rows of terms; "w" stands for the row of the field."""
    w = sn.field("w", (t,))
    data = json.loads(sn.export(sn.ODESystem([sn.Eq(sn.dt(w), -w)], t=(0, 1), initial={w: 1}), "json")) | changes
    data["terms"] += rows
    data["equations"][0][1] = len(data["terms"]) - 1 if rows else data["equations"][0][1]
    return data


def test_shared_terms_are_read_in_no_time():
    """As trees these would have 2^200 nodes."""
    data = _decay()
    row = next(k for k, r in enumerate(data["terms"]) if r == {"name": "w"})
    for _ in range(200):
        n = len(data["terms"])
        data["terms"] += [
            {"op": "sin", "args": [row]},
            {"op": "cos", "args": [row]},
            {"op": "add", "data": [0, 1, 1], "args": [n, n + 1]},
        ]
        row = n + 2
    data["equations"][0][1] = row
    system = sn.read(data, "json")
    with pytest.raises(sn.ModelError, match="or more tokens; PROSE holds 510"):
        sn.export(system, "prose")


@pytest.mark.parametrize("rows", [1, 6])
def test_derivatives_that_would_grow_beyond_bounds(rows):
    """Of order 20 of one term, and of order 2 of six within each other."""
    data = json.loads(sn.export(heat(), "json"))
    row, along = (data["terms"].index({"name": name}) for name in "ux")
    for _ in range(rows):
        n = len(data["terms"])
        data["terms"] += [
            {"op": "sin", "args": [row]},
            {"op": "mul", "data": [1, 1, 1], "args": [n, row]},
            {"op": "derivative", "args": [n + 1, along], "data": [20 if rows == 1 else 2]},
        ]
        row = n + 2
    with pytest.raises(sn.ModelError, match="a composite term is differentiated"):
        sn.read(data, "json")


def test_derivatives_along_one_coordinate_twice():
    data = json.loads(sn.export(heat(), "json"))
    row, along = (data["terms"].index({"name": name}) for name in "ux")
    data["terms"].append({"op": "derivative", "args": [row, along, along], "data": [1, 1]})
    with pytest.raises(sn.ModelError, match="different coordinates"):
        sn.read(data, "json")


@pytest.mark.parametrize("number", ["1/" + "9" * 5000, "\u00b2/3", "--2/3", "1/0", "1/3\n", [1], None])
def test_numbers_that_are_none(number):
    with pytest.raises(sn.ModelError, match="is no number"):
        sn.read(_decay({"number": number}), "json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": True}, "of version True"),
        ({"noise": [[0, 0]]}, "ODESystem has no noise"),
        ({"conditions": [{"periodic": "x", "sign": 1}]}, "ODESystem has no conditions"),
        ({"kind": "SDESystem"}, "the model lacks noise"),
        ({"initial": [{"of": 0, "value": {"array": [10**400], "shape": [1]}}]}, "is no array of numbers"),
        ({"initial": [{"of": 0, "value": {"array": [1.0], "shape": [10**9, 10**9]}}]}, "is no array of numbers"),
    ],
)
def test_json_that_does_not_fit_together(changes, message):
    with pytest.raises(sn.ModelError, match=message):
        sn.read(_decay(**changes), "json")


def test_names_never_become_code():
    system = sn.read(_decay(name="decay\nrun(`rm`)"), "json")
    lines = sn.export(system, "symbolics_jl").splitlines()
    assert lines[0] == "# decay run(`rm`): generated by symnum"
    assert not any("rm" in line for line in lines[1:])


def test_programs_are_written_not_read():
    with pytest.raises(sn.ModelError, match="c is written, not read"):
        sn.read("int main;", "c")


CHAIN = "mul + N100 E-1 sub u_1 u_0 | u_0 | u_2"
LINE = {
    "dialect": "pde",
    "domain": {"t": (0, 1), "x": (0, 1)},
    "conditions": ["periodic x"],
    "initial": ["u_0 = sin(2*pi*x)"],
}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": 3}, "names=3 is no list of names"),
        ({"names": "abc"}, "names='abc' is no list of names"),
        ({"names": [1, 2, 3]}, "must be 3 different names"),
        ({"values": 3}, "values=3 is no list of numbers"),
        ({"dimension": "a"}, "dimension='a' is no number"),
        ({"t": 3}, "t"),
        ({"initial": 3}, "initial=3 is no list"),
        ({"dialect": ["ode"]}, "is not known"),
        (LINE | {"initial": {3: 1}}, "initial names 3, expected text"),
        (LINE | {"domain": 3}, r"Domain\(3\) names no coordinates"),
        (LINE | {"names": 3}, "names=3"),
    ],
)
def test_options_of_reading_that_make_no_sense(options, message):
    tokens = "sub mul + N100 E-2 ut_0 mul + N303 E-5 uxx_0" if "domain" in options else CHAIN
    with pytest.raises(sn.SymnumError, match=message):
        sn.read(tokens, "prose", **options)


@pytest.mark.parametrize("format", [3, None, ["prose"], "pros"])
def test_formats_that_are_not_there(format):
    for call in (sn.export, sn.read):
        with pytest.raises(sn.UnknownName, match="unknown format"):
            call(heat(), format)
