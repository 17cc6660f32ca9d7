"""Bench bcr: from a network to its equations and their sparse Jacobian, beside SymPy and symengine.

Ours is measured in processes of its own, so that the memory is its own. The others get finished tables: nothing is parsed.
"""

from __future__ import annotations

import statistics
from typing import Any

import symnum as sn
from symnum.expr.gradient import gradient
from symnum.expr.term import Symbol, Term

from . import _bcr_peers as peers
from . import _measure as measure
from ._bcr_common import OURS, SITES, SMALL, Bars, Rows, network_of, say
from ._monomials import Monomials

_SCRIPT = """
import json, resource, time
import symnum
from symnum.expr.gradient import gradient
import symnum.model.bionetgen, symnum.model.normal_form, symnum.model.reactions  # the bar is beyond imports
path = {path!r}
t0 = time.process_time()
network = symnum.ReactionNetwork.from_net(path) if path else symnum.ReactionNetwork.multisite({sites})
parsed = time.process_time()
rates = network.normal_form.rates
t1 = time.process_time()
memo = {{}}
rows = [gradient(rate, lambda s: s.kind == "field", memo) for rate in rates.values()]
t2 = time.process_time()
print(json.dumps({{"parse": parsed - t0, "build": t1 - parsed, "jacobian": t2 - t1, "entries": sum(map(len, rows)),
                  "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""


def cold(path: str | None, sites: int, rounds: int = 3) -> dict[str, Any]:
    """Medians over processes; ``path`` None: the synthetic network of so many sites."""
    runs = [measure.fresh_process(_SCRIPT.format(path=path, sites=sites)) for _ in range(rounds)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def building(net: str | None, everything: bool) -> tuple[Rows, Bars]:
    say("equations and their sparse Jacobian, in processes of their own")
    ours = cold(net, SITES)
    rows: Rows = [
        {"what": "parse", "by": OURS, "CPU s": round(ours["parse"], 4)},
        {"what": "n-ary build", "by": OURS, "CPU s": round(ours["build"], 4), "MB": round(ours["MB"])},
        {
            "what": "symbolic sparse Jacobian",
            "by": OURS,
            "CPU s": round(ours["jacobian"], 4),
            "entries": ours["entries"],
        },
    ]
    network = network_of(net, SITES)
    table = Monomials(network, list(network.parameter_symbols.values()))
    theirs = {name: _peer(name, table, name == "symengine" or everything, rows) for name in ("sympy", "symengine")}
    small = _small_jacobian(rows) if not everything else None
    bars = [
        measure.bar("parse and build, CPU s", ours["parse"] + ours["build"], 0.3),
        measure.bar("symbolic sparse Jacobian, CPU s", ours["jacobian"], 0.5),
        measure.bar("memory of building and differentiating, MB", ours["MB"], 200),
        measure.bar("SymPy's n-ary build / ours", _over(theirs["sympy"][0], ours["build"]), 30, "higher"),
        measure.bar(
            "SymPy's Jacobian / ours" + ("" if everything else f" (synthetic network of {SMALL} sites)"),
            _over(theirs["sympy"][1], ours["jacobian"]) if everything else small,
            300,
            "higher",
        ),
        measure.bar("symengine's build / ours", _over(theirs["symengine"][0], ours["build"]), 1, "higher"),
        measure.bar("symengine's Jacobian / ours", _over(theirs["symengine"][1], ours["jacobian"]), 1, "higher"),
    ]
    return rows, bars


def _peer(name: str, table: Monomials, derive: bool, rows: Rows) -> tuple[float | None, float | None]:
    """CPU seconds of another tool's build and Jacobian; None where it is missing or not asked."""
    library = peers.peer(name)
    if library is None:
        rows.append({"what": "n-ary build", "by": f"{name}: missing (pip install {name})"})
        return None, None
    say(f"{name} builds{' and differentiates' if derive else ''} the same sums")
    build, sums = peers.seconds(lambda: peers.build(library, table))
    rows.append({"what": "n-ary build", "by": name, "CPU s": round(build, 4)})
    if not derive:
        return build, None
    spent, found = peers.seconds(lambda: peers.jacobian(sums, table))
    rows.append(
        {"what": "symbolic sparse Jacobian", "by": name, "CPU s": round(spent, 4), "entries": sum(map(len, found))}
    )
    return build, spent


def _small_jacobian(rows: Rows) -> float | None:
    """SymPy's time over ours on a network where SymPy's is seconds."""
    library = peers.peer("sympy")
    if library is None:
        return None
    say(f"SymPy's Jacobian of the synthetic network of {SMALL} sites")
    network = sn.ReactionNetwork.multisite(SMALL)
    rates = list(network.normal_form.rates.values())
    table = Monomials(network, list(network.parameter_symbols.values()))
    theirs, _ = peers.seconds(lambda: peers.jacobian(peers.build(library, table), table))
    ours = statistics.median(peers.seconds(lambda: _derivatives(rates))[0] for _ in range(5))
    for name, spent in (("sympy", theirs), (OURS, ours)):
        rows.append({"what": f"Jacobian, synthetic network of {SMALL} sites", "by": name, "CPU s": round(spent, 4)})
    return theirs / ours


def _derivatives(rates: list[Term]) -> list[dict[Symbol, Term]]:
    memo: dict[Term, dict[Symbol, Term]] = {}
    return [gradient(rate, lambda s: s.kind == "field", memo) for rate in rates]


def _over(theirs: float | None, ours: float) -> float | None:
    return None if theirs is None else theirs / ours
