"""Kernels of torch tensors: the same native code on their memory, and its product with a vector from the left for autograd.

For out = f(y; p) the backward pass is one kernel as well, w -> (w^T df/dy, w^T df/dp) (``ir.vjp``), compiled when a gradient is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symnum.codegen.llvm_split import Split
from symnum.codegen.split import build_llvm
from symnum.errors import TargetError
from symnum.ir.vjp import vjp_kernel
from symnum.kernels.native import Variant
from symnum.kernels.run import Runner, address
from symnum.tracing.capture import capture


class TorchVariant:
    """A function for tensors of certain shapes and types on the CPU. Attributes as of ``native.Variant``."""

    def __init__(self, function: Callable[..., Any], values: Sequence[Any], names: Sequence[str], workers: int) -> None:
        self.captured = capture(function, tuple(map(_example, values)))
        if self.captured.form == "in-place":
            raise TargetError(
                'kernels of torch tensors give their results back; write du = f(u, p) in place of f(du, u, p), or target="llvm"'
            )
        self.native = Variant(self.captured, names, "llvm", workers)

    @property
    def source(self) -> str:
        return self.native.source

    @property
    def threads(self) -> int:
        return self.native.threads

    def __call__(self, values: Sequence[Any], out: Any = None) -> Any:
        """What the function gives, as tensors; gradients flow to tensors that ask for them."""
        if out is not None:
            raise TargetError("kernels of torch tensors take no out=; write result = f(u)")
        native = self.native
        arrays = [get(values) for _, get in native.arrays]
        numbers = [get(values) for _, get in native.numbers]
        t = 0.0 if native.time is None else native.time(values)
        if isinstance(t, Tensor) and t.requires_grad:
            raise TargetError(
                "there is no gradient by the time; give t.detach(), or call the argument something else than t or time"
            )
        tensors = (*map(_tensor, arrays), *map(_tensor, numbers))
        return self.captured.rebuild(list(_Call.apply(self, float(t), *tensors)))

    def forward(self, t: float, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The results."""
        count = len(self.native.arrays)
        given = [self.native.input(x.detach().numpy()) for x in tensors[:count]]
        return tuple(map(torch.from_numpy, self.native.computed(t, given, [float(x) for x in tensors[count:]])))

    def backward(self, t: float, tensors: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Gradients of the sum of weights times results by each tensor."""
        count, native = len(self.native.arrays), self.native
        given = [native.input(x.detach().numpy()) for x in tensors[:count]]
        blocks = [np.empty(size, native.dtype) for _, size in native.blocks]
        for (k, first, stop, shape), w in zip(native.places, weights, strict=True):
            blocks[k][first:stop].reshape(shape)[...] = w.detach().numpy()
        made = [np.empty(x.shape, native.dtype) for x in tensors[:count]]
        by_number = np.zeros(max(len(tensors) - count, 1), native.dtype)
        arrays = [*given, *blocks, *made, *([by_number] if len(tensors) > count else [])]
        self._reverse(t, [address(a) for a in arrays], [float(x) for x in tensors[count:]])
        numbers = (torch.tensor(float(g), dtype=x.dtype) for g, x in zip(by_number, tensors[count:], strict=False))
        return (*map(torch.from_numpy, made), *numbers)

    @cached_property
    def _reverse(self) -> Runner:
        kernel, native = self.native.run.native.kernel, self.native
        starts = [a.offset for a, _ in native.arrays]
        weights = [kernel.input_size + start for start, _ in native.blocks]
        numbers = [kernel.input_size] if kernel.parameters else []
        split = Split((*starts, *weights), (*starts, *numbers))
        return Runner(build_llvm(vjp_kernel(kernel), split), len(split.inputs) + len(split.outputs), native.threads)


class _Call(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, variant: TorchVariant, t: float, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*tensors)
        ctx.variant, ctx.t = variant, t
        return variant.forward(t, tensors)

    @staticmethod
    def backward(ctx: Any, *weights: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():  # by create_graph=True; once_differentiable would load 480 modules of torch
            raise TargetError(
                "kernels of torch tensors have first derivatives only; write create_graph=False, or differentiate the plain function twice"
            )
        made = ctx.variant.backward(ctx.t, ctx.saved_tensors, weights)
        return None, None, *made


def _tensor(value: Any) -> Tensor:
    """An argument as a tensor; arrays without a copy."""
    if isinstance(value, Tensor):
        if value.device.type != "cpu":
            raise TargetError(
                f'a tensor is on {value.device}, the others were on the CPU; write target="cuda" for tensors of a GPU'
            )
        return value
    return torch.as_tensor(value, dtype=None if isinstance(value, np.ndarray) else torch.float64)


def _example(value: Any) -> Any:
    """What is traced in place of a value: arrays for tensors, floats for tensors of one number."""
    if isinstance(value, Tensor):
        if value.ndim == 0:
            return float(value.detach())
        return value.detach().cpu().numpy()
    if isinstance(value, (tuple, list)):
        return type(value)(map(_example, value))
    return {k: _example(v) for k, v in value.items()} if isinstance(value, dict) else value
