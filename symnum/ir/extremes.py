"""How the parts of a product, a maximum or a minimum weigh in its derivative.

    d(x1 x2 ... xn)/dx_k = (x1 ... xn)/x_k          d max(x1, ..., xn)/dx_k = 1/m where x_k is one of the m largest, else 0

Values that are equal because they are copies of one (a padded array) thus weigh one together; where different ones meet this is a subgradient.
"""

from __future__ import annotations

from dataclasses import replace

from symnum.expr.term import ONE, ZERO, Const, Term, call, mul, power
from symnum.ir.box import around, leaves
from symnum.ir.kernel import Accumulate, Kernel, Statement, Store, load

_EXTREME = ("maximum", "minimum")


def with_ties(kernel: Kernel) -> Kernel:
    """[Kernel] -> [Kernel]: beside every local array of maxima or minima one that counts how many values are it, for ``weight``."""
    written = [s for _, s in leaves(kernel.body)]
    extremes = {s.array for s in written if isinstance(s, Accumulate) and s.operation in _EXTREME}
    if not extremes:
        return kernel
    last = {s.array: k for k, s in enumerate(written)}
    counts: dict[str, list[Statement]] = {name: [] for name in extremes}
    body: list[Statement] = []
    for k, (box, statement) in enumerate(leaves(kernel.body)):
        body.append(around(box, (statement,)))
        if statement.array in extremes:
            counted = Accumulate(ties(statement.array), call("where", _is_extreme(kernel, statement), ONE, ZERO))
            counts[statement.array].append(around(box, (counted,)))
            if k == last[statement.array]:
                body += counts[statement.array]
    end, arrays = kernel.local_size, []
    for name in sorted(extremes):
        arrays.append(replace(kernel.input(name), name=ties(name), offset=end, steps=None))
        end = arrays[-1].span[1]
    return replace(kernel, body=tuple(body), locals=(*kernel.locals, *arrays))


def weight(kernel: Kernel, statement: Store | Accumulate) -> Term:
    """d(what a statement writes)/d(its value): 1, but for products the other factors and for extreme values a share; see the module."""
    operation = statement.operation if isinstance(statement, Accumulate) else "add"
    if operation == "add":
        return ONE
    here = (0,) * len(kernel.input(statement.array).axes)
    if operation == "mul":
        return mul((load(statement.array, here), power(statement.value, Const(-1))))
    share = power(load(ties(statement.array), here), Const(-1))
    return call("where", _is_extreme(kernel, statement), share, ZERO)


def _is_extreme(kernel: Kernel, statement: Store | Accumulate) -> Term:
    return call("eq", statement.value, load(statement.array, (0,) * len(kernel.input(statement.array).axes)))


def ties(name: str) -> str:
    """The name of the array that counts beside an array of extreme values."""
    return f"{name}~ties"
