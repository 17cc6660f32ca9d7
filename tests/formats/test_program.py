"""Generated programs stand on their own and compute what symnum computes; files are written whole and nobody's file is lost."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum.formats.program import Program
from tests.codegen.samples_c import COMPILER, STRICT, Compiled, brusselator, heat, lorenz, needs_compiler


def poisson() -> sn.PDESystem:
    """A field that evolves in the potential of itself: an algebraic equation, a lower bound that is not zero, unequal sides."""
    return sn.PDESystem.from_text(
        equations=["dt(u) = D*dxx(u) - dx(u*dx(w)) + sin(x)", "0 = dxx(w) - u"],
        domain={"t": (0, 1), "x": (-1, 2)},
        conditions=[
            "u = exp(-t)*cos(1) @ x=-1",
            "dx(u) + 2*u = 2*cos(2) - sin(2) @ x=2",
            "dx(w) = 0 @ x=-1",
            "w = 0 @ x=2",
        ],
        initial=["u = cos(x)"],
        parameters={"D": 0.1},
        name="poisson",
    )


def sampled() -> sn.PDESystem:
    """An initial state that is given as an array and as a function."""
    t, x = sn.coordinates("t x")
    u, v = sn.fields("u v", (t, x))
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) - v), sn.Eq(sn.dt(v), u)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: np.linspace(1, 2, 12) ** 2, v: lambda x: np.sin(2 * np.pi * x)},
        name="sampled",
    )


def csc(compiled: Compiled, entries: int, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The Jacobian that the C functions give, as a full matrix."""
    from scipy.sparse import csc_matrix

    starts, indices, place = (np.zeros(n, np.int32) for n in (y.size + 1, entries, entries))
    values = np.full(entries, np.nan)
    count = compiled.call("jacobian_csc", starts, indices, place)
    compiled.call("jacobian", t, y, p, values)
    data = np.zeros(count)
    np.add.at(data, place, values)
    made = csc_matrix((data, indices[:count], starts), shape=(y.size, y.size))
    assert made.has_sorted_indices
    return np.asarray(made.toarray())


def coarse() -> sn.PDESystem:
    """A grid so coarse that the derivative by a neighbour, 4/dx**4 - 1/dx**2, is negative."""
    return sn.PDESystem.from_text(
        equations=["dt(u) = -u*dx(u) - dxx(u) - dxxxx(u)"],
        domain={"t": (0, 1), "x": (0, 100)},
        conditions=["periodic x"],
        initial=["u = cos(pi*x/50)"],
        name="coarse",
    )


def nonlocal_reaction() -> sn.PDESystem:
    """An integral over the whole domain."""
    return sn.PDESystem.from_text(
        equations=["dt(u) = dxx(u) + u*(1 - integral(u, x))"],
        domain={"t": (0, 1), "x": (0, 1)},
        conditions=["periodic x"],
        initial=["u = 1 + cos(2*pi*x)/2"],
        name="nonlocal",
    )


@needs_compiler
@pytest.mark.filterwarnings("ignore::symnum.TargetWarning")
@pytest.mark.parametrize(
    ("build", "resolution", "order"),
    [
        (brusselator, {"x": 8, "y": 6}, 4),
        (heat, 9, 2),
        (lorenz, 8, 2),
        (poisson, 11, 2),
        (sampled, 12, 2),
        (coarse, 10, 2),
        (nonlocal_reaction, 12, 2),
    ],
)
def test_c_computes_what_symnum_computes(build: object, resolution: object, order: int, tmp_path: Path) -> None:
    system = build()  # type: ignore[operator]
    resolution = {c: resolution[c.name] for c in system.space} if isinstance(resolution, dict) else resolution
    source = sn.generate(system, resolution=resolution, order=order).source
    ours, compiled = sn.discretise(system, resolution=resolution, order=order), Compiled(source, tmp_path, ("-O1",))
    p, t = np.array(ours.semi.parameter_values or [0.0]), 1.25
    start = np.full(ours.size, np.nan)
    compiled.call("initial_state", 0.0, p, start)
    np.testing.assert_allclose(start, ours.initial_state(), rtol=1e-14, atol=1e-15)
    y, rates = start + 0.1 * np.random.default_rng(0).random(ours.size), np.full(ours.size, np.nan)
    compiled.call("rhs", t, y, p, rates)
    want = ours.rhs(t, y)
    np.testing.assert_allclose(rates, want, rtol=1e-12, atol=1e-13 * np.abs(want).max())
    if "FULL_SIZE" in source:
        expected = ours.full_fields(t, y)
        full = np.full(expected.size, np.nan)
        compiled.call("full_fields", t, y, p, full)
        np.testing.assert_allclose(full, expected, rtol=1e-13, atol=1e-14)
    found = re.search(r"#define JACOBIAN_ENTRIES (\d+)", source)
    if build is nonlocal_reaction:
        assert found is None and "no sparse Jacobian" in source and "+= " in source
        return
    assert found is not None
    jacobian = csc(compiled, int(found[1]), t, y, p)
    step = 1e-6
    for k in range(ours.size):  # central differences of the compiled right-hand side, good to 1e-7
        ends = []
        for sign in (1, -1):
            moved, result = y.copy(), np.empty(ours.size)
            moved[k] += sign * step
            compiled.call("rhs", t, moved, p, result)
            ends.append(result)
        np.testing.assert_allclose(jacobian[:, k], (ends[0] - ends[1]) / (2 * step), atol=1e-7 * np.abs(jacobian).max())


