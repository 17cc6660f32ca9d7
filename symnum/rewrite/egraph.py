"""E-graph: many equal forms of terms, stored together.

An e-node is an operator applied to e-classes; an e-class is a set of e-nodes known to be equal. Equal e-nodes are one object, classes are
joined by union-find, and ``rebuild`` restores congruence (a = b implies f(a) = f(b)) after a batch of unions (Willsey et al.,
*egg: Fast and extensible equality saturation*, POPL 2021).

Sums and products stay n-ary, as multisets, so associativity and commutativity cost no e-nodes::

    ("add", (c0, c1, ..., cn), (t1, ..., tn))    c0 + c1*t1 + ... + cn*tn     t: distinct classes, ascending
    ("mul", (e1, ..., en),     (b1, ..., bn))    b1**e1 * ... * bn**en        no coefficient: 3*x*y is the sum 0 + 3*(x*y)
    (op,    data,              (a, b, ...))      any other operator; leaves: ("const", (v,), ()), ("truth", (v,), ()), ("symbol", (term,), ())

Each class carries what is known of it (its *analysis*): the number it equals, the multiple ``c*P`` or the power ``P**e`` of another class
it equals, and its sign (``facts``). New sums and products are brought to normal form with these, so ``x - y`` and ``2*y - 2*x`` are
multiples of one class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from symnum.errors import TermError
from symnum.expr.numbers import (
    Number,
    exact_number,
    finite,
    fold_function,
    numeric_power,
    quotient,
    tidy,
    tidy_exponent,
)
from symnum.expr.term import Term
from symnum.expr.walk import postorder
from symnum.rewrite.assumptions import NONNEGATIVE, Assumptions, node_facts, number_facts

Node = tuple[str, tuple[Any, ...], tuple[int, ...]]
Items = Iterable[tuple[int, Number]]

EVEN = frozenset({"cos", "cosh", "abs"})  # f(-x) = f(x)
ODD = frozenset({"sin", "tan", "sinh", "tanh", "asin", "atan", "asinh", "atanh", "erf", "sign"})  # f(-x) = -f(x)
SYMMETRIC = frozenset({"minimum", "maximum", "and", "or", "eq", "ne"})  # f(x, y) = f(y, x)
MIRRORED = {"gt": "lt", "ge": "le"}  # x > y is y < x
_LONGEST_CHAIN = 16  # multiples of multiples followed before giving up


class Absent(Exception):
    """The graph is only being asked, and it does not hold this e-node."""


class EClass:
    """Equal e-nodes, the e-nodes that use them, and the analysis."""

    __slots__ = ("const", "facts", "nodes", "parents", "power", "scaled", "why")
    const: Any  # the number or truth value it equals, else None
    scaled: tuple[Number, int] | None  # it equals c * class
    power: tuple[int, Number] | None  # it equals class ** e

    def __init__(self) -> None:
        self.nodes: dict[Node, None] = {}
        self.parents: list[tuple[Node, int]] = []
        self.const = None
        self.scaled = self.power = None
        self.facts = 0
        self.why = 0  # the assumptions (bits) that the facts rest on


class EGraph:
    """The graph. ``assumptions``: signs given by the caller. Attributes: ``classes`` (id -> EClass), ``used`` (bits of the assumptions relied on),
    ``changed`` (classes touched since it was last emptied), ``partial`` (see ``add``), ``operators`` (all that occur).

    >>> graph = EGraph(); x = graph.add(term); graph.union(x, y); graph.rebuild()
    """

    def __init__(self, assumptions: Assumptions | None = None) -> None:
        self.assumptions = assumptions or Assumptions(())
        self.parent: list[int] = []
        self.classes: dict[int, EClass] = {}
        self.memo: dict[Node, int] = {}
        self.pending: list[int] = []
        self.changed: set[int] = set()
        self.used = 0
        self.partial = False
        self.asking = False
        self.dropped: set[Node] = set()
        self.operators: set[str] = set()
        self._terms: dict[Term, int] = {}

    # --- classes ---

    def find(self, i: int) -> int:
        """The representative of a class."""
        parent = self.parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def __getitem__(self, i: int) -> EClass:
        return self.classes[self.find(i)]

    def __len__(self) -> int:
        """Number of e-nodes."""
        return len(self.memo)

    def nodes(self) -> Iterator[tuple[int, Node]]:
        """(class, e-node) of the whole graph."""
        return ((i, node) for i, k in self.classes.items() for node in k.nodes)

    def is_positive(self, i: int, wanted: int) -> bool:
        """True if the class has the wanted facts (bits of ``assumptions``); the assumptions behind them are recorded as used."""
        k = self[i]
        if k.facts & wanted != wanted:
            return False
        self.used |= k.why
        return True

    # --- growth ---

    def add(self, term: Term) -> int:
        """The class of a term, iteratively and once a distinct node.

        A term that chooses (``where``, ``and``, ``or``) between parts may hold parts that are undefined where they are not chosen; the
        graph is then ``partial``: signs are only kept where every form of a class has them.
        """
        known = self._terms
        for t in postorder((term,)):
            if t in known:
                continue
            known[t] = self._added(t, [known[a] for a in t.args])
            facts, why = self.assumptions.of(t)
            if facts:
                k = self[known[t]]
                k.facts, k.why = k.facts | facts, k.why | why
        return self.find(known[term])

    def _added(self, t: Term, ids: list[int]) -> int:
        """The class of a term's operator applied to classes. Where it has no value (the root of what turned out to be -1) it stays as written."""
        if t.op == "symbol":
            return self._intern(("symbol", (t,), ()))
        if t.op == "const":
            return self.number(t.data[0])
        if t.op not in ("add", "mul"):
            self.partial |= t.op in ("where", "and", "or")
            return self.call(t.op, ids, t.data)
        try:
            return (self.sum if t.op == "add" else self.product)(zip(ids, t.data[1:], strict=True), t.data[0])
        except TermError:
            pairs = sorted((self.find(i), x) for i, x in zip(ids, t.data[1:], strict=True))
            numbers = tuple([x for _, x in pairs])
            children = tuple([i for i, _ in pairs])
            if t.op == "add":
                return self._intern(("add", (t.data[0], *numbers), children))
            return self.sum([(self._intern(("mul", numbers, children)), t.data[0])])

    def number(self, value: Any) -> int:
        """The class of a number or truth value."""
        return self._intern(("truth" if isinstance(value, bool) else "const", (value,), ()))

    def sum(self, items: Items, constant: Number = 0) -> int:
        """The class of ``constant + sum(coefficient*class)``. TermError if numbers combine to NaN."""
        bag: dict[int, Number] = {}
        for i, c in items:
            for _ in range(_LONGEST_CHAIN):
                i = self.find(i)
                k = self.classes[i]
                if k.const is not None or k.scaled is None:
                    break
                c, i = c * k.scaled[0], k.scaled[1]
            i = self.find(i)
            if k.const is not None:
                constant = constant + c * k.const
            else:
                bag[i] = bag.get(i, 0) + c
        pairs = sorted((i, finite(tidy(c))) for i, c in bag.items() if c != 0)
        constant = finite(tidy(constant))
        if not pairs:
            return self.number(constant)
        if len(pairs) == 1 and constant == 0 and pairs[0][1] == 1:
            return pairs[0][0]
        ids = tuple([i for i, _ in pairs])
        node: Node = ("add", (constant, *[c for _, c in pairs]), ids)
        found = self.memo.get(node)
        if found is not None:
            return self.find(found)
        return self._new_sum(node, pairs, constant)

    def _new_sum(self, node: Node, pairs: list[tuple[int, Number]], constant: Number) -> int:
        """A sum that is new: also stored as a multiple of its primitive part, if that is another sum."""
        if len(pairs) == 1 and constant == 0:
            return self._intern(node)
        size = _content(constant, [c for _, c in pairs])
        if size == 1:
            return self._intern(node)
        primitive = self.sum([(i, quotient(c, size)) for i, c in pairs], quotient(constant, size))
        multiple = self.sum([(primitive, size)])
        if self.find(primitive) == self.find(multiple):  # rounding: keep the sum as it is
            return self._intern(node)
        self._put(node, multiple)
        return self.find(multiple)

    def product(self, items: Items, coefficient: Number = 1) -> int:
        """The class of ``coefficient * prod(class**exponent)``. TermError on 0 to a negative power."""
        bag: dict[int, Number] = {}
        for i, e in items:
            i, e, c = self._base(i, e)
            coefficient = coefficient * c
            if e != 0:
                bag[i] = bag.get(i, 0) + e
        coefficient = finite(tidy(coefficient))
        pairs = sorted((i, tidy_exponent(e)) for i, e in bag.items() if e != 0)
        if coefficient == 0:
            return self.number(0)
        if not pairs:
            return self.number(coefficient)
        if len(pairs) == 1 and pairs[0][1] == 1:
            made = pairs[0][0]
        else:
            made = self._intern(("mul", tuple([e for _, e in pairs]), tuple([i for i, _ in pairs])))
        return made if coefficient == 1 else self.sum([(made, coefficient)])

    def _base(self, i: int, e: Number) -> tuple[int, Number, Number]:
        """class**e as (base, exponent, coefficient), through numbers, multiples and powers; exponent 0: all is in the coefficient."""
        coefficient: Number = 1
        for _ in range(_LONGEST_CHAIN):
            i = self.find(i)
            k = self.classes[i]
            if k.const is not None:
                value = numeric_power(k.const, e) if not isinstance(k.const, bool) else None
                return (i, e, coefficient) if value is None else (i, 0, coefficient * value)
            if k.scaled is not None and (type(e) is int or k.scaled[0] > 0):
                value = numeric_power(k.scaled[0], e)
                if value is not None:
                    coefficient, i = coefficient * value, k.scaled[1]
                    continue
            if k.power is not None and self._may_multiply(k.power, e):
                i, e = k.power[0], tidy_exponent(k.power[1] * e)
                continue
            break
        return i, e, coefficient

    def _may_multiply(self, power: tuple[int, Number], e: Number) -> bool:
        """True if (P**f)**e = P**(f*e) wherever the left is defined: not for sqrt(P**2), which is abs(P)."""
        base, f = power
        if type(e) is int or not (type(f) is int and f % 2 == 0):
            return True
        return self.is_positive(base, NONNEGATIVE)

    def call(self, op: str, ids: Iterable[int], data: tuple[Any, ...] = ()) -> int:
        """The class of an operator (no sum, no product) applied to classes; numbers are folded where that is exact."""
        children = tuple([self.find(i) for i in ids])
        if op == "pow":
            exponent = self.classes[children[1]].const
            if exponent is not None:
                return self.product([(children[0], tidy_exponent(exponent))])
        if op in MIRRORED:
            op, children = MIRRORED[op], children[::-1]
        if op in SYMMETRIC and children[0] > children[1]:
            children = children[::-1]
        values = [self.classes[i].const for i in children]
        if values and None not in values and not data:
            folded = fold_function(op, values)
            if folded is not None:
                return self.number(exact_number(folded))
        if op == "where" and (values[0] is not None or children[1] == children[2]):
            return children[2] if values[0] is not None and not values[0] else children[1]
        if op in EVEN or op in ODD:
            scaled = self.classes[children[0]].scaled
            if scaled is not None and scaled[0] < 0:
                made = self._intern((op, data, (self.sum([(scaled[1], -scaled[0])]),)))
                return made if op in EVEN else self.sum([(made, -1)])
        return self._intern((op, data, children))

    def _intern(self, node: Node) -> int:
        """The class of an e-node whose children are representatives, new if it must be."""
        found = self.memo.get(node)
        if found is not None:
            return self.find(found)
        if self.asking:
            raise Absent
        i = len(self.parent)
        self.parent.append(i)
        self.classes[i] = EClass()
        self.operators.add(node[0])
        self._put(node, i)
        self._analyse(i, node)
        return i

    def _put(self, node: Node, i: int) -> None:
        """Store an e-node in a class."""
        if self.asking:
            raise Absent
        i = self.find(i)
        self.memo[node] = i
        self.classes[i].nodes[node] = None
        self.changed.add(i)
        for child in node[2]:
            self.classes[child].parents.append((node, i))

    def _analyse(self, i: int, node: Node) -> None:
        """What the first e-node tells of its class."""
        op, data, children = node
        k = self.classes[i]
        if op in ("const", "truth"):
            k.const = data[0]
            k.facts = number_facts(data[0])
            return
        if len(children) == 1:
            if op == "add" and data[0] == 0:
                k.scaled = data[1], children[0]
            elif op == "mul":
                k.power = children[0], data[0]
        self._learn(k, node)

    def _learn(self, k: EClass, node: Node) -> bool:
        """Add the facts of an e-node to its class; True if there were new ones."""
        facts = node_facts(self, node) & ~k.facts
        if facts:
            k.facts |= facts
            for child in node[2]:
                k.why |= self[child].why
        return bool(facts)

    # --- unions ---

    def union(self, a: int, b: int) -> bool:
        """State that two classes are equal; True if that was new. Call ``rebuild`` after a batch."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if len(self.classes[a].parents) < len(self.classes[b].parents):
            a, b = b, a
        keep, gone = self.classes[a], self.classes.pop(b)
        self.parent[b] = a
        keep.nodes.update(gone.nodes)
        keep.parents += gone.parents
        multiples = keep.scaled, gone.scaled
        keep.scaled = None
        self._join(a, keep, gone)
        self.pending.append(a)
        self.changed.add(a)
        self._join_multiples(a, *multiples)
        return True

    def _join(self, a: int, keep: EClass, gone: EClass) -> None:
        """The analysis of two classes that are now one."""
        if keep.const is None or (gone.const is not None and isinstance(keep.const, float)):
            keep.const = gone.const if gone.const is not None else keep.const
        powers = keep.power, gone.power
        keep.power = None
        keep.power = next((p for p in powers if p is not None and not self._leads_back(p[0], a)), None)
        if keep.power is not None and keep.power[1] < 0 and any(n[0] == "exp" for n in (*keep.nodes, *gone.nodes)):
            keep.power = None  # exp(x) = 1/exp(-x) and exp(-x) = 1/exp(x): neither is the simpler one
        keep.facts = keep.facts & gone.facts if self.partial else keep.facts | gone.facts
        keep.why |= gone.why

    def _join_multiples(self, a: int, first: tuple[Number, int] | None, second: tuple[Number, int] | None) -> None:
        """What a = c*P = d*Q, or a = c*P and a no multiple, tell of P: it is a multiple of Q, or of a. So the graph has fewer and fewer
        classes that are no multiples, and normal forms settle."""
        if first is None or second is None:
            given = first or second
            if given is not None and not isinstance(given[0], float) and self.find(given[1]) != a:
                self.union(given[1], self.sum([(a, quotient(1, given[0]))]))
            return
        (c, p), (d, q) = first, second
        if not self._leads_back(p, a):
            self.classes[a].scaled = first
        exact = not isinstance(c, float) and not isinstance(d, float)
        if (exact or c == d) and self.find(p) != self.find(q):
            self.union(p, self.sum([(q, quotient(d, c))]))

    def _leads_back(self, i: int, a: int) -> bool:
        """True if class i is written through class a by multiples and powers: P = 2*A and A = P/2 tell the same thing twice."""
        for _ in range(_LONGEST_CHAIN):
            i = self.find(i)
            if i == a:
                return True
            k = self.classes[i]
            if k.scaled is not None:
                i = k.scaled[1]
            elif k.power is not None:
                i = k.power[0]
            else:
                return False
        return True

    def drop(self, node: Node) -> None:
        """Take an e-node out of its class for good: it equals the others, but is defined on a smaller domain.

        It stays where another e-node of the class has become the same one (exp(log(exp(x))), once log(exp(x)) is x).
        """
        found = self.memo.get(node)
        if found is None:
            return
        here = self._present(node)
        if any(other != node and self._present(other) == here for other in self[found].nodes):
            return
        if len(self[found].nodes) > 1:
            self[found].nodes.pop(node, None)
            self.dropped.add(node)

    def _present(self, node: Node) -> Node:
        """The e-node with its children's present classes."""
        return node[0], node[1], tuple([self.find(c) for c in node[2]])

    def rebuild(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Restore congruence and normal form above all classes joined since the last time. ``stop()`` ends it early: all equalities hold, some are
        not yet found."""
        while self.pending:
            todo = sorted({self.find(i) for i in self.pending})
            self.pending = []
            for i in todo:
                if stop():
                    return
                i = self.find(i)
                k = self.classes[i]
                for node, owner in list(dict.fromkeys(k.parents)):
                    self._renew(node, owner)
                i = self.find(i)
                self._tidy_parents(i)

    def _tidy_parents(self, i: int) -> None:
        k = self.classes[i]
        k.parents = [(node, owner) for node, owner in dict.fromkeys(k.parents) if node in self.memo]

    def _renew(self, node: Node, owner: int) -> None:
        """Bring a parent of a changed class to normal form again; join it with what it has become equal to."""
        if node not in self.memo or node in self.dropped:
            return
        op, data, children = node
        try:
            if op == "add":
                new = self.sum(zip(children, data[1:], strict=True), data[0])
            elif op == "mul":
                new = self.product(zip(children, data, strict=True))
            else:
                new = self.call(op, children, data)
        except TermError:  # the numbers have no value in this form
            return
        owner = self.find(owner)
        if all(self.parent[c] == c for c in children) and self.find(new) == owner:
            if not self.partial and self._learn(self.classes[owner], node):
                self.pending.append(owner)
            return
        self.union(new, owner)  # first join, then forget: an interrupted graph has no empty class
        self.memo.pop(node, None)
        self[owner].nodes.pop(node, None)


def _content(constant: Number, coefficients: list[Number]) -> Number:
    """The number taken out of a sum: of the first coefficient's sign; the common size, or the content of exact numbers if that leaves fewer
    multiplications (x - y/2 stays, 2*x + 4*y is 2*(x + 2*y))."""
    sizes: set[Any] = {abs(c) for c in coefficients}
    numbers: set[Any] = sizes | {abs(constant)} if constant != 0 else sizes
    sign = 1 if coefficients[0] > 0 else -1
    if len(numbers) == 1:
        return sign * next(iter(numbers))
    if sizes == {1} or any(isinstance(n, float) for n in numbers):
        return sign
    parts = [Fraction(n) for n in numbers]
    content = Fraction(gcd(*[f.numerator for f in parts]), lcm(*[f.denominator for f in parts]))
    fewer = len(sizes - {content}) < len(sizes - {1})
    return tidy(sign * content) if fewer else sign
