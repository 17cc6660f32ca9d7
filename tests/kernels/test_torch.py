"""sn.kernel(f, target="torch"): values of the plain function on torch tensors, gradients of torch's own operations, no copies."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import TargetError

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNUM_CACHE", "off")
        yield


def laplacian(u: Any, roll: Any = np.roll) -> Any:
    return sum(roll(u, s, k) for k in (0, 1) for s in (1, -1)) - 4 * u


def rates(u: Any, v: Any, F: float, k: float) -> Any:
    return laplacian(u) - u * v**2 + F * (1 - u), laplacian(v) + u * v**2 - (F + k) * v


def rates_of_torch(u: Any, v: Any, F: Any, k: Any) -> Any:
    return laplacian(u, torch.roll) - u * v**2 + F * (1 - u), laplacian(v, torch.roll) + u * v**2 - (F + k) * v


def values(dtype: Any = None) -> list[Any]:
    made = torch.Generator().manual_seed(0)
    fields = [torch.rand(12, 17, generator=made, dtype=dtype or torch.float64, requires_grad=True) for _ in "uv"]
    numbers = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.04, 0.06)]
    return [*fields, *numbers]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 2e-5)])
def test_values_and_gradients_are_those_of_torch(dtype: Any, tolerance: float) -> None:
    given, fast = values(dtype), sn.kernel(rates, target="torch")
    weights = [torch.rand(12, 17, generator=torch.Generator().manual_seed(k), dtype=dtype) for k in (1, 2)]
    found = []
    for function in (fast, rates_of_torch):
        results = function(*given)
        total = sum((w * r).sum() for w, r in zip(weights, results, strict=True))
        found.append([*results, *torch.autograd.grad(total, given)])
    for got, want in zip(*found, strict=True):
        assert got.dtype == want.dtype
        torch.testing.assert_close(got, want, atol=tolerance, rtol=tolerance)


def test_against_differences() -> None:
    fast = sn.kernel(lambda u, a: np.tanh(a * u[1:] - u[:-1]) * u.mean(), target="torch")
    u = torch.rand(9, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(fast, (u, torch.tensor(0.7, dtype=torch.float64, requires_grad=True)))


def test_results_are_plain_where_nobody_asks_for_gradients() -> None:
    fast = sn.kernel(rates, target="torch")
    u, v, *_ = values()
    results = fast(u.detach(), v.detach(), 0.04, 0.06)
    assert not any(r.requires_grad for r in results)
    torch.testing.assert_close(results, rates_of_torch(u.detach(), v.detach(), 0.04, 0.06), atol=1e-13, rtol=0)
    turned = sn.kernel(lambda u: 2 * u, target="torch")(u.detach().T)
    torch.testing.assert_close(turned, 2 * u.detach().T)


def test_numbers_come_back_as_tensors() -> None:
    u = torch.rand(9, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    energy = sn.kernel(lambda u: ((u[1:] - u[:-1]) ** 2).sum(), target="torch")(u)
    assert energy.shape == ()
    torch.testing.assert_close(
        torch.autograd.grad(energy, u)[0], torch.autograd.grad(((u[1:] - u[:-1]) ** 2).sum(), u)[0]
    )


def fill(du: Any, u: Any) -> None:
    du[:] = 2 * u


def test_refusals() -> None:
    u = torch.ones(3, dtype=torch.float64)
    with pytest.raises(TargetError, match="give their results back"):
        sn.kernel(fill, target="torch")(u.clone(), u)
    with pytest.raises(TargetError, match="take no out="):
        sn.kernel(lambda u: 2 * u, target="torch")(u, out=u)
    with pytest.raises(TargetError, match="no gradient by the time"):
        sn.kernel(lambda u, t: t * u, target="torch")(u, torch.tensor(1.0, requires_grad=True))
    with pytest.raises(TargetError, match='target="torch"'):
        sn.kernel(lambda u: 2 * u)(u)
    x = u.clone().requires_grad_()
    with pytest.raises(TargetError, match="first derivatives only"):
        torch.autograd.grad(sn.kernel(lambda u: u**3, target="torch")(x).sum(), x, create_graph=True)


def test_the_page_about_kernels_runs(tmp_path: Path) -> None:
    """docs/kernels.md from top to bottom, its own assertions included."""
    page = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text("utf-8")
    script = tmp_path / "page.py"
    script.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), "utf-8")
    runpy.run_path(str(script))
