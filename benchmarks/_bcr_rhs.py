"""Bench bcr: right-hand sides before and after simplification, all called through the same door."""

from __future__ import annotations

import ctypes
import resource
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.discretisation.assemble import discretise
from symnum.ir.kernel import Kernel, Store
from symnum.rewrite.factor import factor
from symnum.rewrite.share import share

from . import _bcr_peers as peers
from . import _measure as measure
from ._bcr_common import OURS, SMALL, Bars, Rows, network_of, say
from ._monomials import Monomials, unsimplified

AS_WRITTEN, C_FAST, CSE = "as written, -O1", "as written, C -O3 -ffast-math", "sympy.cse, -O1"


@dataclass
class Case:
    """One network on its way: ``written`` and ``ours`` are its right-hand side before and after simplification."""

    network: Any
    written: Kernel
    ours: Kernel
    p: np.ndarray
    table: Monomials

    def state(self, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).uniform(0.1, 100.0, self.ours.input_size)


def case_of(network: Any, rows: Rows | None = None, bars: Bars | None = None) -> Case:
    """Discretise and simplify; with rows and bars, say what that took."""
    say(f"discretising and simplifying {len(network.normal_form.rates)} equations")
    spent, semi = peers.seconds(lambda: discretise(network))
    written = unsimplified(network, semi.rhs)
    if rows is not None and bars is not None:
        values = [s.value for s in written.body if isinstance(s, Store)]
        simplified = peers.seconds(lambda: share(factor(values)))[0]
        rows.append({"what": "discretise, simplification included", "by": OURS, "CPU s": round(spent, 3)})
        rows.append({"what": "simplification", "by": OURS, "CPU s": round(simplified, 3)})
        bars.append(measure.bar("simplification, CPU s", simplified, 3.0))
    table = Monomials(network, semi.parameters)
    return Case(network, written, semi.rhs, np.array(semi.parameter_values), table)


def right_hand_sides(case: Case, rows: Rows, bars: Bars) -> None:
    forms: dict[str, Callable[[], object]] = {}
    seconds: dict[str, float] = {}
    keep: list[Any] = []
    for name, kernel in ((OURS, case.ours), (AS_WRITTEN, case.written), (CSE, _sympy_cse(case, rows))):
        if kernel is not None:
            say(f"compiling the right-hand side: {name}")
            seconds[name], compiled = peers.seconds(lambda kernel=kernel: compile_kernel(kernel, cache=False))
            forms[name] = _thunk(compiled.address, case, keep)
            keep.append(compiled)
            if name == OURS:
                bars.append(measure.bar("error / sum of absolute terms", _error(compiled, case), 1e-12))
    _c_peers(case, forms, seconds, keep)
    samples = measure.interleaved(forms, 300, rounds=9)
    for name, times in samples.items():
        rows.append(
            {
                "what": "right-hand side",
                "by": name,
                "microseconds": round(statistics.median(times) * 1e6, 2),
                "compile, CPU s": round(seconds[name], 2),
            }
        )
    for name, limit in ((AS_WRITTEN, 6), (C_FAST, 2.8), (CSE, 5)):
        ratio = measure.median_ratio(samples[name], samples[OURS]) if name in samples else None
        bars.append(measure.bar(f"right-hand side: {name} / ours", ratio, limit, "higher"))
    bars.append(measure.bar("compilation with llvm, CPU s", seconds[OURS], 3.0))
    bars.append(measure.bar("compilation with C -O1, CPU s", seconds.get("symnum, C -O1"), 3.0))


def _thunk(address: int | None, case: Case, keep: list[Any]) -> Callable[[], object]:
    """A call of native code that costs the same for everyone."""
    assert address is not None
    y, out = case.state(0), np.empty(case.ours.output_size)
    keep += [y, out]
    native = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_void_p] * 3)(address)
    given = (0.0, y.ctypes.data, case.p.ctypes.data, out.ctypes.data)
    return lambda: native(*given)


def _sympy_cse(case: Case, rows: Rows) -> Kernel | None:
    sympy = peers.peer("sympy")
    if sympy is None:
        return None
    say("sympy.cse")
    from symnum.expr.walk import symbols
    from symnum.rewrite.engines.sympy import shared

    stores = [s for s in case.written.body if isinstance(s, Store)]
    names = {s.name: s for s in symbols([s.value for s in stores])}
    sums = peers.build(sympy, case.table)
    spent, values = peers.seconds(lambda: shared(sums, names))
    rows.append({"what": "sympy.cse", "by": "sympy", "CPU s": round(spent, 3)})
    return case.written.with_body(tuple(Store(s.array, v) for s, v in zip(stores, values, strict=True)))


def _c_peers(case: Case, forms: dict[str, Callable[[], object]], seconds: dict[str, float], keep: list[Any]) -> None:
    """Plain C of the equations as they stand, and ours as C; nothing where there is no compiler."""
    from symnum.codegen.targets.c import print_kernel

    ours = "symnum, C -O1"
    sources = {
        C_FAST: (case.table.c_source(), ("-O3", "-ffast-math", "-march=native")),
        ours: (print_kernel(case.ours), ("-O1", "-march=native", "-ffp-contract=fast")),
    }
    for name, (text, flags) in sources.items():
        say(f"compiling the right-hand side: {name}")
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "rhs.c"
            source.write_text(text, encoding="utf-8")
            before = _children()
            library = measure.compile_c(source, flags)
        if library is None:
            say("no C compiler")
            return
        seconds[name] = _children() - before
        loaded = ctypes.CDLL(str(library))
        keep.append(loaded)
        forms[name] = _thunk(ctypes.cast(loaded.rhs, ctypes.c_void_p).value, case, keep)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _error(compiled: CompiledKernel, case: Case) -> float:
    """The largest error at three random positive states against extended precision, relative to the sum of absolute terms."""
    worst = 0.0
    for seed in range(3):
        y = case.state(seed)
        exact = case.table.values(y.astype(np.longdouble), case.p)
        size = case.table.values(y, case.p, absolute=True)
        off = np.abs((compiled(0.0, y, case.p) - exact).astype(float))
        worst = max(worst, float((off[size > 0] / size[size > 0]).max()))
    return worst


def second_network(net: str | None, rows: Rows, bars: Bars) -> None:
    """The gain on another network."""
    case = case_of(network_of(net, SMALL))
    keep: list[Any] = []
    forms = {}
    for name, kernel in ((OURS, case.ours), (AS_WRITTEN, case.written)):
        compiled = compile_kernel(kernel, cache=False)
        keep.append(compiled)
        forms[name] = _thunk(compiled.address, case, keep)
    samples = measure.interleaved(forms, 1000, rounds=9)
    which = Path(net).name if net else f"synthetic network of {SMALL} sites"
    for name, times in samples.items():
        rows.append(
            {"what": f"right-hand side, {which}", "by": name, "microseconds": round(statistics.median(times) * 1e6, 2)}
        )
    ratio = measure.median_ratio(samples[AS_WRITTEN], samples[OURS])
    bars.append(measure.bar(f"right-hand side: {AS_WRITTEN} / ours, {which}", ratio, 2, "higher"))
