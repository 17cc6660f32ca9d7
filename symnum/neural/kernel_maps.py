"""A kernel as a differentiable map of torch: rows of states to rows of whole fields, parameters to the initial state.

out_i = g(t_i, y_i; p)          gradients by y and p through the kernel of products from the left (``ir.vjp``)
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.codegen.jit import native_function
from symnum.codegen.target import compile_kernel
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Kernel
from symnum.ir.system import SemiDiscreteSystem
from symnum.ir.vjp import vjp_kernel
from symnum.neural.native.driving import address

Array = NDArray[np.float64]


class KernelMap:
    """rows = map(times, y, p): (m,) times, (m, n) states, (count,) parameters -> (m, outputs). Compiled when first needed."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    @cached_property
    def value(self) -> _Native:
        return _Native(self.kernel)

    @cached_property
    def vjp(self) -> _Native:
        return _Native(vjp_kernel(self.kernel))

    def __call__(self, times: Sequence[float], y: Tensor, p: Tensor) -> Tensor:
        made: Tensor = _Rows.apply(self, times, y, p)
        return made


class _Native:
    """A compiled kernel for rows of memory: ``function(t, y, p, out)`` takes addresses."""

    def __init__(self, kernel: Kernel) -> None:
        self.compiled = compile_kernel(kernel)
        assert self.compiled.address is not None
        pointer = ctypes.c_void_p
        self.function = native_function(self.compiled.address, ctypes.c_double, pointer, pointer, pointer)


class _Rows(torch.autograd.Function):
    """(map, times, y, p) -> rows."""

    @staticmethod
    def forward(ctx: Any, map_: KernelMap, times: Sequence[float], y: Tensor, p: Tensor) -> Tensor:
        states, numbers = np.ascontiguousarray(y.detach().numpy()), np.array(p.detach().numpy())
        ctx.map, ctx.times, ctx.states, ctx.numbers = map_, times, states, numbers
        out = np.empty((len(states), map_.kernel.output_size))
        call, parameters = map_.value.function, address(numbers)
        state, row = address(states), address(out)
        for k, t in enumerate(times):
            call(t, state + k * states.strides[0], parameters, row + k * out.strides[0])
        return torch.from_numpy(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        map_, kernel = ctx.map, ctx.map.kernel
        n = kernel.input_size
        by_state, by_parameter = np.zeros((len(ctx.states), n)), np.zeros(len(kernel.parameters))
        weights = gradient.numpy()
        wanted = np.flatnonzero(weights.any(axis=1))
        both = np.hstack([ctx.states[wanted], weights[wanted]])
        result = np.empty((len(wanted), n + len(by_parameter)))
        call, p = map_.vjp.function, address(ctx.numbers)
        pair, row = address(both), address(result)
        for k, place in enumerate(wanted.tolist()):
            call(ctx.times[place], pair + k * both.strides[0], p, row + k * result.strides[0])
        by_state[wanted] = result[:, :n]
        by_parameter += result[:, n:].sum(axis=0)
        return None, None, torch.from_numpy(by_state), torch.from_numpy(by_parameter)


class InitialState:
    """y_0(p), the model's initial state, with its gradient; arrays and functions that were given do not depend on p."""

    def __init__(self, semi: SemiDiscreteSystem) -> None:
        self.semi = semi

    @cached_property
    def vjp(self) -> Kernel | None:
        kernel = self.semi.initial_kernel
        return None if kernel is None else vjp_kernel(kernel)

    def __call__(self, p: Tensor) -> Tensor:
        made: Tensor = _Start.apply(self, p)
        return made


class _Start(torch.autograd.Function):
    """(initial, p) -> y_0."""

    @staticmethod
    def forward(ctx: Any, initial: InitialState, p: Tensor) -> Tensor:
        ctx.initial, ctx.numbers = initial, p.detach().tolist()
        return torch.from_numpy(np.array(initial.semi.initial(ctx.numbers), dtype=np.float64))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        kernel = ctx.initial.vjp
        if kernel is None:
            return None, torch.zeros(len(ctx.numbers), dtype=torch.float64)
        made = interpret(kernel, ctx.initial.semi.time_span[0], gradient.numpy(), ctx.numbers)
        return None, torch.from_numpy(made)
