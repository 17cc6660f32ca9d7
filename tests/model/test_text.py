"""Models from text, from TOML, and back."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.errors import FileError, ModelError, ParseError
from symnum.expr.term import Term
from symnum.model.operators import split_suffix
from symnum.model.toml import load

t, x, y = sn.coordinates("t x y")
BOX = {"t": (0, 1), "x": (0, "2*pi")}


def text(equations: Any, **parts: Any) -> Any:
    given_parts: dict[str, Any] = {"domain": BOX, "conditions": ["periodic x"], "initial": ["u = 1"]}
    return sn.PDESystem.from_text(equations, **(given_parts | parts))


def test_the_example_of_the_documentation() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system = sn.PDESystem.from_text(
            equations=["dt(u) = D*dxx(u) - dx(u*w) + sin(x)", "0 = dxx(w) - u"],
            domain={"t": (0, 1), "x": (0, "pi")},
            conditions=["u = exp(-t) @ x=0", "dx(u) + 2*u = 0 @ x=pi", "dx(w) = 0 @ x=0", "w = 0 @ x=pi"],
            initial=["u = cos(x)"],
            parameters={"D": 0.1},
            fields={"w": "x"},
        )
    u, w, d = sn.field("u", (t, x)), sn.field("w", (x,)), sn.parameter("D", 0.1)
    assert system.fields == (u, w)
    assert system.equations[0] == sn.Eq(sn.dt(u), d * sn.diff(u, x, 2) - sn.diff(u * w, x) + sn.sin(x))
    assert system.normal_form.algebraic.keys() == {w}
    assert [c.residual for c in system.face_conditions[sn.lower(x)]] == [u - sn.exp(-t), sn.diff(w, x)]
    assert [c.residual for c in system.face_conditions[sn.upper(x)]] == [sn.diff(u, x) + 2 * u, w]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("dxx(u)", lambda u: sn.diff(u, x, 2)),
        ("d(u, x, 2)", lambda u: sn.diff(u, x, 2)),
        ("d(u, x, x)", lambda u: sn.diff(u, x, 2)),
        ("laplacian(u)", lambda u: sn.diff(u, x, 2)),
        ("div(2*grad(u))", lambda u: 2 * sn.diff(u, x, 2)),
        ("d(u^2*dx(u), x)", lambda u: sn.diff(u**2 * sn.diff(u, x), x)),
        ("-u*dx(u) - dxxx(u)", lambda u: -u * sn.diff(u, x) - sn.diff(u, x, 3)),
        ("u*(1 - u)/2", lambda u: u * (1 - u) / 2),
        ("where(x < pi and t >= 1.1, u, 0)", lambda u: sn.where((x < sn.pi) & (t >= 1.1), u, 0)),
        ("0.1*u**3", lambda u: 0.1 * u**3),
    ],
)
def test_right_sides(right: str, expected: Any) -> None:
    u = sn.field("u", (t, x))
    assert text([f"dt(u) = {right}"]).equations[0].rhs is expected(u)


def test_mixed_derivatives_and_vectors_in_two_dimensions() -> None:
    system = sn.PDESystem.from_text(
        ["dt(u) = dxy(u) + dyy(u) + dxx(u) + div(k*grad(u))"],
        {"t": (0, 1), "x": (0, 1), "y": (0, 1)},
        ["periodic x, y"],
        ["u = 0"],
        {"k": 2},
    )
    u, k = sn.field("u", (t, x, y)), sn.parameter("k", 2.0)
    assert system.equations[0].rhs is sn.diff(u, x, y) + sn.laplacian(u) + k * sn.diff(u, x, 2) + k * sn.diff(u, y, 2)
    assert system.periodic == {"x": 1, "y": 1}


def test_coordinates_may_have_long_names() -> None:
    system = sn.PDESystem.from_text(
        ["dtau(u) = drr(u) + dtheta(u) + dthetar(u)"],
        {"tau": (0, 1), "r": (1, 2), "theta": (0, "2*pi")},
        ["u = 0 @ lower(r)", "u = 0 @ upper(r)", "periodic theta"],
        {"u": "0*r"},
        time="tau",
    )
    tau, r, theta = sn.coordinates("tau r theta", time="tau")
    u = sn.field("u", (tau, r, theta))
    assert system.time is tau
    assert system.equations[0].rhs is sn.diff(u, r, 2) + sn.diff(u, theta) + sn.diff(u, r, theta)


def test_suffixes_are_split_into_coordinates() -> None:
    assert split_suffix("dxxy", {"x": 0, "y": 0}) == [("x", "x", "y")]
    assert split_suffix("dyx", {"x": 0, "y": 0}) == [("x", "y")]
    assert split_suffix("dz", {"x": 0}) == []
    assert split_suffix("dxx", {"x": 0, "xx": 0}) == [("x", "x"), ("xx",)]


def test_which_names_are_fields() -> None:
    """Below a derivative, on a left side, in initial; d(u, x) alone uses d as an operator."""
    system = sn.PDESystem.from_text(
        ["dt(u) = d*w", "w = u + s", "dt(s) = 0"], {"t": (0, 1)}, initial=["u = 1", "s = 2"], parameters={"d": 3}
    )
    assert [f.name for f in system.fields] == ["u", "w", "s"]
    assert system.parameters == {"d": 3.0}


def test_a_text_of_several_lines() -> None:
    system = sn.PDESystem.from_text("dt(a) = b\n\ndt(b) = -a\n", {"t": (0, 1)}, initial="a = 1\nb = 0")
    assert [f.name for f in system.fields] == ["a", "b"]


def test_second_order_in_time() -> None:
    system = text(["dtt(u) = dxx(u)"], initial=["u = sin(x)", "dt(u) = 0"])
    u = sn.field("u", (t, x))
    assert system.initial == {u: sn.sin(x), sn.dt(u): 0 * u}


def test_initial_may_map_names_to_arrays() -> None:
    import numpy as np

    assert text(["dt(u) = dxx(u)"], initial={"u": np.arange(4.0)}).initial[sn.field("u", (t, x))].tolist() == [
        0,
        1,
        2,
        3,
    ]


def test_errors_carry_text_and_place() -> None:
    with pytest.raises(ParseError) as caught:
        text(["dt(u) = dxx(u)", "dt(v) = 2*vv + dxx(v)"], initial=["u = 1", "v = 1"])
    assert caught.value.text == "dt(v) = 2*vv + dxx(v)"
    assert caught.value.position == 10
    assert "equation 2, column 11: unknown name 'vv'. Did you mean 'v'?" in str(caught.value)
    line, caret = str(caught.value).splitlines()[1:3]
    assert line[caret.index("^") :].startswith("vv")


# --- to text and back ------------------------------------------------------------


def _leaves(u: Term, v: Term, k: Term) -> st.SearchStrategy[Term]:
    numbers = st.integers(-5, 5).map(lambda n: sn.rational(n, 3)) | st.floats(-4, 4).map(
        lambda value: sn.rational(0) + value
    )
    return numbers | st.sampled_from([u, v, k, x, t, sn.pi, sn.diff(u, x), sn.diff(v, x, 2), sn.diff(u, x, 3)])


def _terms(u: Term, v: Term, k: Term) -> st.SearchStrategy[Term]:
    def grow(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        pairs = st.tuples(inner, inner)
        return (
            pairs.map(lambda p: p[0] + p[1])
            | pairs.map(lambda p: p[0] - p[1])
            | pairs.map(lambda p: p[0] * p[1])
            | inner.map(sn.sin)
            | inner.map(lambda a: a**2)
            | inner.map(lambda a: sn.diff(a, x))
            | pairs.map(lambda p: sn.where(t <= p[0], p[1], 0))
        )

    return st.recursive(_leaves(u, v, k), grow, max_leaves=8)


_U, _V = sn.fields("u v", (t, x))
_K = sn.parameter("k", 2.0)


@pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # random models may be ill-posed
@settings(max_examples=60, deadline=None)
@given(_terms(_U, _V, _K), _terms(_U, _V, _K))
def test_to_text_and_back_keeps_the_meaning(first: Term, second: Term) -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(_U), first + 0 * _K), sn.Eq(sn.dt(_V), second)],
        sn.Domain(t=(0, 1), x=(0, sn.pi)),
        [sn.periodic(x)],
        {_U: 1, _V: sn.sin(2 * x)},
    )
    again = sn.PDESystem.from_text(**system.to_text())
    assert again.fields == system.fields
    assert again.equations == system.equations
    assert again.initial == system.initial
    assert again.domain == system.domain
    assert again.parameters == system.parameters


def test_conditions_to_text_and_back() -> None:
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u, 2), sn.diff(u, x, 2))],
        sn.Domain(t=(0, 1), x=(0, sn.pi)),
        [sn.neumann(u, sn.sin(t), at={x: 0}), sn.robin(u, 2, 3, 0, at=sn.upper(x))],
        {u: 0, sn.dt(u): 0},
        name="string",
    )
    again = sn.PDESystem.from_text(**system.to_text())
    for face, rows in system.face_conditions.items():
        assert [c.residual for c in again.face_conditions[face]] == [c.residual for c in rows]
    assert again.name == "string"
    with pytest.raises(ModelError, match="which has no text"):
        system.replace(initial={u: [0.0, 1.0], sn.dt(u): 0}).to_text()


@pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")
@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="dtxu()=+-*/^,.0123456789 @pi_\"'[]{}:;\\\n", max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(noise: str) -> None:
    """Whatever is typed, the answer is a system or a ModelError."""
    try:
        text([f"dt(u) = {noise}"])
    except ModelError:
        return


# --- TOML ------------------------------------------------------------

HEAT = """
name = "heat"
equations = ["dt(u) = D*dxx(u)"]
conditions = ["u = 0 @ x=0", "u = 0 @ x=pi"]
initial = ["u = sin(x)"]
domain = { t = [0, 1], x = [0, "pi"] }
parameters = { D = 0.1 }
"""


def write(folder: Path, content: str, name: str = "model.toml") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_toml_reads_what_from_text_reads(tmp_path: Path) -> None:
    system = load(write(tmp_path, HEAT))
    assert (system.name, system.parameters) == ("heat", {"D": 0.1})
    assert system.equations == text(["dt(u) = D*dxx(u)"], parameters={"D": 0.1}).equations
    assert load(str(write(tmp_path, HEAT.replace('name = "heat"', ""), "rod.toml"))).name == "rod"


@pytest.mark.parametrize(
    ("change", "kind", "parts"),
    [
        (
            ("conditions =", "condition ="),
            ModelError,
            ["unknown key 'condition'", "Did you mean 'conditions'", "Keys: name, equations"],
        ),
        (('equations = ["dt(u) = D*dxx(u)"]', ""), ModelError, ["the key equations is missing", 'equations = ["dt(u)']),
        (("domain = {", "fields = {"), ModelError, ["the key domain is missing", "domain = { t = [0, 1]"]),
        (('["u = sin(x)"]', "[3]"), ModelError, ["the key initial holds 3", 'initial = ["u = sin(x)"]']),
        (('name = "heat"', "name = 3"), ModelError, ["the key name is 3", 'name = "heat"']),
        (("{ D = 0.1 }", "[0.1]"), ModelError, ["the key parameters is [0.1]", "{ D = 0.1 }"]),
        (("D = 0.1", 'D = "open"'), ModelError, ["the value of the parameter D", "unknown name 'open'"]),
        (("dxx(u)", "dxx(uu)"), ModelError, ["1 equation for 2 fields"]),
        (("[0, 1]", "[0, 1, 2]"), ModelError, ["the bounds of t are [0, 1, 2], expected a pair"]),
        (("{ t =", "{{ t ="), FileError, ["is not valid TOML"]),
    ],
)
def test_malformed_toml(tmp_path: Path, change: tuple[str, str], kind: type[Exception], parts: list[str]) -> None:
    path = write(tmp_path, HEAT.replace(*change))
    with pytest.raises(kind) as caught:
        load(path)
    for part in ("model.toml", *parts):
        assert part in str(caught.value)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    write(tmp_path, HEAT)
    with pytest.raises(FileError, match=r"there is no file .*modle\.toml.* Did you mean 'model\.toml'"):
        load(tmp_path / "modle.toml")
    with pytest.raises(FileError, match=r"folder .* does not exist"):
        load(tmp_path / "nowhere" / "model.toml")
    with pytest.raises(FileError, match=r"suffix '\.py', expected \.toml"):
        load(tmp_path / "model.py")
    with pytest.raises(FileError, match="takes the path of a file, not 3"):
        load(3)  # type: ignore[arg-type]
    bad = tmp_path / "bytes.toml"
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="not valid TOML"):
        load(bad)
