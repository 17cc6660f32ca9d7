"""The default backend: symnum's own methods with native drivers."""

from __future__ import annotations

from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import solve as solve  # the backend's entry point

NAME = "embedded"
METHODS = {name: method.summary for name, method in methods().items()}
