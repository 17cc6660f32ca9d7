"""How often each equation of a DAE must be differentiated in time: the algorithm of Pantelides.

C. C. Pantelides, The consistent initialization of differential-algebraic systems, SIAM J. Sci. Stat. Comput. 9 (1988) 213-231. Each equation
is to be matched with the highest derivative of a field that it holds. Where that fails, the equations reached by the search hold too few of them:
all of these are differentiated once more, which raises the derivatives they hold, and the search goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symnum.errors import ModelError
from symnum.expr.calculus import total_derivative
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.model.naming import listed
from symnum.model.orders import derivative_nodes

DEEPEST = 8  # differentiations of one equation beyond which no reduction is tried


@dataclass(frozen=True)
class Chains:
    """Each equation with its derivatives.

    Attributes:
        equations: for equation i the residuals r_i, dr_i/dt, ..., up to the order that is needed.
        order: field -> highest derivative in time that any of them holds.
    """

    equations: tuple[tuple[Term, ...], ...]
    order: dict[Symbol, int]

    @property
    def index(self) -> int:
        """The structural index: differentiations after which all derivatives are determined (one more where fields are algebraic)."""
        deepest = max(len(chain) for chain in self.equations) - 1
        return deepest + int(any(n == 0 for n in self.order.values()))


def instances(term: Term, fields: Sequence[Symbol]) -> dict[Symbol, int]:
    """field -> highest derivative in time that the term holds."""
    found = {f: 0 for f in symbols(term, "field") if f in fields}
    for node in derivative_nodes(term):
        inner = node.args[0]
        if isinstance(inner, Symbol):
            found[inner] = max(found.get(inner, 0), node.data[0])
    return found


def pantelides(residuals: Sequence[Term], fields: Sequence[Symbol], time: Symbol) -> Chains:
    """Differentiate until every equation can be matched with a highest derivative of its own.

    Args:
        residuals: one a field, in which time derivatives act on fields alone.

    Raises ModelError where no choice of fields to equations exists at all, naming the equations.
    """
    return _Search(residuals, fields, time).run()


class _Search:
    def __init__(self, residuals: Sequence[Term], fields: Sequence[Symbol], time: Symbol) -> None:
        self.fields, self.time = tuple(fields), time
        self.chains: list[list[Term]] = [[r] for r in residuals]
        self.holds = [instances(r, fields) for r in residuals]  # of the last in each chain
        self.order = {f: max((h.get(f, 0) for h in self.holds), default=0) for f in fields}
        self.owner: dict[Symbol, int] = {}

    def run(self) -> Chains:
        self.check_matching()
        for i in range(len(self.chains)):
            while True:
                reached: set[int] = set()
                seen: set[Symbol] = set()
                if self.place(i, reached, seen):
                    break
                for f in seen:
                    self.order[f] += 1
                for k in reached:
                    self.differentiate(k)
        return Chains(tuple(tuple(c) for c in self.chains), self.order)

    def place(self, i: int, reached: set[int], seen: set[Symbol]) -> bool:
        """Find equation i a field whose highest derivative it holds, moving others on where needed (augmenting path)."""
        reached.add(i)
        active = [f for f in self.fields if self.holds[i].get(f, -1) == self.order[f]]
        for f in active:
            if f not in self.owner:
                self.owner[f] = i
                return True
        for f in active:
            if f not in seen:
                seen.add(f)
                if self.place(self.owner[f], reached, seen):
                    self.owner[f] = i
                    return True
        return False

    def differentiate(self, i: int) -> None:
        if len(self.chains[i]) > DEEPEST:
            raise ModelError(
                f"equation {i + 1} would have to be differentiated more than {DEEPEST} times: the equations determine the fields only through "
                "very high derivatives; check for an equation that is missing or written twice"
            )
        self.chains[i].append(total_derivative(self.chains[i][-1], self.time))
        self.holds[i] = instances(self.chains[i][-1], self.fields)

    def check_matching(self) -> None:
        """Each equation holds a field of its own, whatever the order; else differentiating would never end."""
        owner: dict[Symbol, int] = {}

        def place(i: int, seen: set[Symbol]) -> bool:
            for f in self.holds[i]:
                if f not in seen:
                    seen.add(f)
                    if f not in owner or place(owner[f], seen):
                        owner[f] = i
                        return True
            return False

        for i in range(len(self.holds)):
            seen: set[Symbol] = set()
            if not place(i, seen):
                numbers = sorted({i, *(owner[f] for f in seen)})
                names = listed(sorted(f.name for f in seen)) or "no field"
                free = listed(sorted(f.name for f in self.fields if f not in owner))
                raise ModelError(
                    f"equations {listed([str(n + 1) for n in numbers])} hold only {names}: {len(numbers)} equations for {len(seen)} "
                    f"field{'s' if len(seen) != 1 else ''}, while nothing is left to determine {free}; replace one of them"
                )
