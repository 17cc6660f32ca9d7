"""Generated Julia programs stand on their own, on Base alone, and compute what symnum computes: every model, and what models lack."""

from __future__ import annotations

import re
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csc_matrix

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.formats.julia_program import _module_name
from symnum.pipeline import Discretised
from tests.codegen.samples_c import brusselator, heat, lorenz
from tests.codegen.samples_julia import JULIA, faults, needs_julia, run_julia
from tests.formats.test_program import explosion, nonlocal_reaction, poisson, sampled

pytestmark = pytest.mark.filterwarnings("ignore::symnum.TargetWarning")
MODELS = Catalogue("model", folder=shipped_folder("models"))


def cells(system: sn.PDESystem) -> int:
    return 10 if len(system.space) < 3 else 6


def everything() -> dict[str, Callable[[], sn.PDESystem]]:
    """All models, and small systems with what they lack: algebraic equations, sampled initial values, integrals, long tables."""
    own = (brusselator, heat, lorenz, poisson, sampled, nonlocal_reaction, ring)
    plain = [name for name in MODELS if "SDE" not in MODELS.load(name).tags]  # programs with noise are not written
    return {name: MODELS.load(name).system for name in plain} | {f"own_{build.__name__}": build for build in own}


def ring(n: int = 130) -> sn.PDESystem:
    """Many scalars: a function in parts, a pattern from a table, more parameters than keywords."""
    after = [k % n + 1 for k in range(1, n + 1)]
    return sn.PDESystem.from_text(
        equations=[
            f"dt(u{k}) = k{k}*exp(-u{k})*sin(u{m}*u{k})*u{m}^3 - u{k}/(1 + u{m}^2)^4" for k, m in enumerate(after, 1)
        ],
        domain={"t": (0, 1)},
        initial=[f"u{k} = {k % 7}/3" for k in range(1, n + 1)],
        parameters={f"k{k}": 0.5 + k / n for k in range(1, n + 1)},
        name="ring",
    )


def resolution(name: str, system: sn.PDESystem) -> int:
    return 12 if name == "own_sampled" else cells(system)


@pytest.mark.parametrize("name", everything())
def test_every_program_can_be_parsed(name: str) -> None:
    system = everything()[name]()
    source = sn.generate(system, "julia", resolution=resolution(name, system)).source
    assert faults(source) == []
    assert max(map(len, source.splitlines())) <= 150


REPORT = """
function report(M, t, out)
    p = M.parameters()
    y = M.initial_state(p)
    eltype(M.initial_state(ones(Int, length(p)))) == Float64 || error("whole numbers as parameters")
    write(out, y)
    y .+= 0.1 .* ((1:M.SIZE) .% 5) ./ 5
    dydt = fill(NaN, M.SIZE)
    M.rhs!(dydt, y, p, t)
    write(out, dydt)
    isdefined(M, :full_fields!) && write(out, M.full_fields(y, p, t))
    if isdefined(M, :jacobian!)
        pattern = M.jacobian_pattern()
        nzval = fill(NaN, length(pattern.rowval))
        M.jacobian!(nzval, y, p, t, pattern)
        write(out, length(nzval), pattern.colptr, pattern.rowval, nzval)
    end
end
"""


@needs_julia
def test_every_program_computes_what_symnum_computes(tmp_path: Path) -> None:
    """One run of Julia includes them all; each writes its numbers."""
    systems, lines, ours = everything(), [REPORT, f'out = open("{tmp_path}/out", "w")'], {}
    for name, build in systems.items():
        system = build()
        n, path = resolution(name, system), tmp_path / f"{name}.jl"
        sn.generate(system, "julia", resolution=n).write(path)
        ours[name] = sn.discretise(system, resolution=n, target="numpy", simplify=False)
        lines += [f"module Case_{name}", f'include("{path}")', "end"]
        lines.append(f"report(Case_{name}.{_module_name(system.name)}, 1.25, out)")
    (tmp_path / "all.jl").write_text("\n".join([*lines, "close(out)", ""]))
    run_julia(tmp_path / "all.jl")
    data = (tmp_path / "out").read_bytes()
    for name, made in ours.items():
        data = data[compare(name, made, data) :]
    assert data == b""


