"""Give innermost loops lengths that whole vectors fill: the rest of a loop overlaps what was done instead of running value by value."""

from __future__ import annotations

from symnum.ir.kernel import Accumulate, Kernel, Loop, Statement

WIDTH = 8
_SHORTEST, _LONGEST = 4 * WIDTH, 1024  # beyond, a few values more or less do not matter, and code size does


def overlap_tails(kernel: Kernel) -> Kernel:
    """``i = a ... b`` becomes ``a ... b - r`` and ``b - 8 ... b`` for r = (b - a) mod 8 > 0.

    Values computed twice are the same both times (outputs never alias inputs), so the order and the overlap do not matter. Loops that
    accumulate stay: a value must not be added twice.
    """
    return kernel.with_body(_overlap(kernel.body))


def _overlap(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for s in body:
        if not isinstance(s, Loop):
            result.append(s)
            continue
        rest = (s.stop - s.start) % WIDTH
        innermost = not any(isinstance(inner, Loop) for inner in s.body)
        once = any(isinstance(inner, Accumulate) for inner in s.body)
        if innermost and not once and rest and _SHORTEST <= s.stop - s.start <= _LONGEST:
            result += [Loop(s.axis, s.start, s.stop - rest, s.body), Loop(s.axis, s.stop - WIDTH, s.stop, s.body)]
        else:
            result.append(Loop(s.axis, s.start, s.stop, _overlap(s.body)))
    return tuple(result)