@needs_compiler
@pytest.mark.parametrize("build", [heat, lorenz])
def test_main_program_takes_runge_kutta_steps(build: object, tmp_path: Path) -> None:
    system = build()  # type: ignore[operator]
    source, program = tmp_path / "model.c", tmp_path / "model"
    sn.generate(system, resolution=9).write(source)
    subprocess.run([str(COMPILER), *STRICT, "-O1", "-DSYMNUM_MAIN", str(source), "-lm", "-o", str(program)], check=True)
    done = subprocess.run([str(program), "7", "0.002"], capture_output=True, text=True, check=True).stdout
    ours = sn.discretise(system, resolution=9)
    y, h, f = ours.initial_state(), 0.002, ours.rhs
    for n in range(7):
        t = n * h
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h / 2 * k1)
        k3 = f(t + h / 2, y + h / 2 * k2)
        y = y + h / 6 * (k1 + 2 * (k2 + k3) + f(t + h, y + h * k3))
    lines = done.splitlines()
    assert lines[0].startswith("t = 0.014") and len(lines) == 1 + len(ours.state_layout)
    for line, (name, (offset, shape)) in zip(lines[1:], ours.state_layout.items(), strict=True):
        block = y[offset : offset + int(np.prod(shape))]
        assert line.startswith(f"{name}: ")
        shown = [float(x) for x in re.findall(r"(?:min|max|mean) (\S+)", line)]
        np.testing.assert_allclose(shown, [block.min(), block.max(), block.mean()], rtol=1e-12)
    unaided = subprocess.run(
        [str(program), "30"], capture_output=True, text=True, check=True
    ).stdout  # with a step of its own
    assert "nan" not in unaided and "inf" not in unaided


def explosion() -> sn.PDESystem:
    """u' = u**2 has the solution 1/(1 - t); after t = 1 there is none."""
    return sn.PDESystem.from_text(equations=["dt(u) = u^2"], domain={"t": (0, 2)}, initial=["u = 1"], name="explosion")


@needs_compiler
def test_main_program_shortens_steps_and_never_prints_what_is_not_finite(tmp_path: Path) -> None:
    """Robertson's reaction, whose rates grow from 0.04 to 2000 in the first instant, and steps that are too long."""
    robertson = sn.PDESystem.from_text(
        equations=["dt(A) = -0.04*A + 1e4*B*C", "dt(B) = 0.04*A - 1e4*B*C - 3e7*B^2", "dt(C) = 3e7*B^2"],
        domain={"t": (0, 1e5)},
        initial=["A = 1", "B = 0", "C = 0"],
        name="robertson",
    )
    for system in (robertson, explosion()):
        text, program = tmp_path / f"{system.name}.c", tmp_path / system.name
        sn.generate(system, jacobian=False).write(text)
        flags = [*STRICT, "-O1", "-DSYMNUM_MAIN"]
        subprocess.run([str(COMPILER), *flags, str(text), "-lm", "-o", str(program)], check=True)
        done = subprocess.run([str(program), "3000"], capture_output=True, text=True, check=False)
        if system.name == "robertson":
            assert done.returncode == 0
            ends = [float(x) for x in re.findall(r"mean (\S+)", done.stdout)]
            end = float(done.stdout.split()[2])
            from scipy.integrate import solve_ivp

            rates = sn.discretise(system).rhs
            exact = solve_ivp(rates, (0, end), [1.0, 0.0, 0.0], "BDF", rtol=1e-10, atol=1e-14).y[:, -1]
            np.testing.assert_allclose(ends, exact, rtol=1e-4)
            done = subprocess.run([str(program), "100", "10"], capture_output=True, text=True, check=False)
            assert "take a shorter step" in done.stderr
        assert (done.returncode == 1) == ("is not finite" in done.stderr)
        assert "nan" not in done.stdout and "inf" not in done.stdout


