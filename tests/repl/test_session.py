"""The session without a terminal: from typing to numbers, what is assumed and said, undo, Python's names, scripts that reproduce."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symnum as sn
from symnum.errors import FileError, ModelError, ParseError, SymnumError
from symnum.repl.building import build, orders_in_time
from symnum.repl.render import error_output
from symnum.repl.sides import interval
from tests.repl.sessions import new_session, said

HEAT = ("u_t = D u_xx", "D = 0.1", "u(t=0) = sin(2 pi x)")
LORENZ = ("lorenz: x' = s(y - x), y' = x(r - z) - y, z' = x y - b z", "s = 10, r = 28, b = 8/3")


def test_two_lines_from_typing_to_the_exact_solution() -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "u(t=0) = sin(2 pi x)", ":solve resolution=64 order=4")
    sol = session.namespace["sol"]
    x, t = np.asarray(sol["x"]), sol.t
    exact = np.exp(-0.1 * (2 * np.pi) ** 2 * t)[:, None] * np.sin(2 * np.pi * x)[None, :]
    assert np.abs(sol["u"].values - exact).max() < 1e-5


def test_the_session_solves_what_the_same_text_says_in_python() -> None:
    session = new_session()
    said(session, *LORENZ, "t in (0, 2)", "x(0) = 1", "y(0) = 2", "z(0) = 20", ":solve method=Tsit5")
    system = sn.PDESystem.from_text(
        equations=["dt(x) = s*(y - x)", "dt(y) = x*(r - z) - y", "dt(z) = x*y - b*z"],
        domain={"t": (0, 2)}, initial=["x = 1", "y = 2", "z = 20"], parameters={"s": 10, "r": 28, "b": 8 / 3},
    )  # fmt: skip
    assert np.array_equal(session.namespace["sol"]["z"].values, sn.solve(system, method="Tsit5")["z"].values)


# ---- what is assumed -----------------------------------------------------------------------------


def test_what_is_missing_is_assumed_and_said_once() -> None:
    session = new_session()
    answer = said(session, "u_t = 0.1 u_xx")
    assert "assumed: t in (0, 1); x in (0, 1); periodic x; u(t=0) = exp(-100*(x - 1/2)^2)" in answer
    assert "assumed" not in said(session, ":solve resolution=16")


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("x in (0, 2)", "x in"),
        ("t in (0, 3)", "t in"),
        ("u(t=0) = x", "u(t=0)"),
        ("periodic x", "periodic"),
        ("u = 0 @ x=0", "periodic"),
    ],
)
def test_what_is_said_is_not_assumed(line: str, gone: str) -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "u = 0 @ x=1" if "@" in line else "t in (0, 1)", line)
    assert not any(text.startswith(gone) for text in session.built().assumed)


@pytest.mark.parametrize("interval", ["x in (0, 1)", "x in (-3, 5)", "x in (0, 2 pi)", "x in (-pi, pi)"])
def test_the_assumed_start_is_a_bump_that_has_gone_at_the_sides(interval: str) -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", interval)
    system = session.built().system
    start = sn.discretise(system, resolution=64).initial_state()
    assert start.max() == pytest.approx(1.0, abs=1e-12)
    assert abs(start[0]) < 1e-10


@pytest.mark.parametrize(
    ("line", "orders"),
    [
        ("u_tt = u_xx", {"u": 2}),
        ("u_t = u_xx", {"u": 1}),
        ("x'' + x = 0", {"x": 2}),
        ("u_t = v_xx, 0 = v - u", {"u": 1, "v": 0}),
    ],
)
def test_as_many_initial_values_are_assumed_as_the_order_in_time_asks_for(line: str, orders: dict[str, int]) -> None:
    session = new_session()
    said(session, line)
    assert orders_in_time(session.draft) == orders
    assert len(session.built().arguments["initial"]) == sum(orders.values())


def test_a_missing_value_is_named_with_the_line_to_type() -> None:
    session = new_session()
    assert "D needs a value: type `D = 1`" in said(session, "u_t = D u_xx")
    with pytest.raises(ModelError, match="D needs a value"):
        said(session, ":solve")


def test_a_missing_condition_is_told_in_the_words_of_the_session() -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "u = 0 @ x=0")
    assert "`u = 0 @ x=1` or `periodic x`" in said(session, ":show")


# ---- changing one's mind -------------------------------------------------------------------------


def test_an_equation_for_the_same_field_takes_the_place_of_the_old_one() -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "u_t = 0.2 u_xx - u")
    assert session.draft.equations == ("dt(u) = 0.2*dxx(u) - u",)


def test_conditions_at_one_place_replace_each_other_and_periodic_ones_clear_the_axis() -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "u = 0 @ x=0", "u = 1 @ x=0", "u = 0 @ x=1")
    assert session.draft.conditions == ("u = 1 @ x=0", "u = 0 @ x=1")
    said(session, "periodic x")
    assert session.draft.conditions == ("periodic x",)
    said(session, "∂x u = 0 @ x=0")
    assert session.draft.conditions == ("dx(u) = 0 @ x=0",)


@pytest.mark.parametrize(
    ("conditions", "bounds"),
    [
        ((), ("0", "1")),
        (("u = 0 @ x=0",), ("0", "1")),
        (("u = 0 @ x=1",), ("0", "1")),
        (("u = 0 @ x=5",), ("0", "5")),
        (("u = 0 @ x=-2",), ("-2", "0")),
        (("u = 0 @ x=0", "u = 0 @ x=pi"), ("0", "pi")),
        (("u = 0 @ x=2", "u = 0 @ x=-1"), ("-1", "2")),
        (("u = 0 @ x=0", "u = 0 @ x=2", "x in (0, 2)"), ("0", "2")),
    ],
)
def test_an_interval_that_was_not_typed_follows_from_the_places_of_the_conditions(conditions: tuple[str, ...], bounds: tuple[str, str]) -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", *conditions)
    assert interval(session.draft, "x") == bounds


def test_a_side_has_one_condition_however_it_is_named() -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "u = 0 @ boundary", "u = 1 @ x=0")
    assert session.draft.conditions == ("u = 0 @ upper(x)", "u = 1 @ x=0")
    said(session, "u = 2 @ lower(x)")
    assert session.draft.conditions == ("u = 0 @ upper(x)", "u = 2 @ lower(x)")
    assert session.built().system.space[0].name == "x"


@pytest.mark.parametrize(("line", "says", "place"), [("m = 0 @ x=0", "no unknown of the model", 0), ("u = 0 @ x=5", "no side of x in", 8)])
def test_a_condition_that_cannot_fit_is_refused_and_leaves_the_model_as_it_was(line: str, says: str, place: int) -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", "x in (0, 2)")
    before = session.state
    with pytest.raises(ParseError, match=says) as caught:
        said(session, line)
    assert session.state is before and caught.value.text == line and caught.value.position == place


STEPS = st.lists(
    st.sampled_from(
        ["u_t = 0.1 u_xx", "u_t = D u_xx", "D = 0.2", "x in (0, 2)", "t in (0, 0.1)", "u = 0 @ x=0", "periodic x",
         "u(t=0) = sin(pi x)", ":set resolution=16", "q = u^2", ":new", "heat: u_t = u_xx"]
    ),
    max_size=8,
)  # fmt: skip


def test_places_typed_with_a_name_do_not_follow_it_and_say_so() -> None:
    session = new_session()
    said(session, "L = 2, D = 0.1", "0 < x < L", "u_t = D u_xx", "u = 0 @ x=0", "u = L @ x=L")
    answer = said(session, "L = 4")
    assert "x in (0, 2.0) was typed with L = 2 and stays" in answer and "x=2.0 was typed with L = 2" in answer
    assert "stays" not in said(session, "D = 0.3")  # typed in the same line, but no place is made of it
    assert "stays" not in said(session, "L = 4")


@given(STEPS)
def test_undoing_everything_leads_back_to_the_start_and_redoing_to_the_end(lines: list[str]) -> None:
    session = new_session()
    start, states = session.state, [session.state]
    for line in lines:
        try:
            said(session, line)
        except SymnumError:
            continue
        if session.state is not states[-1]:
            states.append(session.state)
    end = session.state
    for state in reversed(states[:-1]):
        assert session.undo() and session.state is state
    assert session.state is start and not session.undo()
    while session.redo():
        pass
    assert session.state == end


def test_models_of_a_session_are_kept_by_name() -> None:
    session = new_session()
    said(session, *LORENZ, "u_t = 0.1 u_xx")
    assert session.state.current == ""
    assert "lorenz" in said(session, ":model lorenz")
    assert session.state.current == "lorenz" and len(session.draft.equations) == 3
    assert session.built().system.parameters == {"s": 10.0, "r": 28.0, "b": pytest.approx(8 / 3)}


def test_equations_that_contradict_the_model_begin_another_and_say_so() -> None:
    session = new_session()
    said(session, *LORENZ)
    assert "a new model" in said(session, "u_t = 0.1 u_xx")
    session.undo()
    assert session.state.current == "lorenz"


# ---- Python --------------------------------------------------------------------------------------


def test_python_sees_the_model_and_the_session_sees_pythons_numbers() -> None:
    session = new_session()
    said(session, *HEAT, ":solve resolution=16")
    names = session.namespace
    assert names["D"] == 0.1 and names["u"] is names["system"].fields[0] and names["x"] is names["system"].space[0]
    assert names["sol"][names["u"]].shape == (101, 16)
    said(session, "biggest = float(sol[u].max())")
    assert names["biggest"] == pytest.approx(1.0)
    assert said(session, "2 D + 1") == "  1 + 2·D = 1.2"


def test_whole_numbers_are_whole_in_python() -> None:
    session = new_session()
    said(session, "n = 3", "a = -2", "b = 3.0", "c = 1e3", "u_t = n u_xx", "k = list(range(n))")
    assert session.namespace["k"] == [0, 1, 2]
    assert [type(session.namespace[name]) for name in "nabc"] == [int, int, float, float]
    assert session.built().system.parameters == {"n": 3.0}


def test_a_value_that_is_typed_wins_over_what_python_made_of_it() -> None:
    session = new_session()
    said(session, "n = 3", "n += 1", "u_t = n u_xx")
    assert session.namespace["n"] == 4
    said(session, "n = 5")
    assert session.namespace["n"] == 5 and session.built().system.parameters == {"n": 5.0}


def test_a_variable_of_the_user_is_never_overwritten() -> None:
    session = new_session()
    said(session, "import numpy as np", "x = np.linspace(0, 1, 5)", "u_t = 0.1 u_xx")
    assert isinstance(session.namespace["x"], np.ndarray)
    assert session.namespace["u"].name == "u"


def test_names_of_a_model_go_when_it_goes() -> None:
    session = new_session()
    said(session, "u_t = 0.1 u_xx", ":undo")
    assert "u" not in session.namespace and "system" not in session.namespace


# ---- interrupts and failures ---------------------------------------------------------------------


@contextmanager
def pressing_ctrl_c(title: str, span: tuple[float, float]) -> Iterator[Callable[[float], None]]:
    def update(t: float) -> None:
        if t > span[0]:
            raise KeyboardInterrupt

    yield update


@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P", "CVODE", "BDF"])
def test_an_interrupted_solve_keeps_what_it_has(method: str) -> None:
    session = new_session(progress=pressing_ctrl_c)
    said(session, *LORENZ, ":set until=1e6")
    answer = said(session, f":solve method={method}")
    sol = session.namespace["sol"]
    assert not sol.success and 0 < sol.t[-1] < 1e6 and sol.t.size > 1
    assert "Interrupted at t = " in answer and "`sol` holds it" in answer
    early = sol.t <= 1  # later, chaos has taken over
    whole = sn.solve(session.built().system.replace(domain=sn.Domain(t=(0, 1))), method="DOP853", rtol=1e-10, atol=1e-12)
    assert early.sum() > 1
    assert np.allclose(sol["x"].values[early], whole(t=sol.t[early])["x"].values, rtol=1e-3)


def test_errors_of_mathematics_point_into_the_typed_line() -> None:
    session = new_session()
    lines = [("u_t = 0.1 u_xx + (3", ""), ("u_t = 0.1 u_xx + * 3", "* 3"), (":solve metod=CVODE", "metod"), (":set xyz=1", "xyz"), (":plt", "plt")]
    for line, place in lines:
        with pytest.raises(ParseError) as caught:
            said(session, line)
        assert caught.value.text == line and line[caught.value.position :].startswith(place), line


@pytest.mark.parametrize("before", [0, 30, 200])
def test_the_caret_stands_below_the_place_in_lines_of_any_length(before: int) -> None:
    typed = f"u_t = {'u + ' * before}u_xx + * u"
    with pytest.raises(ParseError) as caught:
        said(new_session(), typed)
    line, caret, message = (piece.text for piece in error_output(caught.value, typed))
    assert line[caret.index("^") :].startswith("* u") and len(line) <= 78 and "expected" in message
    below, message = (piece.text for piece in error_output(caught.value, typed, prompt=4))
    assert below.index("^") == 4 + typed.index("* u")


def test_a_value_that_an_option_refuses_is_pointed_at() -> None:
    session = new_session()
    with pytest.raises(ParseError, match="CVODE") as caught:
        said(session, "u_t = 0.1 u_xx", ":solve method=CVOD")
    assert caught.value.position == len(":solve method=")


# ---- scripts -------------------------------------------------------------------------------------

SESSIONS: dict[str, tuple[str, ...]] = {
    "equation": (*HEAT, ":solve resolution=16", "D = 0.2", ":solve resolution=16 scheme=central"),
    "conditions": ("u_t = u_xx", "u = 0 @ x=0", "∂x u = 1 @ x=1", "u(t=0) = x", ":solve resolution=16"),
    "second order": ("u_tt = c² u_xx", "c = 2", "x in (0, 2 pi)", ":solve resolution=32 until=0.5"),
    "system": (*LORENZ, ":solve until=1"),
    "reactions": ("A + B -> C, k", "k = 2", "A(0) = 1", "B(0) = 0.5", ":solve until=3"),
    "python between": (*HEAT, ":solve resolution=16", "top = float(sol[u].max()) * D", "sol.t.size", ":solve resolution=32"),
    "python with numbers": ("n = 4", *HEAT, "a = [k*D for k in range(n)]", ":solve resolution=16", "n = 6", "top = sum(range(n)) + a[1]"),
    "a model of symnum": (":model heat_mixed", ":solve resolution=16"),
    "constraints": (":model pendulum", ":set g=5", ":solve until=0.5"),
    "noise": (":model langevin", ":solve seed=7 until=2"),
    "defined terms": ("f(x) = exp(-x²)", "u_t = 0.1 u_xx + f(x)", ":solve resolution=16"),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_the_saved_script_runs_by_itself_and_gives_the_same_solution(name: str, tmp_path: Path) -> None:
    session = new_session()
    said(session, *SESSIONS[name], f":save {tmp_path / 'again.py'}")
    made: dict[str, Any] = runpy.run_path(str(tmp_path / "again.py"))
    sol, again = session.namespace["sol"], made["sol"]
    assert sol.method == again.method and np.array_equal(sol.t, again.t)
    for field in sol.fields:
        assert np.allclose(sol[field].values, again[field].values, rtol=1e-12, atol=1e-14, equal_nan=True)
    if "top" in session.namespace:
        assert made["top"] == session.namespace["top"]


def test_a_script_holds_no_solve_that_nothing_looked_at() -> None:
    session = new_session()
    said(session, *HEAT, ":solve resolution=16", ":solve resolution=8")
    from symnum.repl.journal import script

    text = script(session.journal, session.built(), session.draft)
    assert text.count("sn.solve") == 1 and "resolution=8" in text


def test_the_lines_of_a_session_are_saved_and_load_again(tmp_path: Path) -> None:
    session, again = new_session(), new_session()
    said(session, *HEAT, ":set resolution=16", ":solve", f":save {tmp_path / 'a.sym'}")
    said(again, f":load {tmp_path / 'a.sym'}")
    assert np.array_equal(session.namespace["sol"]["u"].values, again.namespace["sol"]["u"].values)
    assert build(again.draft).arguments == build(session.draft).arguments


def test_the_saved_lines_hold_what_was_undone(tmp_path: Path) -> None:
    session, again = new_session(), new_session()
    said(session, *HEAT, "D = 5", ":undo", ":set resolution=16", ":solve", f":save {tmp_path / 'a.sym'}")
    said(again, f":load {tmp_path / 'a.sym'}")
    assert again.draft.values["D"].value == session.draft.values["D"].value == 0.1
    assert np.array_equal(session.namespace["sol"]["u"].values, again.namespace["sol"]["u"].values)


def test_lines_that_were_loaded_are_saved_as_lines_and_a_file_that_loads_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.sym"
    path.write_text("D = 0.1\nn = [1]\nn.append(2)\n")
    session = new_session()
    said(session, f":load {path}", f":save {path} overwrite=yes")
    assert path.read_text().splitlines()[1:] == ["D = 0.1", "n = [1]", "n.append(2)"]
    path.write_text(f"D = 1\n:load {path}\n")
    with pytest.raises(FileError, match="loads itself"):
        said(session, f":load {path}")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="cannot be read"):
        said(session, f":load {path}")


def test_a_line_that_fails_leaves_the_model_as_it_was() -> None:
    session = new_session()
    said(session, *HEAT, "x in (0, 1)")
    state, past = session.state, len(session.past)
    with pytest.raises(ParseError, match="x=5 is no side"):
        said(session, "u = 0 @ x=0, x=5")
    assert session.state is state and len(session.past) == past


def test_a_function_may_be_defined_where_its_name_waits_for_a_value() -> None:
    session = new_session()
    said(session, "u_t = u_xx + f g", "g = 2")
    with pytest.raises(ParseError, match="define it without them"):
        said(session, "f(x) = x²")
    assert "not complete" not in said(session, "f = x²") and session.built().system.parameters == {"g": 2.0}


def test_a_known_unknown_may_depend_on_more_later() -> None:
    session = new_session()
    said(session, "u' = w, w' = -u", "w' = u_xx")
    assert session.draft.coordinates == ("t", "x") and session.built().system.space[0].name == "x"
