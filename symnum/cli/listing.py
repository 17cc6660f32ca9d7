"""``symnum list`` and ``symnum explain MODEL``: what there is, and what a model is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from symnum.cli.console import console, print_json, quiet_stdout, table
from symnum.cli.models import Loaded, catalogue, find_model

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

_MOST_RATES = 12  # equations that are written out


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
        if arguments.rewrite:
            print(rewriting(model.system))
            print(rewriting_of_loops(model))
    return 0


def rewriting(system: PDESystem) -> str:
    """What rewriting does to the rates of change: their cost before and after, and the rules that fired. Derivatives count as given."""
    from symnum.rewrite.simplify import simplify

    form = system.normal_form
    assume = [symbol > 0 for name, symbol in system.parameter_symbols.items() if system.parameters[name] > 0]
    rates = {f"d{u.name}/dt": rate for u, rate in form.rates.items()} | {
        f"0 ({u.name})": r for u, r in form.algebraic.items()
    }
    made, report = simplify(list(rates.values()), assume=assume, report=True)
    lines = [
        "",
        "Rewriting of the rates of change (parameters with their present signs):",
        f"  {str(report).replace(chr(10), chr(10) + '  ')}",
    ]
    changed = [f"  {name} = {new}" for (name, old), new in zip(rates.items(), made, strict=True) if new is not old]
    return "\n".join([*lines, *changed[:_MOST_RATES], *(["  ..."] if len(changed) > _MOST_RATES else [])])


def rewriting_of_loops(model: Loaded) -> str:
    """What is done to the loops of the discretised right-hand side before they are compiled (``simplify`` of sn.solve)."""
    from symnum.pipeline import discretise

    options = {name: model.options[name] for name in ("scheme", "order") if name in model.options}
    made = discretise(model.system, model.resolution or 64, **options)
    grid = f" on {' x '.join(str(a.points) for a in made.semi.axes)} points" if made.semi.axes else ""
    text = str(made.rewriting).replace("\n", "\n  ")
    return f"\nRewriting of the loops of the right-hand side{grid}:\n  {text}"