def test_what_is_left_out_is_said() -> None:
    """An integral's dense Jacobian, threads for loops that are too short."""
    with pytest.warns(
        sn.TargetWarning, match=r"no Jacobian: integrals over the domain make it dense. Write jacobian=False"
    ):
        sn.generate(nonlocal_reaction(), resolution=12)
    with pytest.warns(sn.TargetWarning, match=r"no threads: none of its loops has 4,096 points.* Leave openmp"):
        source = sn.generate(heat(), resolution=12, openmp=True).source
    assert "-fopenmp" not in source and "PARALLEL" not in source
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sn.generate(nonlocal_reaction(), resolution=12, jacobian=False)
        assert "-fopenmp" in sn.generate(brusselator(), resolution=128, openmp=True, jacobian=False).source


def test_algebraic_systems_have_no_main_program_and_name_residuals() -> None:
    source = sn.generate(poisson(), resolution=11).source
    assert "SYMNUM_MAIN" not in source and "residual_w[i] =" in source and "dw_dt" not in source


def test_parts_can_be_left_out() -> None:
    source = sn.generate(lorenz(), jacobian=False).source
    assert "jacobian" not in source
    assert "PARALLEL_FOR for" not in sn.generate(brusselator(), resolution=128).source
    threads = sn.generate(brusselator(), resolution=128, openmp=True).source
    assert "-fopenmp" in threads and re.search(r"PARALLEL_FOR\s+for \(int i", threads)


def test_too_much_initial_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symnum.formats.c_program._MOST_DATA", 10)
    with pytest.raises(
        sn.TargetError, match=r"the initial values of u are 12 numbers, more than a C file should hold .*give a formula"
    ):
        sn.generate(sampled(), resolution=12)


def test_numpy_module_computes_the_same(tmp_path: Path) -> None:
    path = sn.generate(brusselator(), "numpy", resolution=8).write(tmp_path / "made.py")
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    ours = sn.discretise(brusselator(), resolution=8)
    y = ours.initial_state() + 0.1
    got = made.rhs(2.0, y, list(made.PARAMETERS.values()), np.empty(made.SIZE))
    np.testing.assert_allclose(got, ours.rhs(2.0, y), rtol=1e-12)
    assert made.STATE["v"] == (64, (8, 8))


def test_llvm_text_compiles_and_computes_the_same() -> None:
    import ctypes

    from symnum.codegen.jit import compile_ir, native_function

    made, ours = sn.generate(lorenz(), "llvm"), sn.discretise(lorenz())
    module = compile_ir(made.source, cache=False)
    function = native_function(module.address("rhs"), ctypes.c_double, *[ctypes.c_void_p] * 3)
    y, p, got = np.array([1.0, 2.0, 3.0]), np.array(ours.semi.parameter_values), np.empty(3)
    function(0.0, y.ctypes.data, p.ctypes.data, got.ctypes.data)
    np.testing.assert_allclose(got, ours.rhs(0.0, y), rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "fortran"}, "there is no language 'fortran' to generate. Known: c, julia, numpy, llvm"),
        ({"target": "nunpy"}, "Did you mean 'numpy'"),
        ({"target": "numpy", "openmp": True}, 'openmp=True is for target="c"'),
    ],
)
def test_bad_options_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(sn.TargetError, match=re.escape(words)):
        sn.generate(lorenz(), **options)  # type: ignore[arg-type]


# --- files --------------------------------------------------------------------------------------------------------------------

MADE = Program("lorenz", "c", "/* Generated by symnum. */\n", 3)


def test_repr_is_short() -> None:
    assert repr(sn.generate(lorenz())).startswith("Program(lorenz, c, 3 unknowns, ") and len(repr(MADE)) < 120


def test_own_files_are_replaced_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "lorenz.c"
    assert MADE.write(path) == path and MADE.write(path).read_text() == MADE.source
    path.write_text("int precious;\n")
    with pytest.raises(
        sn.FileError, match="exists and was not generated by symnum; give another name, or overwrite=True"
    ):
        MADE.write(path)
    assert path.read_text() == "int precious;\n"
    MADE.write(path, overwrite=True)
    assert path.read_text() == MADE.source
    assert [p.name for p in tmp_path.iterdir()] == ["lorenz.c"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lorenz.txt", "does not end in .c"),
        ("no/such/lorenz.c", "mkdir -p"),
        ("folder.c", "exists and was not generated"),
    ],
)
def test_bad_paths_are_named(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.c").mkdir()
    with pytest.raises(sn.FileError, match=words):
        MADE.write(tmp_path / name)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = MADE.write(tmp_path / "lorenz.c")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("symnum.formats.program.os.replace", full)
    with pytest.raises(sn.FileError, match="No space left on device"):
        Program("lorenz", "c", "/* other */\n", 3).write(path)
    assert path.read_text() == MADE.source and [p.name for p in tmp_path.iterdir()] == ["lorenz.c"]
