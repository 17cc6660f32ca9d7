"""``symnum generate MODEL``: the discretised model as source code, on stdout or into a file."""

from __future__ import annotations

import argparse
import sys

from symnum.cli.console import quiet_stdout
from symnum.cli.models import find_model


def generate(arguments: argparse.Namespace) -> int:
    """Print or write the program; the sentence on what was written goes to stderr."""
    from symnum import pipeline

    with quiet_stdout(True):  # a model that prints must not print into the source
        model = find_model(arguments.model, arguments.settings, arguments.until)
        made = pipeline.generate(
            model.system,
            arguments.target,
            arguments.resolution or model.resolution or 64,
            arguments.scheme or model.options.get("scheme", "auto"),
            arguments.order or model.options.get("order", 2),
            openmp=arguments.openmp,
            jacobian=arguments.jacobian,
        )
    if arguments.out is None:
        sys.stdout.write(made.source)
        return 0
    path = made.write(arguments.out, overwrite=arguments.overwrite)
    lines = made.source.count("\n")
    print(f"Wrote {path}: {made.size:,} unknowns, {lines} lines of {made.target}.", file=sys.stderr)
    return 0
