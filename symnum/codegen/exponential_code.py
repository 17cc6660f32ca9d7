"""A whole exponential step in machine code: stages, transforms and kernels without leaving it.

    i32 advance(step, t, h, y, out, error)      see ``solvers.embedded.language.Advance``; 0 where a number is not finite

The tableau is data, in ``step``, a table of 64-bit words (``WORDS``): for each row a list of (number of a stage,
table), so one module serves all methods and problems. ``prepare(h)`` is called for a step size whose tables are not
bound. Two slots hold what is known of the state a step starts from and of the one it ends at, found again by the time
and the numbers themselves.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from symnum.codegen import fft
from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.phi_code import phi_code
from symnum.codegen.spectral_native import DECLARED, functions
from symnum.codegen.spectral_native import WORDS as SPECTRAL

WORDS = [
    "spectral",
    "bound_h",
    "prepare",
    "stages",
    "row_list",
    "nodes",
    "slopes",
    "stage",
    "state",
    "n",
    "autonomous",
    "breakpoints",
    "breakpoint_list",
    "start_t",
    "start_y",
    "start_c",
    "start_n",
    "start_known",
    "end_t",
    "end_y",
    "end_c",
    "end_n",
    "end_known",
]
ROW = ["exponential", "count", "list"]


@cache
def module(radices: tuple[int, ...] = fft.RADICES) -> Any:
    """The machine code of steps, rates and phi functions, kept for the process; ``radices``: ``fft.radices`` of the grid.

    Optimised at level 1, but with its vector loops: as fast as at level 3, and compiled in 2/3 of the time.
    """
    from symnum.codegen.jit import compile_ir

    return compile_ir(module_text(radices), level=1, vectors=True)


def module_text(radices: tuple[int, ...] = fft.RADICES) -> str:
    metadata = Metadata()
    made = [_combine(metadata), _known(metadata), _advance(metadata), _finite(metadata), phi_code(metadata)]
    declared = [
        DECLARED,
        "declare i32 @memcmp(ptr, ptr, i64)",
        *(f"declare double @llvm.{f}.f64(double)" for f in ("fabs", "exp", "sin", "cos")),
    ]
    return "\n".join([*functions(metadata, radices), *(code.text() for code in made), *declared, *metadata.lines, ""])


def _own(c: Code, name: str, kind: str = "i64") -> str:
    return c.load("%step", WORDS.index(name), kind)


def _sizes(c: Code) -> tuple[str, str, str, str]:
    """(context of the problem, fields, modes, diagonal)."""
    context = _own(c, "spectral", "ptr")
    fields, modes, diagonal = (c.load(context, SPECTRAL.index(n), "i64") for n in ("fields", "modes", "diagonal"))
    return context, fields, modes, diagonal


def _combine(metadata: Metadata) -> Code:
    """out = exponential . c + sum of table . N over a row; without the first term where its table is null."""
    c = Code(metadata, "combine", "ptr step, i64 row, ptr c, ptr out")
    _, fields, modes, diagonal = _sizes(c)
    entry = c.at(_own(c, "row_list", "ptr"), c.imul("%row", len(ROW)), "i64")
    first, count, listed = c.load(entry, 0, "ptr"), c.load(entry, 1, "i64"), c.load(entry, 2, "ptr")
    tail = f"i64 {fields}, i64 {modes}, i64 {diagonal}"
    none = c.op(f"icmp eq ptr {first}, null")
    with c.when(none):
        size = c.imul(c.imul(fields, modes), 16)
        c.line(f"call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 {size}, i1 false)")
    with c.when(c.op(f"xor i1 {none}, true")):
        c.line(f"call void @apply_set(ptr %out, ptr {first}, ptr %c, {tail})")
    slopes = _own(c, "slopes", "ptr")
    with c.loop(count) as k:
        stage, table = c.load(listed, c.imul(k, 2), "i64"), c.load(listed, c.iadd(c.imul(k, 2), 1), "ptr")
        c.line(f"call void @apply_more(ptr %out, ptr {table}, ptr {c.load(slopes, stage, 'ptr')}, {tail})")
    c.line("ret void")
    return c


def _known(metadata: Metadata) -> Code:
    """Whether a slot (``at``: its first word) holds this time and state; times do not count where f does not depend on them."""
    c = Code(metadata, "known", "ptr step, i64 at, double t, ptr y", result="i1")
    slot = c.at("%step", "%at", "i64")
    same = c.op(f"fcmp oeq double {c.load(slot)}, %t")
    same = c.op(f"or i1 {same}, {c.test('ne', _own(c, 'autonomous'), 0)}")
    same = c.op(f"and i1 {same}, {c.test('ne', c.load(slot, 4, 'i64'), 0)}")
    answer = c.variable("i1", "false")
    with c.when(same):
        different = c.op(f"call i32 @memcmp(ptr %y, ptr {c.load(slot, 1, 'ptr')}, i64 {c.imul(_own(c, 'n'), 8)})")
        c.store(c.test("eq", different, 0, "i32"), answer, 0, "i1")
    c.line(f"ret i1 {c.load(answer, 0, 'i1')}")
    return c


def _fill(c: Code, slot: str, t: str, y: str) -> None:
    """Transform a state and evaluate N there, into a slot."""
    first = WORDS.index(f"{slot}_t")
    context, fields, modes, _ = _sizes(c)
    points = c.load(context, SPECTRAL.index("points"), "i64")
    spectrum, slope = _own(c, f"{slot}_c", "ptr"), _own(c, f"{slot}_n", "ptr")
    own = c.imul(modes, 2)
    with c.loop(fields) as f:
        target = c.at(spectrum, c.imul(f, own))
        grid = c.load(context, 0, "ptr")
        c.line(
            f"call void @rfft(ptr {grid}, ptr {c.at(y, c.imul(f, points))}, ptr {target}, ptr {c.at(target, modes)})"
        )
    c.line(f"call void @nonlinear(ptr {context}, double {t}, ptr {y}, ptr {spectrum}, ptr {slope})")
    size = c.imul(_own(c, "n"), 8)
    c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {_own(c, f'{slot}_y', 'ptr')}, ptr {y}, i64 {size}, i1 false)")
    c.store(t, "%step", first)
    c.store("1", "%step", first + 4, "i64")


def _values(c: Code, spectrum: str, values: str) -> None:
    """Values of all fields; the spectrum is lost on grids of more than one axis."""
    context, fields, modes, _ = _sizes(c)
    own, points = c.imul(modes, 2), c.load(context, SPECTRAL.index("points"), "i64")
    with c.loop(fields) as f:
        target = c.at(spectrum, c.imul(f, own))
        grid = c.load(context, 0, "ptr")
        c.line(
            f"call void @irfft(ptr {grid}, ptr {target}, ptr {c.at(target, modes)}, ptr {c.at(values, c.imul(f, points))})"
        )


def _advance(metadata: Metadata) -> Code:
    c = Code(
        metadata, "advance", "ptr step, double t, double h, ptr y, ptr out, ptr error", result="i32", internal=False
    )
    with c.when(c.op(f"fcmp une double {_own(c, 'bound_h', 'double')}, %h")):
        done = c.op(f"call i32 {_own(c, 'prepare', 'ptr')}(double %h)")
        with c.when(c.test("eq", done, 0, "i32")):
            c.line("ret i32 0")
            c.start(c.label("never"))
    _begin(c)
    slopes, stages, nodes = _own(c, "slopes", "ptr"), _own(c, "stages"), _own(c, "nodes", "ptr")
    c.store(_own(c, "start_n", "ptr"), slopes, 0, "ptr")
    context, fields, modes, _ = _sizes(c)
    stage, state, last = _own(c, "stage", "ptr"), _own(c, "state", "ptr"), c.isub(stages, 1)
    bytes_ = c.imul(c.imul(fields, modes), 16)
    copy = c.at(stage, c.imul(c.imul(fields, modes), 2))
    with c.loop(last, start=1) as i:
        c.line(f"call void @combine(ptr %step, i64 {c.isub(i, 1)}, ptr {_own(c, 'start_c', 'ptr')}, ptr {stage})")
        c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {copy}, ptr {stage}, i64 {bytes_}, i1 false)")
        _values(c, copy, state)
        when = c.add("%t", c.mul(c.load(nodes, i), "%h"))
        when = _inside(c, when)
        c.line(
            f"call void @nonlinear(ptr {context}, double {when}, ptr {state}, ptr {stage}, ptr {c.load(slopes, i, 'ptr')})"
        )
    c.line(f"call void @combine(ptr %step, i64 {c.isub(last, 1)}, ptr {_own(c, 'start_c', 'ptr')}, ptr {stage})")
    _values(c, stage, "%out")
    _fill(c, "end", _inside(c, c.add("%t", "%h")), "%out")
    c.store(_own(c, "end_n", "ptr"), slopes, last, "ptr")
    c.line(f"call void @combine(ptr %step, i64 {last}, ptr {stage}, ptr {copy})")
    _values(c, copy, "%error")
    size = _own(c, "n")
    c.line(f"ret i32 {c.op(f'call i32 @finite(ptr %out, i64 {size})')}")
    return c


def _begin(c: Code) -> None:
    """The start slot holds (t, y): it still does, or the end slot of the last step does, or it is computed."""
    names = ("t", "y", "c", "n", "known")
    start, end = WORDS.index("start_t"), WORDS.index("end_t")
    with c.when(c.op(f"call i1 @known(ptr %step, i64 {end}, double %t, ptr %y)")):
        for k in range(len(names)):
            a, b = c.load("%step", start + k, "i64"), c.load("%step", end + k, "i64")
            c.store(b, "%step", start + k, "i64")
            c.store(a, "%step", end + k, "i64")
    known = c.op(f"call i1 @known(ptr %step, i64 {start}, double %t, ptr %y)")
    with c.when(c.op(f"xor i1 {known}, true")):
        _fill(c, "start", "%t", "%y")


def _inside(c: Code, when: str) -> str:
    """A time moved off a breakpoint, towards the start of the step: f may jump there."""
    place = c.variable("double", when)
    listed = _own(c, "breakpoint_list", "ptr")
    with c.loop(_own(c, "breakpoints")) as k:
        jump = c.load(listed, k)
        near = c.mul("1.0e-15", c.op(f"call double @llvm.fabs.f64(double {jump})"))
        gap = c.op(f"call double @llvm.fabs.f64(double {c.sub(when, jump)})")
        with c.when(c.op(f"fcmp ole double {gap}, {near}")):
            back_ = c.op(f"select i1 {c.op('fcmp oge double %h, 0.0')}, double {near}, double {c.sub('0.0', near)}")
            c.store(c.sub(c.sub(jump, back_), back_), place)
    return c.load(place)


def _finite(metadata: Metadata) -> Code:
    """1 where no number is infinite or NaN: their products with 0 are NaN."""
    c = Code(metadata, "finite", "ptr v, i64 count", result="i32")
    total = c.variable("double", "0.0")
    with c.loop("%count") as k:
        c.store(c.op(f"fadd double {c.load(total)}, {c.mul(c.load('%v', k), '0.0')}"), total)
    good = c.op(f"fcmp oeq double {c.load(total)}, 0.0")
    c.line(f"ret i32 {c.op(f'zext i1 {good} to i32')}")
    return c
