"""Kernels of functions as CUDA C, on a GPU and on the host through the shim, against NumPy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from benchmarks._trace_functions import CASES
from symnum.codegen.cuda_device import why_no_gpu
from symnum.codegen.cuda_file import CudaModule, print_module
from symnum.errors import BackendUnavailable, TargetError
from symnum.kernels.cuda import CudaVariant, example
from symnum.tracing.capture import Captured, capture
from tests.codegen.cuda_samples import DEVICES, compiles, merged, needs_compiler, needs_gpu, needs_nvcc, on_host, run


def gray_scott(u: np.ndarray, v: np.ndarray, F: float) -> tuple[np.ndarray, np.ndarray]:
    def laplacian(w: np.ndarray) -> np.ndarray:
        return np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4 * w

    return 0.16 * laplacian(u) - u * v**2 + F * (1 - u), 0.08 * laplacian(v) + u * v**2 - (F + 0.06) * v


def sides(du: np.ndarray, u: np.ndarray, p: float, t: float) -> None:
    du[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
    du[0], du[-1] = t * u[0], p * u[-1]


MATRIX = np.random.default_rng(5).normal(size=(8, 6))


def layers(u: np.ndarray) -> np.ndarray:
    hidden = np.tanh(u @ MATRIX)
    hidden[hidden > 0.5] = 0.5
    return np.where(u[:, :3].mean(axis=1) > 0, np.cumsum(hidden[:, 0]), hidden.max(axis=1))


def layers_of_one(u: np.ndarray) -> np.ndarray:
    return 0.5 * np.tanh(u) * (np.roll(u, 1, 1) - u) + 1 / (1 + u**2)


def mean_and_rest(u: np.ndarray) -> tuple[float, np.ndarray]:
    return u.mean(), u - u.mean()


def random(*shape: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


Maker = Callable[..., CudaVariant]


@pytest.fixture(params=DEVICES)
def made(request: pytest.FixtureRequest) -> Maker:
    def make(function: Callable[..., Any], *values: Any) -> CudaVariant:
        return CudaVariant(capture(function, values), list(function.__code__.co_varnames), request.param)

    return make


def test_results_and_out(made: Maker) -> None:
    u, v = random(30, 70), random(30, 70)
    want = gray_scott(u, v, 0.03)
    variant = made(gray_scott, u, v, 0.03)
    got = variant((u, v, 0.03))
    out = np.empty_like(u), np.empty_like(v)
    assert variant((u, v, 0.03), out) is out and len(variant.kernel.module.launches) == 1
    for k in range(2):
        np.testing.assert_allclose(got[k], want[k], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(out[k], got[k])
    over = u.copy()
    variant((over, v, 0.03), (over, out[1]))  # out= may be an argument
    np.testing.assert_array_equal(over, got[0])
    np.testing.assert_array_equal(variant((np.asfortranarray(u), v, 0.03))[0], got[0])
    with pytest.raises(TargetError, match=r"out has shape \(3, 3\)"):
        variant((u, v, 0.03), (np.empty((3, 3)), out[1]))


def test_single_precision(made: Maker) -> None:
    u = random(30, 70, dtype="float32")
    got = made(layers_of_one, u)((u,))
    assert got.dtype == np.float32 and "float *__restrict__" in made(layers_of_one, u).source
    np.testing.assert_allclose(got, layers_of_one(u), rtol=1e-5, atol=1e-6)


def test_functions_that_fill_their_argument(made: Maker) -> None:
    u, du, want = random(40), np.full(40, np.nan), np.empty(40)
    assert made(sides, du, u, 2.0, 0.5)((du, u, 2.0, 0.5)) is None
    sides(want, u, 2.0, 0.5)
    np.testing.assert_allclose(du, want, rtol=1e-13, atol=1e-14)


def test_matrices_sums_and_numbers(made: Maker) -> None:
    u = random(50, 8)
    np.testing.assert_allclose(made(layers, u)((u,)), layers(u), rtol=1e-12)
    mean, rest = made(mean_and_rest, u)((u,))
    assert np.ndim(mean) == 0
    np.testing.assert_allclose(mean, u.mean(), rtol=1e-12)
    np.testing.assert_allclose(rest, u - u.mean(), rtol=1e-12, atol=1e-14)


@pytest.fixture(scope="module")
def of_users() -> list[tuple[Any, tuple[Any, ...], Captured, CudaModule]]:
    """Functions as users write them, their arguments, and the CUDA C of each."""
    found = []
    for k, case in enumerate(CASES.values()):
        function, values = case.make(case.small)
        captured = capture(function, values)
        kernel = replace(captured.kernel, name=f"function_{k}")
        found.append((function, values, captured, print_module(kernel)))
    return found


@needs_compiler
def test_functions_as_users_write_them(of_users: list[tuple[Any, tuple[Any, ...], Captured, CudaModule]]) -> None:
    functions = on_host([module for *_, module in of_users])
    for function, values, captured, module in of_users:
        copies = copy.deepcopy(values)
        given = captured.pack(values)
        want = function(*copies)
        flat = run(functions, module, *given)
        wanted = [copies[0]] if want is None else want if isinstance(want, tuple | list) else [want]
        results = [flat[r.offset : r.offset + r.size].reshape(r.shape) for r in captured.results]
        for result, array in zip(results, wanted, strict=True):
            np.testing.assert_allclose(result, array, rtol=1e-12, atol=1e-13 * np.abs(array).max())


@needs_nvcc
def test_nvcc_compiles_them(of_users: list[tuple[Any, tuple[Any, ...], Captured, CudaModule]], tmp_path: Path) -> None:
    compiles(merged([module for *_, module in of_users]), tmp_path, ["sm_90"])


def test_arrays_of_a_gpu_are_traced_by_their_shape() -> None:
    class OnGpu:
        __cuda_array_interface__ = {"data": (0, False), "shape": (3, 4), "typestr": "<f4", "version": 3}
        shape, dtype = (3, 4), np.dtype("float32")

    made_of = example({"u": [OnGpu(), 2.0]})
    assert made_of["u"][0].shape == (3, 4) and made_of["u"][0].dtype == np.float32 and made_of["u"][1] == 2.0


@needs_gpu
@pytest.mark.parametrize("library", ["cupy", "torch"])
def test_arrays_on_the_gpu_go_in_and_come_out_without_copies(library: str) -> None:
    package = pytest.importorskip(library)
    if library == "torch" and not package.cuda.is_available():
        pytest.skip("this torch was built without CUDA")
    u, v = random(30, 70), random(30, 70)
    want = gray_scott(u, v, 0.03)
    here = [package.asarray(a) if library == "cupy" else package.tensor(a, device="cuda") for a in (u, v)]
    fast = sn.kernel(gray_scott, target="cuda")
    got, out = fast(*here, 0.03), [package.empty_like(a) for a in here]
    assert type(got[0]) is type(here[0])
    fast(*here, 0.03, out=tuple(out))
    for k in range(2):
        for result in (got[k], out[k]):
            np.testing.assert_allclose(
                result.get() if library == "cupy" else result.cpu().numpy(), want[k], rtol=1e-12, atol=1e-12
            )


@pytest.mark.skipif(not why_no_gpu(), reason="there is a GPU")
def test_without_a_gpu() -> None:
    with pytest.raises(BackendUnavailable, match=r'target="cuda" needs .*NVIDIA GPU'):
        sn.kernel(gray_scott, target="cuda")(random(8, 8), random(8, 8), 0.03)
