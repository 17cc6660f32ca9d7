"""Rows of parts with coefficients, from which what several rows have in common is taken out: the search behind ``share``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from symnum.expr.numbers import Number, quotient

_WIDEST = 400  # parts of one row that are paired with each other; pairs grow with the square


class Rows:
    """Rows of parts, from which common sub-rows are taken out; ``inside``: new part -> the parts it is made of, with their coefficients.

    Coefficients are held by their place in ``numbers`` and ratios by theirs in ``ratios``, so that a pair in proportion is one whole number.
    """

    def __init__(self, rows: Sequence[Mapping[int, Number]], parts: int) -> None:
        self.numbers: dict[Number, int] = {}
        self.rows: list[dict[int, int]] = [
            {i: self.numbers.setdefault(c, len(self.numbers)) for i, c in row.items()} for row in rows
        ]
        self.values = list(self.numbers)
        self.count = parts
        self.inside: dict[int, list[tuple[int, Number]]] = {}
        self.ratios: dict[Number, int] = {1: 0}
        self._known: dict[tuple[int, int], int] = {}
        self.where: dict[int, set[int]] = defaultdict(set)
        for k, row in enumerate(self.rows):
            for i in row:
                self.where[i].add(k)

    def coefficients(self, row: int) -> list[tuple[int, Number]]:
        """The parts that a row has now."""
        return [(i, self.values[c]) for i, c in self.rows[row].items()]

    def below(self, part: int, known: Mapping[int, Any]) -> Iterator[int]:
        """A part and what it is made of, as far as not yet known, innermost first."""
        stack = [part]
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            missing = [i for i, _ in self.inside.get(top, ()) if i not in known]
            stack.extend(missing)
            if not missing:
                yield stack.pop()

    def join_twins(self) -> None:
        """Parts that occur in the same rows, in the same proportion, become one part."""
        twins: dict[Any, list[int]] = defaultdict(list)
        for i, found in self.where.items():
            if len(found) > 1:
                at = tuple(sorted(found))
                lead = self.rows[at[0]][i]
                twins[at, tuple([self._ratio(self.rows[k][i], lead) for k in at])].append(i)
        for (found, _), members in twins.items():
            if len(members) > 1 and any(len(self.rows[k]) > len(members) for k in found):
                self._take(members, found)

    def take_pairs(self) -> None:
        """The pair that most rows hold becomes one part, until no two rows share a pair."""
        pairs = self._pairs()
        heap = [(-len(found), key) for key, found in pairs.items()]
        heapify(heap)
        while heap:
            size, key = heappop(heap)
            found = pairs.get(key, _NONE)
            if len(found) != -size:  # taken meanwhile from rows that held it
                if len(found) > 1:
                    heappush(heap, (-len(found), key))
                continue
            new = self._take((key >> 56, key >> 28 & _PART), sorted(found), pairs)
            for fresh, rows in self._pairs_with(new).items():
                if len(rows) > 1:
                    pairs[fresh] = rows
                    heappush(heap, (-len(rows), fresh))

    def _pairs(self) -> dict[int, set[int]]:
        """The pairs that at least two rows hold in one proportion, with the rows."""
        once: dict[int, int] = {}
        pairs: dict[int, set[int]] = {}
        where, ratio = self.where, self._ratio
        for k, row in enumerate(self.rows):
            often = sorted(i for i in row if len(where[i]) > 1)[:_WIDEST]
            for a, i in enumerate(often):
                ci = row[i]
                for j in often[a + 1 :]:
                    key = i << 56 | j << 28 | (0 if row[j] == ci else ratio(row[j], ci))
                    if key not in once:
                        once[key] = k
                    elif key in pairs:
                        pairs[key].add(k)
                    else:
                        pairs[key] = {once[key], k}
        return pairs

    def _pairs_with(self, new: int) -> dict[int, set[int]]:
        pairs: dict[int, set[int]] = defaultdict(set)
        for k in self.where[new]:
            row = self.rows[k]
            c = row[new]
            for other, co in row.items():
                if other != new and len(self.where[other]) > 1:
                    pairs[other << 56 | new << 28 | (0 if co == c else self._ratio(c, co))].add(k)
        return pairs

    def _take(self, members: Sequence[int], found: Sequence[int], pairs: Mapping[int, set[int]] | None = None) -> int:
        """A new part that stands for ``members`` in the rows ``found``, with the coefficients most rows have; ``pairs`` forget these rows."""
        new, self.count = self.count, self.count + 1
        values, first = self.values, members[0]
        whole = [k for k in found if len(self.rows[k]) == len(members)]  # these become the new part itself
        leads = Counter(values[self.rows[k][first]] for k in whole or found)
        usual = max(leads, key=lambda c: (leads[c], abs(c) == 1))
        model = next(self.rows[k] for k in whole or found if values[self.rows[k][first]] == usual)
        sign = -1 if all(values[model[i]] < 0 for i in members) else 1  # -a - b is one operation more than a + b
        self.inside[new] = [(i, sign * values[model[i]]) for i in members]
        lead = self.inside[new][0][1]
        for k in found:
            row = self.rows[k]
            if pairs:
                for i in members:
                    for other in row:
                        if other != i and (rows := pairs.get(self._key(row, i, other))) is not None:
                            rows.discard(k)
            row[new] = self._place(quotient(values[row[first]], lead))
            for i in members:
                del row[i]
                self.where[i].discard(k)
            self.where[new].add(k)
        return new

    def _place(self, value: Number) -> int:
        """The place of a coefficient among ``values``."""
        place = self.numbers.setdefault(value, len(self.values))
        if place == len(self.values):
            self.values.append(value)
        return place

    def _key(self, row: Mapping[int, int], i: int, j: int) -> int:
        if i > j:
            i, j = j, i
        a, b = row[i], row[j]
        return i << 56 | j << 28 | (0 if a == b else self._ratio(b, a))

    def _ratio(self, a: int, b: int) -> int:
        """The place of the ratio of two coefficients, both given by their places."""
        found = self._known.get((a, b))
        if found is None:
            value = quotient(self.values[a], self.values[b])
            found = self._known[a, b] = self.ratios.setdefault(value, len(self.ratios))
        return found


_NONE: frozenset[int] = frozenset()
_PART = (1 << 28) - 1
