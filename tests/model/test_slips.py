"""What newcomers write in place of a model's text, options and operators, and the line that they are told to write; that line is then taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import symnum as sn


def heat(**changed: Any) -> sn.PDESystem:
    given: dict[str, Any] = {
        "equations": ["dt(u) = D*dxx(u)"],
        "domain": {"t": (0, 1), "x": (0, 1)},
        "conditions": ["u = 0 @ x=0", "u = 0 @ x=1"],
        "initial": ["u = sin(pi*x)"],
        "parameters": {"D": 0.1},
    }
    return sn.PDESystem.from_text(**(given | changed))


# what is changed in the heat equation, what the message says, and the same change as the message wants it
SLIPS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"equations": ["dt(u) = D*u_xx"]}, "Derivatives are written dxx(u)", {"equations": ["dt(u) = D*dxx(u)"]}),
    ({"equations": ["u_t = D*dxx(u)"]}, "the derivative of u is written dt(u)", {"equations": ["dt(u) = D*dxx(u)"]}),
    ({"equations": ["dt(u) = D*dxx(u²)"]}, "Powers are written u^2", {"equations": ["dt(u) = D*dxx(u^2)"]}),
    ({"equations": ["dt(u) = diff(u, x, 2)"]}, "d(u, x, 2)", {"equations": ["dt(u) = d(u, x, 2)"]}),
    ({"equations": ["dt(u) = D*lap(u)"]}, "'laplacian'", {"equations": ["dt(u) = D*laplacian(u)"]}),
    (
        {"equations": ["dt(u) = D*dxx(u) + heaviside(x)"]},
        "where(x > 0, 1, 0)",
        {"equations": ["dt(u) = D*dxx(u) + where(x > 0, 1, 0)"]},
    ),
    ({"equations": ["dt(u) = D*[dxx(u)]"]}, "brackets are round", {"equations": ["dt(u) = D*(dxx(u))"]}),
    ({"equations": ["dt(u) = D*dxx(u))"]}, "no bracket is open here", {}),
    ({"equations": ["dt(u) = 0,1*dxx(u)"]}, "a point: 0.1", {"equations": ["dt(u) = 0.1*dxx(u)"]}),
    ({"equations": ["∂t u = dxx(u)"]}, "dt(u)", {}),
    ({"parameters": {}}, 'write parameters={"D": 1.0}', {"parameters": {"D": 1.0}}),
    ({"conditions": ["u = 0 @ x=0"]}, "`u = 0 @ x=1` or `periodic x`", {"conditions": ["u = 0 @ x=0", "u = 0 @ x=1"]}),
    ({"conditions": ["u(0) = 0", "u = 0 @ x=1"]}, "write 'u = 0 @ x=0'", {}),
    ({"conditions": ["u(t, 0) = 0", "u = 0 @ x=1"]}, "write 'u = 0 @ x=0'", {}),
    ({"conditions": ["u(x=0) = 0", "u = 0 @ x=1"]}, "write 'u = 0 @ x=0'", {}),
    ({"conditions": ["u = 0 @ x=0", "u = 0 @ x=2"]}, "`@ x=0` or `@ x=1`", {}),
    ({"initial": ["u(0, x) = sin(pi*x)"]}, "write 'u = sin(pi*x)'", {"initial": ["u = sin(pi*x)"]}),
    ({"initial": ["u = sin(pi*x) @ t=0"]}, "write 'u = sin(pi*x)'", {"initial": ["u = sin(pi*x)"]}),
    ({"initial": ["u = np.sin(x)"]}, "sin(x), not np.sin(x)", {}),
    ({"initial": []}, 'initial=["u = sin(x)"]', {"initial": ["u = sin(x)*(1 - x)"]}),
]


@pytest.mark.parametrize(("slip", "said", "mended"), SLIPS)
def test_a_slip_is_answered_with_the_line_to_write(slip: dict[str, Any], said: str, mended: dict[str, Any]) -> None:
    with pytest.raises(sn.ModelError) as caught:
        heat(**slip)
    assert said in str(caught.value) and "sn.dirichlet" not in str(caught.value)
    assert [f.name for f in heat(**mended).fields] == ["u"]


def test_periodic_with_brackets_is_periodic() -> None:
    assert heat(conditions=["periodic(x)"]).periodic == heat(conditions=["periodic x"]).periodic == {"x": 1}


def test_an_equation_with_two_equals_signs_is_marked_where_they_are() -> None:
    with pytest.raises(sn.ParseError) as caught:
        heat(equations=["dt(u) == dxx(u)"])
    assert caught.value.position == 6 and "one '='" in str(caught.value)


def test_fields_that_look_like_derivatives_may_be_fields() -> None:
    system = heat(
        equations=["dt(u) = dxx(u) - u_x", "dt(u_x) = dxx(u_x)"],
        conditions=["periodic x"],
        initial=["u = sin(2*pi*x)", "u_x = 0"],
        parameters={},
    )
    assert [f.name for f in system.fields] == ["u", "u_x"]


def test_a_file_is_answered_in_its_own_language(tmp_path: Path) -> None:
    path = tmp_path / "rod.toml"
    text = """
