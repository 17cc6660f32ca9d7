"""The step language as CUDA C: the whole adaptive solver of one trajectory in one thread.

::

    __global__ METHOD_ensemble(count, ..., given, p, save_t, status, scalars, vectors, save_y)

Trajectory ``id`` has its scalars at ``scalars[k*count + id]``, its vectors at ``vectors[(v*n + i)*count + id]`` and its rows at
``save_y[(row*n + i)*count + id]``, so that the threads of a warp read and write side by side. ``given`` holds the scalars that the program never
sets; they are the same for all. Between two launches everything lies in these arrays, as with the native drivers: a launch makes at most
``budget`` steps and the next one goes on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symnum.codegen.c_names import ATOM, Numbers, Text
from symnum.codegen.c_text import Writer, unwrapped
from symnum.codegen.cuda_terms import CudaExpressions, CudaNames
from symnum.errors import TargetError
from symnum.expr.calculus import substitute
from symnum.expr.term import Const, Symbol, Term, as_term, rebuild
from symnum.expr.walk import postorder
from symnum.solvers.embedded import language as step

RUNNING = -1  #: the status of a trajectory that is not yet where it should be
THREADS = 128  #: of a block: a trajectory takes many registers


@dataclass(frozen=True)
class Driver:
    """What was printed. ``kept``: the scalars that lie in memory between launches; ``given``: those that are the same for all; ``tables``: arrays
    of numbers that the function takes after ``save_t``; ``name`` of the function."""

    name: str
    source: str
    kept: tuple[str, ...]
    given: tuple[str, ...]
    vectors: tuple[str, ...]
    tables: tuple[str, ...]


def print_driver(
    program: step.Program, n: int, parameters: int, rhs: str, fixed: Mapping[str, float], tables: Iterable[str] = ()
) -> Driver:
    """A program for n unknowns.

    Args:
        rhs: CUDA C of ``static __device__ void rhs(double t, const double *y, const double *p, double *out)``.
        fixed: scalars with one value in every run; what depends on them alone is decided here.
        tables: the arrays of numbers that the program fetches from, beside ``save_t``.

    Raises TargetError: the program needs a linear solver, or writes into arrays other than the rows at the save times.
    """
    if program.linear:
        raise TargetError(
            f'{program.name} solves linear systems, which a trajectory on the GPU cannot; write method="Tsit5"'
        )
    constants: dict[Term, Term] = {step.scalar(name): Const(value) for name, value in fixed.items()}
    return _Printer(program, n, parameters, constants, tuple(tables)).print(rhs)


def simplified(body: Iterable[step.Statement], constants: Mapping[Term, Term]) -> tuple[step.Statement, ...]:
    """The statements with the scalars of ``constants`` put in; branches that can be decided are."""
    made: list[step.Statement] = []
    for s in body:
        match s:
            case step.If(condition, then, otherwise):
                test = _decided(substitute(condition, constants))
                if test.op == "const":
                    made += simplified(then if test.data[0] else otherwise, constants)
                else:
                    made.append(step.If(test, simplified(then, constants), simplified(otherwise, constants)))
            case step.While(condition, inner):
                test = substitute(condition, constants)
                if test.op != "const" or test.data[0]:
                    made.append(step.While(test, simplified(inner, constants)))
            case step.Assign(name, value):
                made.append(step.Assign(name, substitute(value, constants)))
            case _:
                made.append(s)
    return tuple(made)


def _decided(test: Term) -> Term:
    """False where one part of an "and" is."""
    return Const(False) if test.op == "and" and any(a.op == "const" and not a.data[0] for a in test.args) else test


class _Printer:
    def __init__(
        self, program: step.Program, n: int, parameters: int, constants: Mapping[Term, Term], tables: tuple[str, ...]
    ) -> None:
        self.program, self.n, self.parameters, self.tables = program, n, parameters, tables
        self.constants = constants
        self.body = simplified(program.body, constants)
        every = list(step.every_statement(self.body))
        used = {name for s in every for name in step._scalars(s)}
        written = {name for s in every for name in _assigned(s)}
        self.kept = tuple(name for name in program.scalars if name in used and name in written)
        self.given = tuple(name for name in program.scalars if name in used and name not in written)
        self.vectors = tuple(v for v in program.vectors if any(v in step._pointers(s) for s in every))
        self.names = CudaNames(
            ("rhs", "id", "count", "given", "status", "scalars", "vectors", "save_y", "save_t", "leave", *tables)
        )
        self.writer = Writer()
        self.expressions = CudaExpressions(Numbers(), self._leaf, self._no_table)

    def print(self, rhs: str) -> Driver:
        out, name = self.writer, f"{self.program.name}_ensemble"
        arrays = ["given", *(["p"] if self.parameters else []), "save_t", *self.tables]
        arguments = ["const int count", *(f"const double *__restrict__ {a}" for a in arrays)]
        arguments += [f"double *__restrict__ {a}" for a in ("status", "scalars", "vectors", "save_y")]
        out.line(f'extern "C" __global__ void __launch_bounds__({THREADS})')
        out.statement(f"{name}({', '.join(arguments)})")
        out.open("{")
        out.line("const int id = blockIdx.x*blockDim.x + threadIdx.x;")
        out.line(f"if (id >= count || status[id] != {RUNNING}) return;")
        self._open()
        out.line("int result = 0;")
        self._block(self.body)
        out.line("leave:")
        self._close()
        out.close()
        helpers = "\n".join(self.expressions.helpers.values())
        source = (
            "\n\n".join(part for part in (self._head(), helpers, rhs.rstrip(), "\n".join(out.lines)) if part) + "\n"
        )
        return Driver(name, source, self.kept, self.given, self.vectors, self.tables)

    def _head(self) -> str:
        return f"/* {self.program.name}: one trajectory of {self.n} unknowns a thread, the steps and their control included. */"

    def _open(self) -> None:
        out, n = self.writer, self.n
        for k, name in enumerate(self.given):
            out.line(f"const double {self._scalar(name)} = given[{k}];")
        for k, name in enumerate(self.kept):
            out.line(f"double {self._scalar(name)} = scalars[{k}*(size_t)count + id];")
        if self.parameters:
            out.line(f"double parameters[{self.parameters}];")
            self._loop(self.parameters, "parameters[i] = p[i*(size_t)count + id];")
        for v, name in enumerate(self.vectors):
            out.line(f"double {self._vector(name)}[{n}];")
            self._loop(n, f"{self._vector(name)}[i] = vectors[({v * n} + i)*(size_t)count + id];")

    def _close(self) -> None:
        out, n = self.writer, self.n
        out.line("status[id] = result;")
        for k, name in enumerate(self.kept):
            out.line(f"scalars[{k}*(size_t)count + id] = {self._scalar(name)};")
        for v, name in enumerate(self.vectors):
            self._loop(n, f"vectors[({v * n} + i)*(size_t)count + id] = {self._vector(name)}[i];")

    def _loop(self, count: int, text: str) -> None:
        self.writer.line("#pragma unroll")
        self.writer.line(f"for (int i = 0; i < {count}; i++)")
        self.writer.statement(f"    {text}")

    def _scalar(self, name: str) -> str:
        return self.names.of("scalar", name)

    def _vector(self, name: str) -> str:
        return self.names.of("vector", name)

    def _leaf(self, symbol: Symbol) -> Text:
        return self._scalar(symbol.name), ATOM

    def _no_table(self, node: Term) -> Text:
        raise TargetError(f"{self.program.name} reads the table {node}")

    def _number(self, term: Term) -> str:
        return unwrapped(self.expressions.number(substitute(term, self.constants)))

    # --- statements ---

    def _block(self, body: Iterable[step.Statement]) -> None:
        for s in body:
            self._statement(s)

    def _statement(self, s: step.Statement) -> None:
        out = self.writer
        match s:
            case step.Assign(name, value):
                self._assign(name, substitute(value, self.constants))
            case step.Fetch(name, array, index):
                if array != "save_t" and array not in self.tables:
                    raise TargetError(
                        f"{self.program.name} reads the array {array}, which a trajectory on the GPU does not have"
                    )
                out.statement(f"{self._scalar(name)} = {array}[(int)({self._number(index)})];")
            case step.Rhs(target, t, y, "all"):
                given = "parameters" if self.parameters else "nullptr"
                out.statement(f"rhs({self._number(t)}, {self._vector(y)}, {given}, {self._vector(target)});")
            case step.LinComb(target, terms):
                self._combine(target, terms)
            case step.Multiply(target, a, b) if all(isinstance(x, str) for x in (target, a, b)):
                self._loop(
                    self.n, f"{self._vector(str(target))}[i] = {self._vector(str(a))}[i]*{self._vector(str(b))}[i];"
                )
            case step.Norm():
                self._norm(s)
            case step.Swap(a, b):
                first, second = self._vector(a), self._vector(b)
                self._loop(
                    self.n, f"{{ const double kept = {first}[i]; {first}[i] = {second}[i]; {second}[i] = kept; }}"
                )
            case step.If(condition, then, otherwise):
                out.open(f"if ({unwrapped(self.expressions.condition(condition))}) {{")
                self._block(then)
                out.close()
                if otherwise:
                    out.open("else {")
                    self._block(otherwise)
                    out.close()
            case step.While(condition, body):
                test = "true" if condition.op == "const" else unwrapped(self.expressions.condition(condition))
                out.open(f"while ({test}) {{")
                self._block(body)
                out.close()
            case step.Return(status):
                out.line(f"result = {int(status)};  /* {status.name} */")
                out.line("goto leave;")
            case _:
                raise TargetError(
                    f"{self.program.name} needs {type(s).__name__}, which a trajectory on the GPU does not have"
                )

    def _assign(self, name: str, value: Term) -> None:
        """A scalar; what its value needs twice (powers are dear) gets a name first."""
        nodes = list(postorder([value]))
        uses = Counter(a for node in nodes for a in node.args)
        shared = [node for node in nodes if node.args and uses[node] > 1]
        if not shared:
            self.writer.statement(f"{self._scalar(name)} = {unwrapped(self.expressions.number(value))};")
            return
        names: dict[Term, Term] = {}
        self.writer.open("{")
        for k, node in enumerate(shared):
            symbol = Symbol(f"shared {k + 1}", "temporary")
            made = rebuild(node, tuple(substitute(a, names) for a in node.args))
            condition = self.expressions.is_condition(made)
            text = self.expressions.condition(made) if condition else self.expressions.number(made)
            if condition:
                self.expressions.conditions.add(symbol)
            self.writer.statement(
                f"const {'bool' if condition else 'double'} {self._scalar(symbol.name)} = {unwrapped(text)};"
            )
            names[node] = symbol
        self.writer.statement(f"{self._scalar(name)} = {unwrapped(self.expressions.number(substitute(value, names)))};")
        self.writer.close()

    def _coefficients(self, terms: Iterable[tuple[Term, str]]) -> list[tuple[str, str]]:
        """(coefficient, vector) pairs; coefficients that are computed get a name before the loop."""
        made: list[tuple[str, str]] = []
        for c, vector in terms:
            text = self._number(as_term(c))
            if not re.fullmatch(r"-?[\w.]+", text):
                name = f"c{len(made) + 1}"
                self.writer.statement(f"const double {name} = {text};")
                text = name
            made.append((text, self._vector(vector)))
        return made

    def _combine(self, target: str | step.Row, terms: Iterable[tuple[Term, str]]) -> None:
        out = self.writer
        out.open("{")
        pairs = self._coefficients(terms)
        if isinstance(target, step.Row):
            if target.buffer != "save_y":
                raise TargetError(
                    f"{self.program.name} writes rows of {target.buffer}, which a trajectory on the GPU does not have"
                )
            place = f"save_y[((size_t)({self._number(target.index)})*{self.n} + i)*count + id]"
        else:
            place = f"{self._vector(target)}[i]"
        self._loop(self.n, f"{place} = {_sum(pairs)};")
        out.close()

    def _norm(self, s: step.Norm) -> None:
        """sqrt(mean((e/w)^2)), w = atol + rtol*max |scale|; the weight of a NaN is NaN (fmax would drop it)."""
        out = self.writer
        out.open("{")
        pairs = self._coefficients(s.terms)
        out.line("double sum = 0.0;")
        out.line("#pragma unroll")
        out.open(f"for (int i = 0; i < {self.n}; i++) {{")
        largest = ""
        for vector in s.scale:
            one = f"fabs({self._vector(vector)}[i])"
            largest = one if not largest else self.expressions._call("maximum", largest, one)
        weight = self._number(s.atol) + (f" + ({self._number(s.rtol)})*{largest}" if largest else "")
        out.statement(f"const double e = ({_sum(pairs)})/({weight});")
        out.line("sum += e*e;")
        out.close()
        out.line(f"{self._scalar(s.name)} = sqrt(sum/{self.n}.0);")
        out.close()


def _sum(pairs: Iterable[tuple[str, str]]) -> str:
    texts = [f"{v}[i]" if c == "1.0" else f"-{v}[i]" if c == "-1.0" else f"{c}*{v}[i]" for c, v in pairs]
    return " + ".join(texts).replace("+ -", "- ") if texts else "0.0"


def _assigned(s: Any) -> list[str]:
    return [s.name] if isinstance(s, step.Assign | step.Fetch | step.Norm) else []
