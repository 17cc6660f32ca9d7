"""Common two-term factors of all sums at once, whatever they are multiplied by.

::

    y*(x*b - y*a) - z*(z*a - x*c),   x*y*a - x^2*b + ...     all hold  x*b - y*a  times something: it is computed once

Every pair of summands, freed of its common factors, is a candidate (a *double-cube divisor*: J. Rajski, J. Vasudevamurthy, IEEE Trans. CAD 11
(1992) 778-793; for arithmetic: Hosangadi, Fallah, Kastner, IEEE Trans. CAD 25 (2006) 2012-2022). The one that saves most operations over all
sums becomes a name of its own and the search goes on; kernels of more than two summands grow from pairs. Then products that several summands
hold are taken out, x^2*m and x*y*m share x*m. Cost: the squares of the lengths of the sums, so it is for small systems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symnum.expr.numbers import Number, quotient, unit
from symnum.expr.term import ONE, Const, Term, make_call, rebuild
from symnum.expr.walk import fold, postorder

_MOST_PAIRS = 3000
_MOST_ROWS = 80
_LARGEST_POWER = 8  # x^8 is x eight times; larger powers are one factor

Letters = tuple[int, ...]  # numbers of factors, ascending, repeated for powers
Row = tuple[Number, Letters]
Divisor = tuple[Letters, Letters, Number]  # first + ratio*second, without a common factor
Place = tuple[int, int, int, Letters]  # sum, its two summands, what they have in common


def common_divisors(terms: Sequence[Term]) -> list[Term]:
    """The terms with common two-term factors and common products of their sums taken out; systems too large for it come back as they are."""
    pool = _Pool(terms)
    if pool.pairs > _MOST_PAIRS:
        return list(terms)
    while pool.take_divisor():
        pass
    if sum(map(len, pool.sums)) <= _MOST_ROWS:
        while pool.take_product():
            pass
    return pool.written(terms)


class _Pool:
    """``sums[k]``: rows of a sum; ``place``: node -> its number; ``letters``: number -> (base, exponent), or the number of a sum."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.numbers: dict[tuple[Term, Number], int] = {}
        self.letters: list[tuple[Term, Number] | int] = []
        self.place: dict[Term, int] = {}
        self.sums: list[list[Row]] = []
        nodes = list(postorder(terms))
        inside = {a for node in nodes if node.op == "add" for a in node.args}
        for node in nodes:
            if node.op == "add":
                rows = [self._row(a, c) for a, c in zip(node.args, node.data[1:], strict=True)]
                self._keep(node, [*rows, (node.data[0], ())] if node.data[0] != 0 else rows)
            elif node.op == "mul" and node not in inside:
                self._keep(node, [self._row(node, 1)])
        self.found: list[dict[Divisor, list[Place]]] = [self._divisors(k) for k in range(len(self.sums))]
        self.pairs = sum(len(rows) ** 2 // 2 for rows in self.sums)

    def _keep(self, node: Term, rows: list[Row]) -> None:
        self.place[node] = len(self.sums)
        self.sums.append(rows)

    def _row(self, term: Term, c: Number) -> Row:
        if term.op != "mul":
            return c, (self._letter(term, 1),)
        listed: list[int] = []
        for base, e in zip(term.args, term.data[1:], strict=True):
            if type(e) is int and abs(e) <= _LARGEST_POWER:
                listed += [self._letter(base, 1 if e > 0 else -1)] * abs(e)
            else:
                listed.append(self._letter(base, e))
        return c * term.data[0], tuple(sorted(listed))

    def _letter(self, base: Term, e: Number) -> int:
        number = self.numbers.setdefault((base, e), len(self.letters))
        if number == len(self.letters):
            self.letters.append((base, e))
        return number

    # --- two summands ---

    def _divisors(self, k: int) -> dict[Divisor, list[Place]]:
        rows = self.sums[k]
        found: dict[Divisor, list[Place]] = {}
        if len(rows) ** 2 > 2 * _MOST_PAIRS:
            return found
        for i, (c, first) in enumerate(rows):
            for j in range(i):
                d, second = rows[j]
                common = _common(first, second)
                a, b = _without(first, common), _without(second, common)
                divisor, at = (
                    ((a, b, quotient(d, c)), (k, i, j, common))
                    if a < b
                    else ((b, a, quotient(c, d)), (k, j, i, common))
                )
                found.setdefault(divisor, []).append(at)
        return found

    def take_divisor(self) -> bool:
        """Name the divisor that saves most; False where none saves anything."""
        places: dict[Divisor, list[Place]] = {}
        for found in self.found:
            for divisor, listed in found.items():
                places.setdefault(divisor, []).extend(listed)
        best, saved, chosen = None, 0, []
        for divisor, listed in places.items():
            if len(listed) * 16 <= saved:  # no occurrence saves more
                continue
            apart = _apart(listed)
            gain = _gain(divisor, apart)
            if gain > saved:
                best, saved, chosen = divisor, gain, apart
        if best is None:
            return False
        first, second, ratio = best
        new = len(self.letters)
        self.letters.append(len(self.sums))
        gone: dict[int, set[int]] = {}
        for k, i, j, common in chosen:
            gone.setdefault(k, set()).update((i, j))
            self.sums[k].append((self.sums[k][i][0], (*common, new)))
        for k, rows in gone.items():
            self.sums[k] = [row for i, row in enumerate(self.sums[k]) if i not in rows]
            self.found[k] = self._divisors(k)
        self.sums.append([(1, first), (ratio, second)])
        self.found.append({})
        return True

    # --- products ---

    def take_product(self) -> bool:
        """Name the product that saves most multiplications; False where none saves any."""
        rows = [(k, i, row[1]) for k, listed in enumerate(self.sums) for i, row in enumerate(listed) if len(row[1]) > 1]
        candidates = {
            common
            for n, (_, _, first) in enumerate(rows)
            for _, _, second in rows[:n]
            if len(common := _common(first, second)) > 1
        }
        best: tuple[int, Letters, list[tuple[int, int]]] = (0, (), [])
        for product in sorted(candidates):
            holders = [(k, i) for k, i, row in rows if _common(row, product) == product]
            whole = any(len(self.sums[k][i][1]) == len(product) for k, i in holders)  # written out anyway
            gain = (len(holders) - 1) * (len(product) - 1) - (not whole and self._is_power(product))
            if gain > best[0]:
                best = gain, product, holders
        _, product, holders = best
        if not holders:
            return False
        new = len(self.letters)
        self.letters.append(len(self.sums))
        for k, i in holders:
            c, row = self.sums[k][i]
            self.sums[k][i] = c, (*_without(row, product), new)
        self.sums.append([(1, product)])
        return True

    @staticmethod
    def _is_power(product: Letters) -> bool:
        return product[0] == product[-1]

    # --- the way back ---

    def written(self, terms: Sequence[Term]) -> list[Term]:
        """The terms again, each named part a node of its own."""
        made: dict[int, Term] = {}
        memo: dict[Term, Term] = {}

        def part(number: int) -> tuple[Term, Number]:
            letter = self.letters[number]
            if not isinstance(letter, int):
                return memo.get(letter[0], letter[0]), letter[1]
            if letter not in made:
                made[letter] = build(self.sums[letter])
            return made[letter], 1

        def build(rows: list[Row]) -> Term:
            return _sum([(c, [part(n) for n in letters]) for c, letters in rows])

        def rule(node: Term, args: list[Term]) -> Term:
            if node in self.place:
                return build(self.sums[self.place[node]])
            if node.op == "mul" or all(a is b for a, b in zip(args, node.args, strict=True)):
                return node  # products within sums are written there
            return rebuild(node, tuple(args))

        return [fold(t, rule, memo) for t in terms]


def _common(a: Letters, b: Letters) -> Letters:
    """What two products share."""
    if len(set(a)) == len(a) and len(set(b)) == len(b):
        other = set(b)
        return tuple([n for n in a if n in other])
    return tuple(sorted((Counter(a) & Counter(b)).elements()))


def _without(a: Letters, part: Letters) -> Letters:
    left = list(a)
    for n in part:
        left.remove(n)
    return tuple(left)


def _apart(places: Sequence[Place]) -> list[Place]:
    """As many of the places as use no summand twice, longer common factors first."""
    taken: set[tuple[int, int]] = set()
    kept = []
    for place in sorted(places, key=lambda p: -len(p[3])):
        k, i, j, _ = place
        if (k, i) not in taken and (k, j) not in taken:
            taken.update(((k, i), (k, j)))
            kept.append(place)
    return kept


def _gain(divisor: Divisor, places: Sequence[Place]) -> int:
    """Operations saved: where it stands, the products of both summands and their addition, less one product; made once."""
    a, b, ratio = divisor
    alone = max(len(a) - 1, 0) + max(len(b) - 1, 0) + 1 + (abs(ratio) != 1)
    now = [len(common) for *_, common in places]
    before = sum(max(n + len(a) - 1, 0) + max(n + len(b) - 1, 0) + 1 for n in now)
    return before - sum(now) - alone


def _product(factors: Sequence[tuple[Term, Number]], coefficient: Number = 1) -> Term:
    """The product, nested products kept apart."""
    bag: dict[Term, Number] = {}
    for base, e in factors:
        bag[base] = bag.get(base, 0) + e
    items = sorted(((b, e) for b, e in bag.items() if e != 0), key=lambda item: item[0].digest)
    if not items:
        return Const(coefficient)
    if coefficient == 1 and len(items) == 1 and items[0][1] == 1:
        return items[0][0]
    return make_call("mul", tuple(b for b, _ in items), (unit(coefficient), *(e for _, e in items)))


def _sum(rows: Sequence[tuple[Number, Sequence[tuple[Term, Number]]]]) -> Term:
    """The sum, nested sums kept apart."""
    if len(rows) == 1:
        return _product(rows[0][1], rows[0][0])
    bag: dict[Term, Number] = {}
    for c, factors in rows:
        term = _product(factors)
        bag[term] = bag.get(term, 0) + c
    constant = bag.pop(ONE, 0)
    items = sorted(bag.items(), key=lambda item: item[0].digest)
    return make_call("add", tuple(t for t, _ in items), (constant, *(unit(c) for _, c in items)))
