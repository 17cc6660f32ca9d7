"""Equality saturation by egglog (Rust), an optional package: rules for sums, products and a few functions, seeded with the factored form."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from symnum.errors import BackendUnavailable
from symnum.expr.numbers import Number
from symnum.expr.term import Const, Term, add, call, make_call, mul, power
from symnum.expr.walk import node_count, postorder
from symnum.rewrite.engine import Proposal, Request
from symnum.rewrite.share import share

_LARGEST = 150  # nodes: sums and products are binary here, and their orders multiply
_MOST = 3000  # e-nodes before the next round; a round may multiply them by ten
_HIGHEST = 8  # whole powers that are written as products
_LARGEST_WHOLE = 1_000_000

_PROGRAM = """
(datatype M (N i64 :cost 0) (V i64 :cost 0) (Add M M :cost 1) (Mul M M :cost 1) (Inv M :cost 4) (Pow M i64 :cost 9)
  (F1 String M :cost 15) (F2 String M M :cost 2) (F3 String M M M :cost 2))
(rewrite (Add a b) (Add b a))
(rewrite (Mul a b) (Mul b a))
(rewrite (Add (Add a b) c) (Add a (Add b c)))
(rewrite (Mul (Mul a b) c) (Mul a (Mul b c)))
(rewrite (Add (Mul a b) (Mul a c)) (Mul a (Add b c)))
(rewrite (Add a (Mul a c)) (Mul a (Add (N 1) c)))
(rewrite (Add a a) (Mul (N 2) a))
(rewrite (Mul a (Add b c)) (Add (Mul a b) (Mul a c)))
(rewrite (Add (N 0) a) a)
(rewrite (Mul (N 1) a) a)
(rewrite (Add (N i) (N j)) (N (+ i j)) :when ((< i 1000000) (< j 1000000) (> i -1000000) (> j -1000000)))
(rewrite (Mul (N i) (N j)) (N (* i j)) :when ((< i 1000000) (< j 1000000) (> i -1000000) (> j -1000000)))
(rewrite (Mul (Inv a) (Inv b)) (Inv (Mul a b)))
(rewrite (Inv (Mul a b)) (Mul (Inv a) (Inv b)))
(rewrite (Mul (F1 "exp" a) (F1 "exp" b)) (F1 "exp" (Add a b)))
(rewrite (Inv (F1 "exp" a)) (F1 "exp" (Mul (N -1) a)))
(rewrite (Add (Mul (F1 "sin" a) (F1 "sin" a)) (Mul (F1 "cos" a) (F1 "cos" a))) (N 1))
(rewrite (Mul (F1 "sin" a) (F1 "cos" a)) (Mul (V -1) (F1 "sin" (Mul (N 2) a))))
"""  # V -1 is one half


def propose(request: Request) -> Proposal:
    """The forms that egglog extracts by the cost of trees, with common parts shared.

    Rounds are run one by one, because egglog knows no limits within a run. Raises BackendUnavailable where egglog is not installed.
    """
    bindings = _bindings()
    size = node_count(request.terms)
    if size > _LARGEST:
        return Proposal({}, remarks=(f"{size} nodes are too many for egglog; factored and shared only",))
    graph = bindings.EGraph()

    def run(text: str) -> list[Any]:
        outputs: list[Any] = graph.run_program(*graph.parse_program(text))
        return outputs

    writing = _Writing()
    seeds = [request.terms, *([request.known["factored"]] if "factored" in request.known else [])]
    roots = [writing.term(t) for terms in seeds for t in terms]
    count = len(request.terms)
    joined = [f"(union {a} {b})" for a, b in zip(roots[:count], roots[count:], strict=False)]
    run("\n".join([_PROGRAM, *writing.lines, *joined]))
    rounds, seen = _saturate(run, bindings, request)
    best = [next(o for o in run(f"(extract {r})") if isinstance(o, bindings.ExtractBest)) for r in roots[:count]]
    made = [_Reading(bindings, o.termdag, writing).term(o.term) for o in best]
    return Proposal(
        {"egglog": made, "egglog, shared": share(made)}, remarks=(f"egglog: {seen} e-nodes after {rounds} rounds",)
    )


def _bindings() -> Any:
    try:
        from egglog import bindings
    except ImportError as error:
        raise BackendUnavailable(
            f"the engine 'egglog' needs the package egglog, which cannot be imported ({error}). Install it: pip install 'symnum[egglog]'; "
            'or write engine="egraph", which comes with symnum'
        ) from None
    return bindings


def _saturate(run: Callable[[str], list[Any]], bindings: Any, request: Request) -> tuple[int, int]:
    """Run rounds within the limits; gives their number and that of e-nodes."""
    end = time.thread_time() + request.seconds
    seen = 0
    for rounds in range(1, request.iterations + 1):
        outputs = run("(run 1)\n(print-size)")
        seen = sum(n for o in outputs if isinstance(o, bindings.PrintAllFunctionsSize) for _, n in o.sizes)
        changed = any(o.report.updated for o in outputs if isinstance(o, bindings.RunScheduleOutput))
        if not changed or seen > _MOST or time.thread_time() > end:
            return rounds, seen
    return request.iterations, seen


class _Writing:
    """Terms as egglog definitions, one a distinct node. ``leaves``: what (V k) stands for; ``exponents``: what (Pow x k) is raised to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.leaves: list[Term] = []
        self.exponents: list[Number] = []
        self._names: dict[Term, str] = {}
        self._texts: dict[str, str] = {}

    def term(self, root: Term) -> str:
        """The name of a term's definition."""
        for node in postorder((root,)):
            if node not in self._names:
                self._names[node] = self._node(node, [self._names[a] for a in node.args])
        return self._names[root]

    def _let(self, text: str) -> str:
        name = self._texts.get(text)
        if name is None:
            name = self._texts[text] = f"$n{len(self._texts)}"
            self.lines.append(f"(let {name} {text})")
        return name

    def _node(self, node: Term, names: list[str]) -> str:
        if node.op == "const" and not isinstance(node.data[0], bool):
            return self._number(node.data[0])
        if node.op == "add":
            parts = [self._scaled(c, n) for c, n in zip(node.data[1:], names, strict=True)]
            return self._chain("Add", parts + ([self._number(node.data[0])] if node.data[0] != 0 else []))
        if node.op == "mul":
            above = [self._power(n, e) for n, e in zip(names, node.data[1:], strict=True) if e > 0]
            below = [self._power(n, -e) for n, e in zip(names, node.data[1:], strict=True) if e < 0]
            over = [self._let(f"(Inv {self._chain('Mul', below)})")] if below else []
            front = [self._number(node.data[0])] if node.data[0] != 1 else []
            return self._chain("Mul", front + above + over)
        if not names or len(names) > 3 or node.data:
            return self._leaf(node)
        return self._let(f'(F{len(names)} "{node.op}" {" ".join(names)})')

    def _leaf(self, node: Term) -> str:
        self.leaves.append(node)
        return self._let(f"(V {len(self.leaves) - 1})")

    def _number(self, value: Number) -> str:
        if isinstance(value, int) and abs(value) <= _LARGEST_WHOLE:
            return self._let(f"(N {value})")
        constant = Const(value)
        if constant not in self._names:
            self._names[constant] = self._leaf(constant)
        return self._names[constant]

    def _scaled(self, c: Number, name: str) -> str:
        return name if c == 1 else self._let(f"(Mul {self._number(c)} {name})")

    def _power(self, name: str, e: Number) -> str:
        if isinstance(e, int) and e <= _HIGHEST:
            return self._chain("Mul", [name] * e)
        if e not in self.exponents:
            self.exponents.append(e)
        return self._let(f"(Pow {name} {self.exponents.index(e)})")

    def _chain(self, op: str, names: Sequence[str]) -> str:
        made = names[0]
        for name in names[1:]:
            made = self._let(f"({op} {made} {name})")
        return made


class _Reading:
    """Extracted terms back to ours."""

    def __init__(self, bindings: Any, dag: Any, writing: _Writing) -> None:
        self.bindings, self.dag, self.writing = bindings, dag, writing
        self._known: dict[int, Any] = {}

    def term(self, i: int) -> Term:
        """The term of an entry; numbers and names of functions are read where they are used."""
        if i not in self._known:
            entry = self.dag.get(i)
            if isinstance(entry, self.bindings.TermLit):
                self._known[i] = entry.value.value
            else:
                self._known[i] = self._application(entry.name, [self.term(a) for a in entry.args])
        found: Term = self._known[i]
        return found

    def _application(self, name: str, args: list[Any]) -> Term:
        if name == "N":
            return Const(args[0])
        if name == "V":
            return Const(0.5) if args[0] == -1 else self.writing.leaves[args[0]]
        if name == "Pow":
            return power(args[0], Const(self.writing.exponents[args[1]]))
        if name == "Inv":
            return power(args[0], Const(-1))
        if name in ("Add", "Mul"):
            return add(args) if name == "Add" else mul(args)
        return call(*args) if args[0] != "pow" else make_call("pow", tuple(args[1:]))
