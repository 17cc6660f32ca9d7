"""Sizes and padding of a convolution, as ``torch.nn.Conv1d`` means them."""

from __future__ import annotations

from typing import Any

from symnum.errors import SolveError
from symnum.neural.native.layers import Conv


class NotNative(SolveError):
    """The native road does not know an operation; the message is a sentence."""


def convolution(
    source: int,
    shape: tuple[int, ...],
    weights: tuple[int, ...],
    mode: str,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Conv:
    """The operation on value ``source`` of ``shape`` (channels, length) with weights (outputs, channels/groups, taps); slots are set by the caller.

    ``mode``: of the padding: "zeros", "circular", "reflect", "replicate".
    """
    (channels, length), (outputs, inputs, taps) = shape, weights
    if channels != inputs * groups:
        raise NotNative(f"a convolution takes {inputs * groups} channels and gets {channels}")
    step, apart = _one(stride), _one(dilation)
    reach = apart * (taps - 1)
    if padding == "same":
        before, after = reach // 2, reach - reach // 2
    else:
        before = after = 0 if padding == "valid" else _one(padding)
    result = (before + length + after - reach - 1) // step + 1
    if result < 1:
        raise NotNative(f"a convolution of {taps} taps, {apart} apart, is longer than its {length} numbers")
    ends = [_repeated(k, length, mode) for k in (*range(-before, 0), *range(length, length + after))]
    return Conv(
        source, outputs * result, -1, None, channels, length, outputs, result, taps, step, apart, groups,
        tuple(ends[:before]), tuple(ends[before:]),
    )  # fmt: skip


def _repeated(k: int, length: int, mode: str) -> int | None:
    """Which number stands at place k < 0 or k >= length."""
    found = {
        "zeros": None,
        "circular": k % length,
        "replicate": min(max(k, 0), length - 1),
        "reflect": -k if k < 0 else 2 * (length - 1) - k,
    }
    if mode not in found:
        raise NotNative(f"a convolution has the padding {mode!r}")
    return found[mode]


def _one(size: Any) -> int:
    """A size along the only axis."""
    number = size[0] if isinstance(size, tuple | list) and len(size) == 1 else size
    if type(number) is not int:
        raise NotNative(f"a convolution has the size {size!r}, not a number")
    return number
