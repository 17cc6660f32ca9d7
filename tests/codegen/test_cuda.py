"""CUDA C without a GPU: the printed source, run on the host through the shim, means what ``ir.interpret`` means; nvcc compiles it where it is."""

from __future__ import annotations

import re
import runpy
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import symnum as sn
from symnum.codegen.cuda_device import HostFunctions, address, device_of, why_no_gpu
from symnum.codegen.cuda_file import CudaModule, print_module
from symnum.codegen.cuda_inline import print_device_function
from symnum.codegen.cuda_plan import Points, Sums, Tiling, stages
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets.cuda import cuda_kernel
from symnum.errors import BackendUnavailable, TargetError
from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Accumulate, Array, Kernel, Store, index, load, nest
from tests.codegen.cuda_samples import DEVICES, NVCC, compiles, merged, needs_compiler, needs_nvcc, on_host, run
from tests.codegen.samples_c import brusselator
from tests.contracts import kernels as samples
from tests.contracts.kernels import EPS, evaluate, kernels, state
from tests.contracts.test_arrays import laid_out, matrix_kernel
from tests.contracts.test_targets import AWKWARD, GUARDED, guards

TILINGS = (None, Tiling(3, 32), Tiling(2, 64))


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNUM_CACHE", "off")
        yield


