"""``symnum datasets``: inputs and solutions for neural operators, of Darcy flow, of Burgers' equation or of any model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from symnum.cli.models import find_model
from symnum.cli.prose import _Bar
from symnum.errors import SolveError, SymnumError


def write(arguments: argparse.Namespace) -> int:
    """Write a file, or go on with one; progress and the rate go to stderr."""
    with _Bar(arguments.records) as bar:
        made = _written(arguments, bar.update)
    print(
        f"{made.path}: {made.records:,} records in layout {arguments.layout}, {made.new:,} of them new, {made.rate:,.1f} a second; "
        f"{made.rejected:,} draws could not be solved.",
        file=sys.stderr,
    )
    return 0


def _written(arguments: argparse.Namespace, progress: Any) -> Any:
    from symnum import datasets

    given = {"layout": arguments.layout, "seed": arguments.seed, "finer": arguments.finer, "workers": arguments.workers}
    given |= {"overwrite": arguments.overwrite, "progress": progress}
    suffix = ".h5" if arguments.layout == "neuraloperator" else ".hdf5"
    path = arguments.out or f"{Path(arguments.what).stem}_{arguments.seed}{suffix}"
    named = {name: getattr(arguments, name) for name in ("resolution", "times") if getattr(arguments, name) is not None}
    if arguments.draw:
        loaded = find_model(arguments.what, arguments.settings)
        named.setdefault("resolution", loaded.resolution or 64)
        return datasets.operator_pairs(
            loaded.system, path, arguments.records, dict(map(drawn, arguments.draw)), **named, **given
        )
    if arguments.what not in ("darcy", "burgers"):
        raise SolveError(
            f"what is drawn for {arguments.what}? Write --draw u=matern,length=0.1 for the start of a field, --draw a=0.1:1 for a parameter"
        )
    if arguments.settings:
        raise SolveError(
            "--set is for models; write --variant, or sn.datasets in Python, to change what darcy and burgers are"
        )
    if arguments.what == "burgers":
        return datasets.burgers(path, arguments.records, variant=arguments.variant, **named, **given)
    if "times" in named:
        raise SolveError("darcy is steady; leave --times out")
    return datasets.darcy_flow(path, arguments.records, variant=arguments.variant, **named, **given)


def drawn(text: str) -> tuple[str, Any]:
    """``u=matern,length=0.1`` or ``a=0.1:1``: a name and what it is drawn from. Raises SolveError."""
    from symnum.datasets import GaussianField, Uniform

    name, _, value = (part.strip() for part in text.partition("="))
    low, colon, high = value.partition(":")
    try:
        if colon:
            return name, Uniform(float(low), float(high))
        kind, *settings = value.split(",")
        pairs = [setting.partition("=") for setting in settings]
        return name, GaussianField(kind, **{k.strip(): _setting(v) for k, _, v in pairs})
    except SymnumError:
        raise
    except (ValueError, TypeError):
        raise SolveError(
            f"--draw {text} is not understood; write --draw u=matern,length=0.1,smoothness=1.5 for a field, --draw a=0.1:1 for a parameter"
        ) from None


def _setting(text: str) -> Any:
    text = text.strip()
    return text if text in ("periodic", "neumann", "dirichlet", "exp") else float(text)
