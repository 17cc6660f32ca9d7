"""Sums over components become vector operations, equations of components become one equation of vectors.

A rule looks at one summand, the one of direction 0, and says what the summands of the other directions must be:

    dx(dx(q)), dy(dy(q))                  laplacian q            U_x dx(q), U_y dy(q)    advection of q by U
    dx(dx(U_x)), dx(dy(U_y))              dx of divergence U     U_x T_ix, U_y T_iy      contraction T U
    dx(q U_x), dy(q U_y)                  divergence of q U      U_x^2, U_y^2            v^2, the square of the speed

A rule is applied only if all of these summands are there with the same coefficient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations

from symnum.formats.prose.fd_trees import Number, Part, Tree, alike, part, parts_of, tree_of

Template = Callable[[int], list[Tree]]  # direction -> factors of the summand
_LINEAR = ("partial", "dt", "laplacian", "divergence", "gradient")  # operators that are written before each summand
SPEED = Tree("word", (), ("v", (), False))


@dataclass(frozen=True)
class Vectors:
    """``directions``: how many there are; ``speed``: the vector whose size the word v says, None where v is something else."""

    directions: int
    speed: str | None

    def simplify(self, parts: list[Part]) -> list[Part]:
        """Summands with the sums over components found, as often as there are any."""
        while (found := self._found(parts)) is not None:
            parts = parts_of(tree_of(found))
        return parts

    def _found(self, parts: list[Part]) -> list[Part] | None:
        for rule in (
            self._of_divergence,
            self._laplacian,
            self._advection,
            self._square,
            self._contraction,
            self._below,
        ):
            for first in parts:
                for template, made in rule(first):
                    found = self._applied(rule, parts, template, made)
                    if found is not None:
                        return found
        return self._divergences(parts)

    def _applied(self, rule: object, parts: list[Part], template: Template, made: list[Tree]) -> list[Part] | None:
        """The summands with those of the template put together; None where one is missing."""
        chosen = [_find(parts, part(1, template(j))) for j in range(self.directions)]
        if any(k is None for k in chosen) or len(set(chosen)) < self.directions:
            return None
        c = self._coefficient(rule, [parts[k] for k in chosen if k is not None])
        if c is None:
            return None
        rest = [p if k not in chosen else Part(_less(p.number, c), p.factors) for k, p in enumerate(parts)]
        return [*(p for p in rest if p.number), part(c, made)]

    def _coefficient(self, rule: object, chosen: list[Part]) -> Number | None:
        """The coefficient that all have; of D diverg U the one of the mixed derivatives: D2 U may share the others. Higher derivatives
        share as well: D2 D2 u holds dxxyy twice.
        """
        highest = max((sum(f.data) for f in chosen[0].factors if f.head == "partial"), default=0)
        if rule == self._of_divergence:
            chosen = [p for p in chosen if max(max(f.data) for f in p.factors if f.head == "partial") == 1]
        c = chosen[0].number
        if rule == self._laplacian and highest > 2:
            return c if all(alike(p.number, c) or p.number / c > 1 for p in chosen) else None
        return c if all(alike(p.number, c) for p in chosen) else None

    # --- rules -----------------------------------------------------------------------------------------------------------------------------

    def _laplacian(self, p: Part) -> Iterator[tuple[Template, list[Tree]]]:
        for f in (f for f in p.factors if f.head == "partial" and f.data[0] >= 2):
            rest, q, orders = p.without(f), f.args[0], (f.data[0] - 2, *f.data[1:])

            def template(j: int, rest: list[Tree] = rest, q: Tree = q, orders: tuple[int, ...] = orders) -> list[Tree]:
                return [*rest, Tree("partial", (q,), tuple(n + 2 * (k == j) for k, n in enumerate(orders)))]

            whole = Tree("laplacian", (q,))
            yield template, [*rest, Tree("partial", (whole,), orders) if any(orders) else whole]

    def _of_divergence(self, p: Part) -> Iterator[tuple[Template, list[Tree]]]:
        for f in p.factors:
            if f.head != "partial" or sum(f.data) != 2 or not f.data[0] or f.args[0].head not in ("word", "product"):
                continue
            other = next((i for i in range(1, self.directions) if f.data[i]), 0)
            for vector in self._varied(f.args[0]):
                rest = p.without(f)

                def template(
                    j: int, rest: list[Tree] = rest, vector: Template = vector, other: int = other
                ) -> list[Tree]:
                    orders = [(k == j) + (k == other) for k in range(self.directions)]
                    return [*rest, Tree("partial", tuple(vector(j)), tuple(map(int, orders)))]

                yield template, [*rest, self._partial(Tree("divergence", (self._whole(vector),)), other)]

    def _advection(self, p: Part) -> Iterator[tuple[Template, list[Tree]]]:
        for f in p.factors:
            if f.head != "partial" or f.data != self._unit(0):
                continue
            for w in dict.fromkeys(p.without(f)):
                for vector in self._varied(w):
                    rest, q = p.without(f, w), f.args[0]
                    whole = self._whole(vector)
                    if whole.head == "gradient" and whole.args[0].key > q.key:
                        continue

                    def template(j: int, rest: list[Tree] = rest, q: Tree = q, vector: Template = vector) -> list[Tree]:
                        return [*rest, *vector(j), self._partial(q, j)]

                    yield template, [*rest, Tree("advection", (whole, q))]

    def _square(self, p: Part) -> Iterator[tuple[Template, list[Tree]]]:
        for w in dict.fromkeys(p.factors):
            if w.head == "word" and w.data[0] == self.speed and w.data[1] == (0,) and p.factors.count(w) > 1:
                rest = p.without(w, w)
                yield (lambda j, rest=rest, w=w: [*rest, *[_word(w, 0, j)] * 2]), [*rest, SPEED, SPEED]  # type: ignore[misc]

    def _contraction(self, p: Part) -> Iterator[tuple[Template, list[Tree]]]:
        yield from self._contracted(list(p.factors))

    def _below(self, p: Part) -> Iterator[tuple[Template, list[Tree]]]:
        """The same rules below an operator, which stands before each summand of its argument."""
        for f in (f for f in p.factors if f.head in _LINEAR):
            inner, rest = parts_of(f.args[0]), p.without(f)
            if len(inner) > 1:
                continue
            for rule in (self._advection, self._square, self._contraction, self._below):
                for below, whole in rule(inner[0]):

                    def template(
                        j: int,
                        f: Tree = f,
                        rest: list[Tree] = rest,
                        c: Number = inner[0].number,
                        below: Template = below,
                    ) -> list[Tree]:
                        return [*rest, replace(f, args=(tree_of([part(c, below(j))]),))]

                    yield template, [*rest, replace(f, args=(tree_of([part(inner[0].number, whole)]),))]

    def _contracted(self, factors: list[Tree]) -> Iterator[tuple[Template, list[Tree]]]:
        """W_0 T_0 among the factors: the factors of direction j, and the contraction."""
        for w, t in permutations([f for f in factors if f.head == "word"], 2):
            if len(w.data[1]) != 1 or w.data[1] != (0,) or len(t.data[1]) != 2 or 0 not in t.data[1]:
                continue
            rest = list(factors)
            rest.remove(w)
            rest.remove(t)
            for k in (k for k in (1, 0) if t.data[1][k] == 0):
                whole = Tree("contraction", (_word(w, 0, None), _word(t, k, None)))
                yield lambda j, rest=rest, w=w, t=t, k=k: [*rest, _word(w, 0, j), _word(t, k, j)], [*rest, whole]  # type: ignore[misc]

    def _divergences(self, parts: list[Part]) -> list[Part] | None:
        """dx(a_x) + dy(a_y) with a vector a, found by comparing what stands below the derivatives."""
        for first in parts:
            for f in (f for f in first.factors if f.head == "partial" and f.data == self._unit(0)):
                rest = first.without(f)
                chosen, below = [parts.index(first)], [f.args[0]]
                for j in range(1, self.directions):
                    for k, inner in self._partners(parts, rest, j, first.number):
                        if self.lift([*below, inner], j + 1) is not None:
                            chosen.append(k)
                            below.append(inner)
                            break
                whole = self.lift(below) if len(below) == self.directions else None
                if whole is not None and whole.rank:
                    left = [p for k, p in enumerate(parts) if k not in chosen]
                    return [*left, part(first.number, [*rest, Tree("divergence", (whole,))])]
        return None

    def _partners(self, parts: list[Part], rest: list[Tree], j: int, c: Number) -> Iterator[tuple[int, Tree]]:
        for k, p in enumerate(parts):
            for f in p.factors:
                if f.head == "partial" and f.data == self._unit(j) and alike(p.number, c) and p.without(f) == rest:
                    yield k, f.args[0]

    # --- components ------------------------------------------------------------------------------------------------------------------------

    def _unit(self, j: int, order: int = 1) -> tuple[int, ...]:
        return tuple(order * (k == j) for k in range(self.directions))

    def _partial(self, q: Tree, j: int, order: int = 1) -> Tree:
        return Tree("partial", (q,), self._unit(j, order))

    def _varied(self, w: Tree) -> Iterator[Template]:
        """Ways in which w is component 0 of something: direction -> [component]."""
        if w.head == "word":
            for k, i in enumerate(w.data[1]):
                if i == 0:
                    yield lambda j, k=k: [_word(w, k, j)]  # type: ignore[misc]
        if w.head == "product":
            for f in dict.fromkeys(w.args):
                rest = Part(w.data[0], w.args).without(f)
                for vector in self._varied(f):
                    yield lambda j, rest=rest, vector=vector: [tree_of([part(w.data[0], [*rest, *vector(j)])])]  # type: ignore[misc]
        if w.head == "partial" and w.data == self._unit(0):
            yield lambda j: [self._partial(w.args[0], j)]

    def _whole(self, vector: Template) -> Tree:
        made = self.lift([c for j in range(self.directions) for c in vector(j)])
        assert made is not None
        return made

    # --- lifting ---------------------------------------------------------------------------------------------------------------------------

    def lift(self, trees: list[Tree], count: int | None = None) -> Tree | None:
        """What has these components: a vector, a tensor from vectors; a scalar that stands in all of them; None where there is nothing.

        count: so many of the first components are given.
        """
        first = trees[0]
        if all(t == first for t in trees):
            return first
        if any(t.head != first.head for t in trees):
            return self._lift_parts(trees) if any(t.head in ("sum", "product") for t in trees) else None
        if first.head == "word":
            return self._lift_words(trees)
        if first.head == "partial":
            if all(t.data == self._unit(j) and t.args == first.args for j, t in enumerate(trees)):
                return Tree("gradient", first.args)
        if first.head in ("sum", "product"):
            return self._lift_parts(trees)
        if first.head in ("partial", "dt", "laplacian", "divergence") and all(t.data == first.data for t in trees):
            inner = self.lift([t.args[0] for t in trees])
            return inner and Tree(first.head, (inner,), first.data)
        if first.head in ("advection", "contraction") and all(t.args[0] == first.args[0] for t in trees):
            inner = self.lift([t.args[1] for t in trees])
            return inner and Tree(first.head, (first.args[0], inner))
        return None

    def _lift_words(self, trees: list[Tree]) -> Tree | None:
        first = trees[0]
        if any(t.data[0] != first.data[0] for t in trees):
            return None
        for k in range(len(first.data[1])):
            if all(t == _word(first, k, j) for j, t in enumerate(trees)):
                return _word(first, k, None)
        return None

    def _lift_parts(self, trees: list[Tree]) -> Tree | None:
        """Sums summand by summand, each with the first that fits."""
        columns = [parts_of(t) for t in trees]
        if len({len(c) for c in columns}) > 1:
            return None
        made: list[Part] = []
        for p in columns[0]:
            chosen = self._row(p, columns[1:])
            if chosen is None:
                return None
            whole, used = chosen
            made.append(whole)
            for column, q in zip(columns[1:], used, strict=True):
                column.remove(q)
        return tree_of(made)

    def _row(
        self, p: Part, columns: list[list[Part]], used: tuple[Part, ...] = ()
    ) -> tuple[Part, tuple[Part, ...]] | None:
        if len(used) == len(columns):
            whole = self._lift_product([p, *used])
            return None if whole is None else (whole, used)
        for q in columns[len(used)]:
            if alike(p.number, q.number) and len(p.factors) == len(q.factors):
                found = self._row(p, columns, (*used, q))
                if found is not None:
                    return found
        return None

    def _lift_product(self, parts: list[Part]) -> Part | None:
        """Factors that all have, and one that differs, of which the components are lifted."""
        left = [list(p.factors) for p in parts]
        common = []
        for f in parts[0].factors:
            if all(f in factors for factors in left):
                common.append(f)
                for factors in left:
                    factors.remove(f)
        if not any(left):
            return Part(parts[0].number, tuple(common))
        if any(len(factors) != 1 for factors in left):
            return None
        whole = self.lift([factors[0] for factors in left])
        return None if whole is None else part(parts[0].number, [*common, whole])


def _word(word: Tree, place: int, index: int | None) -> Tree:
    name, indices, constant = word.data
    return replace(word, data=(name, (*indices[:place], index, *indices[place + 1 :]), constant))


def _find(parts: list[Part], wanted: Part) -> int | None:
    return next((k for k, p in enumerate(parts) if p.factors == wanted.factors), None)


def _less(a: Number, b: Number) -> Number:
    return 0 if alike(a, b) else a - b


# --- conservation laws -----------------------------------------------------------------------------------------------------------------------


def conserved(tree: Tree) -> tuple[Tree | None, list[Part]]:
    """``dt q + diverg f`` as one tree (None where there is no such pair), and the other summands.

    Constants go below the operators; D of a scalar joins a flux that is a tensor, as the scalar times the unit tensor.
    """
    rates, fluxes, others = [], [], []
    for p in parts_of(tree):
        operators = [f for f in p.factors if not f.constant]
        f = operators[0] if len(operators) == 1 else None
        if f is not None and f.head == "dt" and f.data == (1,):
            rates.append((p, f))
        elif f is not None and f.head == "divergence":
            fluxes.append((p, f))
        else:
            others.append(p)
    if not rates or not fluxes:
        return None, parts_of(tree)
    if any(f.args[0].rank == 2 for _, f in fluxes):
        for p in list(others):
            operators = [f for f in p.factors if not f.constant]
            if len(operators) == 1 and operators[0].head == "gradient" and not operators[0].args[0].rank:
                others.remove(p)
                fluxes.append((p, operators[0]))
    rate = Tree("dt", (_inside(rates),), (1,))
    sign = -1 if all(p.number < 0 for p, _ in fluxes) else 1
    flux = Tree("divergence", (_inside(fluxes, sign),))
    return Tree("pair", (rate, flux), (sign,)), others


def _inside(found: list[tuple[Part, Tree]], sign: int = 1) -> Tree:
    return tree_of(
        [part(p.number * sign * q.number, [*p.without(f), *q.factors]) for p, f in found for q in parts_of(f.args[0])]
    )