def random_kernels(count: int) -> list[Kernel]:
    made: list[Kernel] = []
    fuzz = settings(max_examples=count, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    fuzz(given(kernel=kernels())(lambda kernel: made.append(kernel)))()  # Hypothesis wants a function of Python
    return [check(replace(kernel, name=f"random_{k}")) for k, kernel in enumerate(made)]


@needs_compiler
def test_random_kernels() -> None:
    """Also with other numbers of rows, and laid out anew: views with steps, constants, stored local arrays."""
    cases = [(kernel, *state(kernel)) for kernel in random_kernels(30)]
    modules = [print_module(kernel, tiling=TILINGS[k % 3]) for k, (kernel, *_) in enumerate(cases)]
    turned = [
        laid_out(replace(kernel, name=f"{kernel.name}_turned"), y, k) for k, (kernel, _, y, _) in enumerate(cases[:16])
    ]
    moved = [print_module(kernel) for kernel, _, _ in turned]
    functions = on_host([*modules, *moved])
    launches: list[int] = []
    for k, ((kernel, t, y, p), module) in enumerate(zip(cases, modules, strict=True)):
        want, bound = interpret(kernel, t, y, p), evaluate(kernel, t, y, p)[1]
        got = [run(functions, module, t, y, p)]
        if k < len(turned):
            _, values, read = turned[k]
            got.append(read(run(functions, moved[k], t, values, p)))
        for result in got:
            assert (np.abs(result - want) <= 64 * EPS * bound).all(), module.source
        launches.append(len(module.launches))
    assert max(launches) >= 4 and min(launches) == 1


@needs_compiler
def test_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 64 eps of 32 bits of a running error bound; numbers below the least normal one may vanish."""
    single, least = float(np.finfo(np.float32).eps), float(np.finfo(np.float32).tiny)
    monkeypatch.setattr(samples, "EPS", single)
    narrow = [replace(kernel, dtype="float32") for kernel in random_kernels(12)]
    modules = [print_module(kernel) for kernel in narrow]
    functions = on_host(modules)
    for kernel, module in zip(narrow, modules, strict=True):
        t, y, p = state(kernel)
        y, p = (v.astype(np.float32).astype(float) for v in (y, p))
        want, bound = evaluate(replace(kernel, dtype="float64"), t, y, p)
        got = run(functions, module, t, y, p)
        assert got.dtype == np.float32
        near = interpret(kernel, t, y, p)  # where what underflows decides a branch, it decides alike
        error = np.minimum(np.abs(got - want), np.abs(got - near))
        assert (error <= 64 * (single * (bound + np.abs(want)) + least)).all(), module.source


@needs_compiler
def test_nan_and_infinity_are_not_lost() -> None:
    modules = [print_module(replace(guards(value), name=f"guard_{k}")) for k, value in enumerate(GUARDED.values())]
    functions = on_host(modules)
    y = np.stack(np.meshgrid(AWKWARD, AWKWARD)).ravel()
    for name, module in zip(GUARDED, modules, strict=True):
        want, got = interpret(module.kernel, 0.0, y), run(functions, module, 0.0, y, np.zeros(0))
        np.testing.assert_allclose(got, want, rtol=1e-13 if name not in ("sin", "cos", "tan") else 1e-11, err_msg=name)
    assert {op for op, row in TABLE.items() if row.arity in (1, 2)} - set(GUARDED) <= {"not", "table", "and", "or"}


def total(shape: tuple[int, ...], kept: tuple[int, ...], operation: str = "add") -> Kernel:
    """S = the values of u taken together over the axes that are not kept; out = S + the first index."""
    axes = tuple(range(len(shape)))
    u = Array("u", shape, 0, axes, (0,) * len(shape), "u")
    s = Array("S", tuple(shape[k] for k in kept), 0, kept, (0,) * len(kept), "S")
    out = Array("out", s.shape, 0, kept, s.origin, "out")
    body = (
        nest(
            tuple((k, 0, n) for k, n in enumerate(shape)),
            (Accumulate("S", load("u", (0,) * len(shape)), "", operation),),
        ),
        Store("out", load("S", ()))
        if not kept
        else nest(tuple((k, 0, shape[k]) for k in kept), (Store("out", load("S", (0,) * len(kept)) + index(kept[0])),)),
    )
    name = f"total_{'x'.join(map(str, shape))}_{''.join(map(str, kept))}_{operation}"
    return check(Kernel(name, (u,), (out,), (), None, shape, body, "", (s,)))


@needs_compiler
def test_sums_in_every_way() -> None:
    """One thread a sum, one block a sum, many blocks a sum; the same bits in every run, against NumPy."""
    cases = [
        total((300, 90), ()),
        total((7, 3000), (0,)),
        total((3000, 600), (1,)),
        total((2, 4000), (1,)),
        total((20000,), (), "maximum"),
    ]
    cases += [total((5, 9000), (0,), "mul"), total((70, 80), (), "minimum"), matrix_kernel(70, 100, "add")[0]]
    modules = [print_module(kernel) for kernel in cases]
    ways = {s.chunks if s.chunks < 2 else 2 for kernel in cases for s in stages(kernel) if isinstance(s, Sums)}
    assert ways == {0, 1, 2}
    functions = on_host(modules)
    reduce = {"add": np.sum, "mul": np.prod, "maximum": np.max, "minimum": np.min}
    for kernel, module in zip(cases, modules, strict=True):
        y = np.random.default_rng(0).uniform(0.999, 1.001, kernel.input_size)
        got = run(functions, module, 0.0, y, np.zeros(0))
        np.testing.assert_array_equal(got, run(functions, module, 0.0, y, np.zeros(0)))
        np.testing.assert_allclose(got, interpret(kernel, 0.0, y), rtol=1e-12)
        if kernel.name.startswith("total"):
            kept, operation = kernel.locals[0].axes, kernel.name.split("_")[-1]
            lost = tuple(k for k in range(len(kernel.periods)) if k not in kept)
            want = reduce[operation](y.reshape(kernel.periods), axis=lost)
            want = want + np.arange(len(want)).reshape(-1) if kept else want
            np.testing.assert_allclose(got, np.ravel(want), rtol=1e-12)


def grid(resolution: int = 40) -> Kernel:
    return sn.discretise(brusselator(), resolution=resolution, target="numpy").semi.rhs


def test_rows_share_what_they_read() -> None:
    """Two fields with wrap: one launch, four rows a thread, each row of a tile named once."""
    (stage,) = stages(grid(4096))
    assert isinstance(stage, Points) and len(stage.boxes) == 1
    box = stage.boxes[0]
    assert (box.rows, box.width, box.height, box.blocks) == (4, 64, 4, 64 * 256)
    source = print_module(grid(4096)).source
    assert "int row[6];" in source and "u[im1*N1 + j]" in source and "wrap(j - 1, N1)" in source


@pytest.mark.parametrize("device", DEVICES)
def test_a_target_of_its_own(device: str) -> None:
    """Compiled kernels take NumPy arrays; separate arguments take arrays of their own."""
    kernel = grid()
    compiled = compile_kernel(kernel, "cuda", device=device)
    t, y, p = state(kernel)
    want = interpret(kernel, t, y, p)
    np.testing.assert_allclose(compiled(t, y, p), want, rtol=1e-12, atol=1e-10)
    assert compiled.target == "cuda" and "__global__" in compiled.source and compiled.address is None
    n = kernel.input_size // 2
    parts = [("first", 0, n), ("second", n, n)]
    made = cuda_kernel(kernel, parts, parts, device)
    outputs = [np.empty(n), np.empty(n)]
    made.on_host(t, p.tolist(), [y[:n].copy(), y[n:].copy()], outputs)
    np.testing.assert_allclose(np.concatenate(outputs), want, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("device", DEVICES)
def test_kernels_of_parameters_alone(device: str) -> None:
    """There is no vector to read; a kernel called like a function of C is one of ours."""
    out, a = Array("x", (3,), 0, (0,), (0,), "x"), Symbol("a", "parameter")
    kernel = check(Kernel("random", (), (out,), (a,), None, (3,), (nest(((0, 0, 3),), (Store("x", a * index(0)),)),)))
    np.testing.assert_array_equal(compile_kernel(kernel, "cuda", device=device)(0.0, [], [2.0]), [0.0, 2.0, 4.0])


def test_refusals() -> None:
    with pytest.raises(TargetError, match=r"there is no device 'tpu'; write device=.gpu."):
        device_of("tpu")
    with pytest.raises(TargetError, match=r"expected an array on the GPU, got ndarray; write cupy.asarray"):
        address(np.zeros(3))
    if why_no_gpu():
        with pytest.raises(BackendUnavailable, match=r"needs .*NVIDIA GPU"):
            compile_kernel(grid(), "cuda")


def programs() -> list[CudaModule]:
    """What nvcc is to compile: random kernels, float32, sums, a closed domain in three dimensions."""
    modules = [print_module(kernel, tiling=TILINGS[k % 3]) for k, kernel in enumerate(random_kernels(10))]
    modules += [print_module(replace(k, name=f"{k.name}_single", dtype="float32")) for k in random_kernels(4)]
    return [
        *modules,
        print_module(total((300, 90), ())),
        print_module(matrix_kernel(70, 100, "add")[0]),
        print_module(replace(grid(), name="grid")),
    ]


@needs_nvcc
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvcc_compiles(architecture: str, tmp_path: Path) -> None:
    compiles(merged(programs()), tmp_path, [architecture])


@needs_nvcc
def test_neighbouring_rows_read_once(tmp_path: Path) -> None:
    """Four rows of two fields with five-point stencils: 6 + 8 loads a field in the code of the GPU, not 20; no register is spilled."""
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    equations = [sn.Eq(sn.dt(u), u**2 * v + sn.laplacian(u)), sn.Eq(sn.dt(v), -(u**2) * v + sn.laplacian(v))]
    sides = [sn.periodic(x), sn.periodic(y)]
    system = sn.PDESystem(
        equations, domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)), conditions=sides, initial={u: 1.0, v: 1.0}
    )
    kernel = sn.discretise(system, resolution=4096, target="numpy").semi.rhs
    (tmp_path / "rows.cu").write_text(print_module(kernel).source)
    line = [str(NVCC), "-arch=sm_90", "-ptx", "-o", str(tmp_path / "rows.ptx"), str(tmp_path / "rows.cu")]
    subprocess.run(line, check=True, capture_output=True)
    code = (tmp_path / "rows.ptx").read_text()
    assert (code.count("ld.global"), code.count("st.global"), code.count("bra")) == (28, 8, 0)


def test_the_page_shows_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    (tmp_path / "page.py").write_text(block)
    runpy.run_path(str(tmp_path / "page.py"))
    shown = [line.strip() for line in re.findall(r"```c\n(.*?)```", page, re.S)[0].splitlines() if "..." not in line]
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert shown and set(shown) <= set(printed)


@needs_compiler
def test_random_kernels_as_functions_of_the_device() -> None:
    """All points by one thread, for solvers that run in it: loops, local arrays and sums included."""
    cases = [replace(kernel, name=f"point_{k}") for k, kernel in enumerate(random_kernels(16))]
    parts = []
    for kernel in cases:
        text = print_device_function(kernel, f"{kernel.name}_values")
        call = f"if (threadIdx.x == 0) {kernel.name}_values(t, y, p, out);"
        head = (
            f'extern "C" __global__ void {kernel.name}(const double t, const double *y, const double *p, double *out)'
        )
        macros = [line.split()[1] for line in text.splitlines() if line.startswith("#define N")]
        undone = "".join(f"#undef {m}\n" for m in macros)
        parts.append(
            f"namespace of_{kernel.name} {{\n{text}\n{head} {{ {call} }}\n}}\nusing of_{kernel.name}::{kernel.name};\n{undone}"
        )
    functions = HostFunctions("\n".join(parts), [kernel.name for kernel in cases])
    for kernel in cases:
        t, y, p = state(kernel)
        out = np.full(kernel.output_size, np.nan)
        functions.launch(kernel.name, 1, [t], [y, p, out])
        assert (np.abs(out - interpret(kernel, t, y, p)) <= 64 * EPS * evaluate(kernel, t, y, p)[1]).all(), kernel
