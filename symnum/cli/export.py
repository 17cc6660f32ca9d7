"""``symnum export MODEL --format F``: the equations in another language, on stdout or into a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from symnum.cli.console import quiet_stdout
from symnum.cli.models import find_model
from symnum.errors import FileError


def export(arguments: argparse.Namespace) -> int:
    """Print or write the text; what rounding did goes to stderr."""
    from symnum import exchange, pipeline

    with quiet_stdout(True):  # a model that prints must not print into the text
        model = find_model(arguments.model, arguments.settings, arguments.until)
        system: Any = model.system
        options: dict[str, Any] = {}
        if arguments.format in exchange.PROGRAMS:
            options["resolution"] = arguments.resolution or model.resolution or 64
        elif arguments.resolution is not None:
            system = pipeline.discretise(system, arguments.resolution, arguments.scheme or "auto", arguments.order or 2)
        made = exchange.export(system, arguments.format, **options)
    text = _text(made)
    if arguments.out is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        _write(Path(arguments.out), text)
        print(f"Wrote {arguments.out}: {text.count(chr(10)) or 1} lines of {arguments.format}.", file=sys.stderr)
    for line in _remarks(made):
        print(line, file=sys.stderr)
    return 0


def _text(made: Any) -> str:
    if isinstance(made, dict):  # SymPy objects have no other text than their own
        return "\n".join(f"{key} = {value}" for key, value in made.items())
    return str(getattr(made, "text", made))


def _remarks(made: Any) -> list[str]:
    if not hasattr(made, "max_rounding_error"):
        return []
    said = [
        f"{len(made.tokens)} tokens, u_0 ... are {', '.join(made.variables[:8])}; largest rounding error {made.max_rounding_error:.2g}"
    ]
    said += [f"{what}: relative error {value:.2g}" for what, value in made.checks.items()]
    return said + list(made.warnings)


def _write(path: Path, text: str) -> None:
    if not path.parent.is_dir():
        raise FileError(f"the folder {str(path.parent)!r} does not exist; make it first: mkdir -p {path.parent}")
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder; name a file in it")
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
