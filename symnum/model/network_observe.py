"""Observables of a reaction network along a solution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import UnknownName, did_you_mean
from symnum.expr.walk import symbols
from symnum.model.naming import listed
from symnum.model.numeric import evaluate

if TYPE_CHECKING:
    from symnum.model.reactions import ReactionNetwork


def observe(network: ReactionNetwork, solution: Any, names: Any = None) -> Any:
    """See ``ReactionNetwork.observe``."""
    import xarray

    used = {name: value for name, value in solution.parameters.items() if network.parameters.get(name) != value}
    network = network.with_parameters(**used) if used else network
    known = {**network.functions, **network.observables}
    wanted = list(network.observables) if names is None else [names] if isinstance(names, str) else list(names)
    times = np.asarray(solution.t)
    values: dict[Any, Any] = {network.parameter_symbols[n]: v for n, v in network.parameters.items()}
    values[network.time] = times
    made = {}
    along = "time" if "t" in wanted else "t"
    for name in wanted:
        if name not in known:
            raise UnknownName(
                f"the network has no observable {name!r}.{did_you_mean(str(name), known)} Observables: {listed(list(known)[:20]) or 'none'}"
            )
        term = network._parts.in_free_parameters(known[name])
        for s in symbols(term, "field"):
            if s not in values:
                values[s] = np.asarray(solution[s].values, dtype=float)
        made[name] = (along, np.broadcast_to(np.asarray(evaluate(term, values), dtype=float), times.shape).copy())
    return xarray.Dataset(made, coords={along: (along, times)})