def compare(name: str, ours: Discretised, data: bytes) -> int:
    """Check the numbers of one program; how many bytes they were."""
    used = 0

    def take(count: int, dtype: type = np.float64) -> np.ndarray:
        nonlocal used
        values = np.frombuffer(data, dtype, count, used)
        used += 8 * count
        return values

    y = take(ours.size)
    np.testing.assert_allclose(y, ours.initial_state(), rtol=1e-14, atol=1e-15, err_msg=name)
    y = y + 0.1 * (np.arange(1, ours.size + 1) % 5) / 5
    want = ours.rhs(1.25, y)
    np.testing.assert_allclose(take(ours.size), want, rtol=1e-11, atol=2e-13 * np.abs(want).max(), err_msg=name)
    if ours.semi.full != ours.semi.state:
        full = ours.full_fields(1.25, y)
        np.testing.assert_allclose(take(full.size), full, rtol=1e-12, atol=1e-13 * np.abs(full).max(), err_msg=name)
    if not ours.semi.rhs.locals:
        (count,) = take(1, np.int64)
        colptr, rowval = take(ours.size + 1, np.int64) - 1, take(count, np.int64) - 1
        jacobian = csc_matrix((take(count), rowval, colptr), shape=(ours.size, ours.size))
        exact = ours.jacobian(1.25, y)
        assert jacobian.has_sorted_indices and jacobian.nnz == exact.nnz, name
        np.testing.assert_array_equal(jacobian.indices, exact.indices, err_msg=name)
        np.testing.assert_allclose(jacobian.data, exact.data, rtol=1e-10, atol=1e-13 * abs(exact).max(), err_msg=name)
    return used


@needs_julia
@pytest.mark.parametrize("build", [heat, lorenz])
def test_main_program_takes_runge_kutta_steps(build: object, tmp_path: Path) -> None:
    system = build()  # type: ignore[operator]
    program = sn.generate(system, "julia", resolution=9).write(tmp_path / "model.jl")
    done = run_julia(program, "7", "0.002")
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
    for text, (name, (offset, shape)) in zip(lines[1:], ours.state_layout.items(), strict=True):
        block = y[offset : offset + int(np.prod(shape))]
        assert text.startswith(f"{name}: ")
        shown = [float(x) for x in re.findall(r"(?:min|max|mean) (\S+)", text)]
        np.testing.assert_allclose(shown, [block.min(), block.max(), block.mean()], rtol=1e-12)
    unaided = run_julia(program, "30")  # with a step of its own
    assert "NaN" not in unaided and "Inf" not in unaided


@needs_julia
def test_main_program_never_prints_what_is_not_finite(tmp_path: Path) -> None:
    program = sn.generate(explosion(), "julia").write(tmp_path / "explosion.jl")
    done = subprocess.run(
        [str(JULIA), "--startup-file=no", str(program), "100", "0.5"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "is not finite; take a shorter step" in done.stderr and not done.stdout


def test_what_is_left_out_is_said() -> None:
    with pytest.warns(
        sn.TargetWarning, match="no Jacobian: integrals over the domain make it dense. Write jacobian=False"
    ):
        text = sn.generate(nonlocal_reaction(), "julia", resolution=12).source
    assert "no sparse Jacobian" in text and "jacobian!" not in text and "integral" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "jacobian" not in sn.generate(lorenz(), "julia", jacobian=False).source
    with pytest.raises(sn.TargetError, match='openmp=True is for target="c"'):
        sn.generate(lorenz(), "julia", openmp=True)


def test_algebraic_systems_name_residuals_and_have_no_main_program() -> None:
    source = sn.generate(poisson(), "julia", resolution=11).source
    assert "residual_w[i] =" in source and "dw_dt" not in source and "main(" not in source
    assert "mass_matrix = Diagonal(float(differential()))" in " ".join(source.split())
    assert re.search(r"differential\(\) = \[fill\(true, \d+\); fill\(false, \d+\)\]", source)


def test_fields_that_are_no_unknowns_are_named() -> None:
    source = sn.generate(MODELS.load("pendulum").system(), "julia").source
    assert "No unknowns: u, w; the others determine them (full_fields)" in source and "outermost" not in source
    assert "outermost points of closed sides are no unknowns" in sn.generate(heat(), "julia", resolution=9).source
    assert "parameters(; g = 9.81) = float([g])" in source  # parameters(g = 10) too is a vector of floats


def test_too_much_initial_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symnum.formats.julia_program._MOST_DATA", 10)
    with pytest.raises(
        sn.TargetError, match="the initial values of u are 12 numbers, more than a Julia file should hold"
    ):
        sn.generate(sampled(), "julia", resolution=12)


@pytest.mark.parametrize(
    ("name", "module"), [("fisher_kpp", "FisherKpp"), ("", "System"), ("base", "BaseModel"), ("2 x", "X2X"), ("σ", "Σ")]
)
def test_module_names(name: str, module: str) -> None:
    assert _module_name(name) == module


def test_names_of_a_model_are_no_code() -> None:
    """Whatever a system is called, its file holds one module and nothing runs while it is read but definitions."""
    t = sn.coordinates("t")
    u, k = sn.field("end", (t,)), sn.parameter("sqrt", 2.0)
    system = sn.ODESystem([sn.Eq(sn.dt(u), -k * sn.sqrt(u))], t=(0, 1), initial={u: 1}, name='a"""$(b)\n\\')
    source = sn.generate(system, "julia").source
    assert faults(source) == [] and "module AB" in source
    assert "$(" not in source.partition("function main")[0].replace("\\$(", "") and 'a"""' not in source
