"""``symnum list`` and ``symnum explain MODEL``: what there is, and what a model is."""

from __future__ import annotations

import argparse

from symnum.cli.console import console, print_json, quiet_stdout, table
from symnum.cli.models import catalogue, find_model


def list_models(arguments: argparse.Namespace) -> int:
    """Names and titles; no model is imported."""
    models = catalogue()
    titles = {name: models.one_line(name) for name in models.names()}
    if arguments.json:
        print_json({"models": [{"name": name, "title": title} for name, title in titles.items()]})
        return 0
    out = console()
    out.print(table(("model", "what it is"), list(titles.items())))
    first = "brusselator" if "brusselator" in titles else next(iter(titles), "MODEL")
    out.print(f"Solve one:  symnum run {first} --plot {first}.png", markup=False)
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """The model in words."""
    with quiet_stdout(False):
        model = find_model(arguments.model, arguments.settings)
        print(model.system.explain())
    return 0