equations = ["dt(u) = D*dxx(u)"]
conditions = ["u = 0 @ x=0", "u = 0 @ x=1"]
initial = ["u = sin(pi*x)"]
domain = { t = [0, 1], x = [0, 1] }
parameters = { D = 0.1 }
"""
    for old, new, said in (
        ("D = 0.1", "", "parameters = { D = 1.0 }"),
        (', "u = 0 @ x=1"', "", "`u = 0 @ x=1` or `periodic x`"),
        ("x = [0, 1]", "x = [0, 1, 64]", "write x = [0, 1]"),
        ("parameters", "resolution = 64\nparameters", "symnum run --resolution 64"),
        ('"u = 0 @ x=0"', "u = 0 @ x=0", 'write texts in quotes and lists in brackets: initial = ["u = sin(x)"]'),
    ):
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises((sn.ModelError, sn.FileError)) as caught:
            sn.load(path)
        assert said in str(caught.value)
    path.write_text(text)
    assert sn.load(path).parameters == {"D": 0.1}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("t_eval", "saveat=[0, 0.5, 1]"),
        ("t_span", "sn.Domain(t=(0, 5), ...)"),
        ("solver", 'method="Tsit5"'),
        ("y0", "initial={u: ...}"),
        ("res", "Did you mean 'resolution'"),
    ],
)
def test_options_of_other_tools_are_told_by_their_names_here(option: str, said: str) -> None:
    with pytest.raises(sn.UnknownOption) as caught:
        sn.solve(heat(), **{option: None})
    assert said in str(caught.value)


def test_the_grid_is_no_part_of_the_model() -> None:
    for make in (heat, lambda **more: sn.PDESystem([], None, **more)):
        with pytest.raises(sn.UnknownOption, match=r"sn\.solve\(system, resolution=64\)"):
            make(resolution=64)
    with pytest.raises(sn.DiscretisationError, match="resolution=64"):
        sn.Grid(64)  # type: ignore[arg-type]


def test_python_habits_are_answered() -> None:
    u = heat().fields[0]
    with pytest.raises(sn.TermError, match=r"u\*\*2"):
        u ^ 2  # type: ignore[operator]
    with pytest.raises(AttributeError, match=r"sn\.diff\(u, x, 2\)"):
        sn.dxx  # type: ignore[attr-defined]
    sol = sn.solve(heat(), resolution=8)
    with pytest.raises(AttributeError, match=r"sol\['u'\]"):
        sol.u
    with pytest.raises(sn.UnknownName, match=r"sol\.plot\(path='u\.png'\)"):
        sol.plot("u.png")


def test_a_method_that_needs_julia_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "off")
    with pytest.raises(
        sn.BackendUnavailable, match=r"rodas5 is an algorithm of DifferentialEquations\.jl\. Did you mean 'Rodas5P'"
    ):
        sn.solve(heat(), method="rodas5")
