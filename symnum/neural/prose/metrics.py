"""How good predictions and equations are, with the measures of Liu, Zhang and Schaeffer (2023).

relative_error     ||prediction - truth||_2 / ||truth||_2, over all times and variables of a record
rates_error        sqrt(sum (f_written(x) - f_true(x))^2 / sum f_true(x)^2), over 50 points x uniform in (-5, 5)^d and all d rates f
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symnum.errors import SymnumError
from symnum.formats.prose.read import nodes, read
from symnum.formats.prose.words import ODE, Node, parse

POINTS, REACH = 50, 5.0
_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "inv": np.reciprocal,
    "sin": np.sin,
    "cos": np.cos,
    "pow2": np.square,
}


def relative_error(prediction: np.ndarray, truth: np.ndarray) -> float:
    """||prediction - truth||_2 / ||truth||_2; the shapes are equal."""
    assert prediction.shape == truth.shape
    return float(np.linalg.norm(prediction - truth) / np.linalg.norm(truth))


def system_of(tokens: Sequence[str], dimension: int, initial: Any = None, t: Any = None) -> Any:
    """The system that tokens say, read strictly; None unless it is one of ``dimension`` equations without placeholders."""
    try:
        system = read(list(tokens), "ode", dimension=dimension, initial=initial, t=t)
    except SymnumError:
        return None
    return system if len(system.equations) == dimension and not system.parameters else None


def rates(tokens: Sequence[str], points: np.ndarray) -> np.ndarray:
    """The right-hand sides at points (n, d), (n, equations). Raises ParseError; not finite where a rate is not."""
    with np.errstate(all="ignore"):
        return np.stack([_value(tree, points) for tree in parse(list(tokens), ODE, points.shape[1])], axis=1)


def rates_error(written: Sequence[str], truth: Sequence[str], dimension: int, rng: np.random.Generator) -> float:
    """See the module's head; both are systems of ``dimension`` equations. Infinite where a written rate is not finite."""
    points = rng.uniform(-REACH, REACH, (POINTS, dimension))
    found, true = rates(written, points), rates(truth, points)
    return relative_error(found, true) if np.isfinite(found).all() else float("inf")


def _value(tree: Node, points: np.ndarray) -> np.ndarray:
    values: dict[int, np.ndarray] = {}
    for node in reversed(nodes(tree)):
        if node.head == "u":
            values[id(node)] = points[:, node.index]
        elif node.arguments:
            values[id(node)] = _FUNCTIONS[node.head](*(values[id(a)] for a in node.arguments))
        else:
            values[id(node)] = np.full(len(points), float(node.value))
    return values[id(tree)]
