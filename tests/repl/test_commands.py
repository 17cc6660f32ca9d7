"""Every command: what it says of itself, what it does, what it answers to nonsense."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum.cli.models import catalogue, find_model
from symnum.errors import FileError, ModelError, ParseError, SymnumError
from symnum.repl.arguments import arguments_of
from symnum.repl.commands import ALIASES, commands, full_name
from symnum.repl.journal import Solve
from symnum.repl.render import Text, Tone
from symnum.repl.session import Quit
from symnum.repl.statements import Command, parse
from tests.repl.sessions import new_session, said

HEAT = ("u_t = D u_xx", "D = 0.1", "u(t=0) = sin(2 pi x)", ":set resolution=16")
NAMES = commands().names()


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_what_it_is(name: str) -> None:
    module = commands().load(name)
    line = commands().one_line(name)
    assert 10 < len(line) <= 72 and not line.endswith(".")
    assert module.USAGE.startswith(f":{name}") and isinstance(module.OPTIONS, dict)
    [example] = parse(module.EXAMPLE)
    assert isinstance(example, Command) and example.name == name
    options = {pair.name for pair in arguments_of(example.arguments).pairs}
    assert options <= set(module.OPTIONS) or name in ("set", "ic", "bc")
    session = new_session()
    told = said(session, f":help {name}")
    assert module.USAGE in told and line in told and all(option in told for option in module.OPTIONS)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"doctor", "quit"}))
@pytest.mark.parametrize("rest", ["", " nonsense=1", " a b c d", " ((", " 'u"])
def test_nonsense_gets_a_sentence_and_leaves_the_session_as_it_was(name: str, rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = new_session()
    said(session, *HEAT)
    try:
        answer = said(session, f":{name}{rest}")
        assert isinstance(answer, str)
    except SymnumError as error:
        assert 10 < len(str(error)) < 1500
        assert not isinstance(error, ParseError) or error.position <= len(error.text)
    assert said(session, ":show")


@pytest.mark.parametrize(("typed", "meant"), [("solve", "solve"), ("sol", "solve"), ("q", "quit"), ("?", "help"), ("h", "help"), ("pl", "plot")])
def test_a_beginning_or_an_alias_is_enough(typed: str, meant: str) -> None:
    assert full_name(typed) == meant
    assert set(ALIASES.values()) <= set(NAMES)


def test_a_beginning_that_two_commands_have_offers_both() -> None:
    with pytest.raises(ParseError, match=":explain or :export"):
        full_name("ex")
    with pytest.raises(ParseError, match="Did you mean 'plot'"):
        full_name("plott")


def test_help_lists_every_command() -> None:
    told = said(new_session(), ":help")
    assert all(f":{name} " in told for name in NAMES)


def test_quit_leaves() -> None:
    with pytest.raises(Quit):
        said(new_session(), ":quit")


# ---- the model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", catalogue().names())
def test_every_model_that_comes_along_is_the_same_in_the_session(name: str) -> None:
    session = new_session()
    said(session, f":model {name}")
    ours, shipped = session.built().system, find_model(name).system
    assert [str(e) for e in ours.equations] == [str(e) for e in shipped.equations]
    assert ours.parameters == shipped.parameters and ours.domain.bounds == shipped.domain.bounds
    assert not session.built().assumed
    assert {str(k): str(v) for k, v in ours.initial.items()} == {str(k): str(v) for k, v in shipped.initial.items()}
    assert ours.periodic == shipped.periodic
    assert {f: [str(c.residual) for c in rows] for f, rows in ours.face_conditions.items()} == {
        f: [str(c.residual) for c in rows] for f, rows in shipped.face_conditions.items()
    }


def test_a_model_of_a_file_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "rod.toml").write_text(
        'equations = ["dt(u) = D*dxx(u)"]\nconditions = ["u = 0 @ x=0", "u = 0 @ x=pi"]\ninitial = ["u = sin(x)"]\n'
        'domain = { t = [0, 1], x = [0, "pi"] }\nparameters = { D = 0.1 }\n'
    )
    session = new_session()
    said(session, f":model {tmp_path / 'rod.toml'}", "u = 1 @ x=0", ":set D=0.5 until=2")
    system = session.built().system
    assert system.parameters == {"D": 0.5} and system.domain.bounds["t"] == (0.0, 2.0)
    assert [str(c) for c in session.draft.conditions][-1] == "u = 1 @ x=0"


def test_a_model_that_has_no_text_keeps_its_equations_but_takes_values_and_times() -> None:
    session = new_session()
    said(session, ":model langevin", "g = 3", ":set until=1")
    assert session.built().system.parameters["g"] == 3.0
    assert session.built().system.domain.bounds["t"] == (0.0, 1.0)
    with pytest.raises(ModelError, match=":new"):
        said(session, ":ic x = 2")


def test_an_unknown_model_gets_near_names() -> None:
    with pytest.raises(SymnumError, match="lorenz"):
        said(new_session(), ":model lorentz")


def test_conditions_are_listed_with_numbers_and_removed_by_them() -> None:
    session = new_session()
    said(session, *HEAT, ":bc u = 0 @ x=0", ":bc u = 0 @ x=1")
    assert said(session, ":bc").splitlines() == ["  1  u = 0 @ x=0", "  2  u = 0 @ x=1"]
    said(session, ":bc remove 1")
    assert session.draft.conditions == ("u = 0 @ x=1",)
    assert "assumed periodic" in said(session, ":bc remove all")
    with pytest.raises(ParseError, match="there are 0 conditions"):
        said(session, ":bc remove 3")
    with pytest.raises(ParseError, match="no boundary condition"):
        said(session, ":bc x in (0, 2)")


def test_initial_values_and_intervals_by_their_commands() -> None:
    session = new_session()
    said(session, *HEAT, ":ic u = cos(2 pi x)", ":domain x in (0, 2), t in (0, 3)")
    assert session.draft.initial == ("u = cos(2*pi*x)",)
    assert dict(session.draft.domain) == {"x": ("0", "2"), "t": ("0", "3")}
    assert "x in (0, 2)" in said(session, ":domain") and "cos" in said(session, ":ic")


def test_set_gives_parameters_and_options() -> None:
    session = new_session()
    said(session, *HEAT, ":set D=1/4 method=Tsit5 rtol=1e-4 until=2*pi")
    assert session.built().system.parameters["D"] == 0.25
    assert session.draft.options == {"resolution": 16, "method": "Tsit5", "rtol": 1e-4}
    assert session.built().system.domain.bounds["t"][1] == pytest.approx(2 * np.pi)
    said(session, ":set method=auto")
    assert "method" not in session.draft.options
    with pytest.raises(ParseError, match=r"neither a parameter \(D\) nor an option"):
        said(session, ":set E=2")
    with pytest.raises(ParseError, match="no number"):
        said(session, ":set D=many")


# ---- solving and seeing --------------------------------------------------------------------------


def test_solve_takes_its_options() -> None:
    session = new_session()
    answer = said(session, *HEAT, ":solve method=CVODE resolution=8 save_every=0.25 until=1 rtol=1e-5")
    sol = session.namespace["sol"]
    assert sol.method == "CVODE" and sol["u"].shape == (5, 8) and "  CVODE: " in answer
    said(session, ":solve saveat=(0, 0.1, 0.5)")
    assert np.array_equal(session.namespace["sol"].t, [0, 0.1, 0.5])
    with pytest.raises(ParseError, match="is a parameter: type `D = 2`"):
        said(session, ":solve D=2")


def test_solve_tells_all_its_choices_when_asked() -> None:
    session = new_session()
    answer = said(session, *HEAT, ":solve -v")
    assert "  method: " in answer and "because: " in answer and "equations: 16 unknowns" in answer
    assert "because" not in said(session, ":solve")
    with pytest.raises(ParseError, match="-w"):
        said(session, ":solve -w")


def test_beginnings_of_options_will_do() -> None:
    session = new_session()
    said(session, *HEAT, ":solve res=8 meth=CVODE unt=0.5", ":set rto=1e-5")
    sol = session.namespace["sol"]
    assert sol.method == "CVODE" and sol["u"].shape == (101, 8) and sol.t[-1] == 0.5
    assert session.draft.options["rtol"] == 1e-5


def test_the_resolution_of_each_coordinate() -> None:
    session = new_session()
    said(session, "u_t = 0.01 Δu, y in (0, 1)", "x in (0, 1)", ":solve resolution=8x6 until=0.1")
    assert session.namespace["sol"]["u"].shape[1:] == (8, 6)
    with pytest.raises(SymnumError, match="3 numbers"):
        said(session, ":solve resolution=8x6x4")


def test_plot_writes_pictures_and_characters(tmp_path: Path) -> None:
    session = new_session()
    said(session, *HEAT, ":solve")
    assert (text := said(session, ":plot")) and "t=1" in text and "u" in text.splitlines()[0]
    assert len(said(session, ":plot height=12 width=60").splitlines()) == 12
    said(session, f":plot u t=(0, 0.5) {tmp_path / 'u.png'}")
    assert (tmp_path / "u.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ParseError, match="no field 'v'"):
        said(session, ":plot v")
    with pytest.raises(ParseError, match="suffix"):
        said(session, ":plot u.doc")


def test_a_terminal_that_shows_pictures_gets_one() -> None:
    from symnum.repl.render import Picture, Terminal

    session = new_session()
    session.host.terminal = lambda: Terminal(80, 24, pictures="kitty")
    said(session, *HEAT, ":solve")
    [[picture]] = session.run(":plot")
    assert isinstance(picture, Picture) and picture.png[:4] == b"\x89PNG"


def test_movie_writes_a_film(tmp_path: Path) -> None:
    session = new_session()
    said(session, *HEAT, ":solve save_every=0.5", f":movie {tmp_path / 'u.gif'} seconds=1 fps=3")
    assert (tmp_path / "u.gif").read_bytes()[:4] == b"GIF8"


def test_without_a_solution_the_next_step_is_said() -> None:
    session = new_session()
    with pytest.raises(ModelError, match=r"u_t = 0\.1 u_xx"):
        said(session, ":plot")
    answer = said(session, "u_t = 0.1 u_xx", ":plot height=12")
    assert "not solved yet, so `:solve` first" in answer and "t=1" in answer


def test_a_plot_of_a_solution_that_the_model_has_left_behind_says_so() -> None:
    session = new_session()
    note = "before it was changed"
    assert note not in said(session, *HEAT, ":solve", "t in (0, 2)", ":undo", ":plot")
    assert note in said(session, "D = 0.2", ":plot")
    assert note not in said(session, ":solve", ":plot")
    assert "still empty" in said(session, ":new", ":plot")
    assert "not solved yet" in said(session, "n_t = 0.1 n_xx", ":set resolution=16", ":plot")
    assert session.namespace["sol"].fields == ("n",)


# ---- other languages, files ----------------------------------------------------------------------


def test_code_and_export_say_what_python_says(tmp_path: Path) -> None:
    session = new_session()
    said(session, *HEAT)
    system = session.built().system
    assert said(session, ":code c resolution=8") == sn.generate(system, "c", resolution=8).source.rstrip("\n")
    assert said(session, ":export latex") == sn.export(system, "latex").rstrip("\n")
    assert said(session, ":latex") == system.latex()
    said(session, f":export json {tmp_path / 'heat.json'}", f":code numpy {tmp_path / 'heat.py'} resolution=8")
    again = sn.read((tmp_path / "heat.json").read_text(), "json")
    assert [str(e) for e in again.equations] == [str(e) for e in system.equations]
    assert "import numpy" in (tmp_path / "heat.py").read_text()
    with pytest.raises(ParseError, match="Did you mean 'prose'"):
        said(session, ":export prosa")


def test_simplify_keeps_the_value_and_tells_the_cost() -> None:
    session = new_session()
    answer = said(session, ":simplify (a^2 - 1)/(a - 1)")
    assert answer.splitlines()[0].strip() == "1 + a" and "before, 1 after" in answer


def test_explain_is_the_explanation_of_the_system() -> None:
    session = new_session()
    answer = said(session, *HEAT, ":explain")
    for line in session.built().system.explain().splitlines():
        assert line in answer
    assert "assumed: t in (0, 1)" in answer


def test_saving_does_not_overwrite_what_no_session_wrote(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("print('mine')\n")
    session = new_session()
    with pytest.raises(FileError, match="overwrite=yes"):
        said(session, *HEAT, f":save {path}")
    assert path.read_text() == "print('mine')\n"
    said(session, f":save {path} overwrite=yes", f":save {path}")
    assert "sn.PDESystem" in path.read_text()
    with pytest.raises(ParseError, match="the suffix says"):
        said(session, ":save run.txt")
    with pytest.raises(FileError, match="cannot be written"):
        said(session, f":save {tmp_path / 'no' / 'such.py'}")


def test_a_solution_is_saved_and_loaded(tmp_path: Path) -> None:
    session, other = new_session(), new_session()
    said(session, *HEAT, ":solve", f":save {tmp_path / 'run.nc'}")
    assert "Solution" in said(other, f":load {tmp_path / 'run.nc'}")
    assert np.array_equal(session.namespace["sol"]["u"].values, other.namespace["sol"]["u"].values)
    assert "t=1" in said(other, ":plot")


def test_the_last_error_can_be_traced() -> None:
    session = new_session()
    assert "no error" in said(session, ":traceback")
    try:
        said(session, ":plot")
    except ModelError as error:
        session.traceback = error
    assert "ModelError" in said(session, ":traceback") and "last_solution" in said(session, ":traceback")


def test_undo_shows_where_one_is() -> None:
    session = new_session()
    said(session, *HEAT)
    pieces = [piece for output in session.run(":undo") for piece in output]
    assert any(isinstance(piece, Text) and "equation" in piece.text for piece in pieces)
    assert all(isinstance(piece, Text) and piece.tone is not Tone.ERROR for piece in pieces)
    assert "resolution" in said(session, ":redo")
    assert "nothing to make again" in said(session, ":redo")


def test_times_that_are_none_are_refused() -> None:
    session = new_session()
    said(session, "x' = -x", ":solve")
    for text in ("t=(", "t=()", "t=,"):
        with pytest.raises(ParseError, match="expected a number"):
            said(session, f":plot {text}")


def test_text_of_a_saved_run_does_not_become_code_in_a_script(tmp_path: Path) -> None:
    harm = 'x"""\nraise SystemExit(7)\n#'
    t = sn.coordinates("t")
    u = sn.field("u", (t,))
    event = sn.Event(u > 1.05, "terminate")
    object.__setattr__(event, "text", harm)
    system = sn.ODESystem([sn.Eq(sn.dt(u), u)], domain=sn.Domain(t=(0, 1)), initial={u: 1}, events=[event], name=harm)
    sn.solve(system).save(tmp_path / "run.nc")
    session = new_session()
    said(session, f":load {tmp_path / 'run.nc'}", ":solve")
    solve = next(k for k, entry in enumerate(session.journal) if isinstance(entry, Solve))
    session.journal[solve] = replace(session.journal[solve], comment=harm)  # as the message of a solve that failed
    said(session, f":save {tmp_path / 's.py'}")
    runpy.run_path(str(tmp_path / "s.py"))  # SystemExit if a text had become code


def test_a_script_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    session = new_session()
    said(session, *HEAT)
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(FileError, match="cannot be written"):
        said(session, f":save {tmp_path / 'folder.py'}")
    said(session, f":save {tmp_path / 's.py'}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.py", "s.py"]
