"""The default backend: symnum's own methods with native drivers."""

from __future__ import annotations

from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import solve as solve  # the backend's entry point
from symnum.solvers.embedded.stochastic.method import stochastic_methods

NAME = "embedded"
EVENTS = CHECKPOINTS = True  # watches for Problem.events, heeds Options.checkpoint
METHODS = {name: method.summary for name, method in (*methods().items(), *stochastic_methods().items())}
NOISE = tuple(stochastic_methods())
METHOD_OPTIONS = {name.lower(): ("adaptive",) for name, method in stochastic_methods().items() if not method.fixed_step}
ALGEBRAIC = tuple(name for name, method in methods().items() if method.implicit and not method.split)


def options_of(method: str) -> tuple[str, ...]:
    """Which of the options that only some methods heed this one heeds: those that solve linear systems heed how."""
    found = next((m for name, m in methods().items() if name.lower() == method.lower()), None)
    return ("linear_solver", "preconditioner") if found is not None and found.implicit else ()
