"""``symnum run MODEL``: solve, write what was asked for, and say what was chosen and why."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symnum.cli.console import console, decisions_told, paragraph, plain, print_json, quiet_stdout, seconds
from symnum.cli.models import Loaded, find_model
from symnum.errors import FileError

if TYPE_CHECKING:
    from symnum.result import Solution

_PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")
_PASSED_ON = ("scheme", "order", "method", "backend", "target", "rtol", "atol", "dt", "seed")


def run(arguments: argparse.Namespace) -> int:
    """Solve and report; 0 on success, 1 where the solve fails (what it has is still written)."""
    begun = time.perf_counter()
    _check_outputs(arguments)  # before the solve: hours of work should not end at a misspelt folder
    with quiet_stdout(arguments.json), decisions_told(arguments.verbose):
        model = find_model(arguments.model, arguments.settings, arguments.until)
        _check_kind(arguments, [c.name for c in model.system.space])
        if not arguments.json:
            _headline(model)
        if arguments.model.endswith(".net") and arguments.until is None:
            print(f"symnum: note: {arguments.model} holds no times, so t runs from 0 to 1; write --until T.", file=sys.stderr)
        solution = _solve(model, _options(arguments, model))
        files = _write(solution, arguments)
    report = summary(solution, model, arguments.resolution or model.resolution, files, time.perf_counter() - begun)
    if arguments.json:
        print_json(report)
    else:
        _tell(report)
    if not solution.success:
        print(f"symnum: {paragraph(solution.message)}", file=sys.stderr)
    return 0 if solution.success else 1


def summary(
    solution: Solution, model: Loaded, resolution: int | None, files: list[str], elapsed: float
) -> dict[str, Any]:
    """The JSON object.

    ``resolution``: cells along each axis; ``points``: axis -> grid points; ``seconds``: wall clock of the command.
    """
    dataset = solution.to_xarray()
    return {
        "name": model.name,
        "method": solution.method,
        "why": solution.why,
        "success": solution.success,
        "message": solution.message,
        "stats": plain(solution.stats),
        "seconds": elapsed,
        "resolution": resolution if model.system.space else None,
        "points": {str(d): int(n) for d, n in dataset.sizes.items() if d != "t"},
        "scheme": dataset.attrs.get("scheme"),
        "parameters": dict(model.system.parameters),
        "fields": {name: _extent(solution, name) for name in solution.fields},
        "files": files,
    }


def _solve(model: Loaded, options: dict[str, Any]) -> Solution:
    from symnum.pipeline import solve

    return solve(model.system, progress=sys.stderr.isatty(), **options)  # a bar is for a person who watches


def _options(arguments: argparse.Namespace, model: Loaded) -> dict[str, Any]:
    """What the model states, overruled by what the command line says."""
    given = {name: getattr(arguments, name) for name in _PASSED_ON if getattr(arguments, name) is not None}
    options: dict[str, Any] = {**model.options, **given}
    if model.system.space:
        options["resolution"] = arguments.resolution or model.resolution
    elif arguments.resolution or arguments.order or arguments.scheme:
        options.pop("order", None)
        options.pop("scheme", None)
        print(
            f"symnum: note: {model.name} has no space coordinate; --resolution, --scheme and --order mean nothing to it.",
            file=sys.stderr,
        )
    return options


def _extent(solution: Solution, name: str) -> dict[str, Any]:
    """Least and greatest value at the last saved time, and units."""
    import numpy as np

    values = np.asarray(solution[name].values, dtype=float)
    last = values[-1] if solution.t.size else values
    finite = last[np.isfinite(last)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return {"min": low, "max": high, "finite": finite.size == last.size, "units": solution[name].attrs.get("units", "")}


# --- files ----------------------------------------------------------------------------------------------------


def _check_outputs(arguments: argparse.Namespace) -> None:
    for option, text, suffixes in (("--out", arguments.out, (".nc",)), ("--plot", arguments.plot, _PICTURES)):
        if text is None:
            continue
        path = Path(text)
        if path.suffix.lower() not in suffixes:
            raise FileError(
                f"{option} {text}: the suffix must be {' or '.join(suffixes)}; "
                f"write {option} {path.stem or 'run'}{suffixes[0]}"
            )
        if path.is_dir():
            raise FileError(f"{option} {text}: this is a folder; write {option} {path / ('run' + suffixes[0])}")
        if not path.parent.is_dir():
            raise FileError(
                f"{option} {text}: the folder {str(path.parent)!r} does not exist. "
                f"Create it first: mkdir -p {path.parent}"
            )
        if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise FileError(f"{option} {text}: this place cannot be written; choose a folder of your own")


def _check_kind(arguments: argparse.Namespace, space: list[str]) -> None:
    """Before the solve: the kind of picture is one that such fields have."""
    if arguments.kind is None:
        return
    if arguments.plot is None:
        raise FileError(f"--kind {arguments.kind} is of a picture; write --plot run.png too")
    from symnum.result.plot import check_fits, check_names

    check_names(arguments.kind)
    check_fits(arguments.kind, space)


def _write(solution: Solution, arguments: argparse.Namespace) -> list[str]:
    """Write what was asked for and give the paths; each file appears whole or not at all."""
    files = []
    if arguments.out is not None:
        files.append(str(solution.save(arguments.out)))
    if arguments.plot is not None:
        files.append(str(_write_picture(solution, Path(arguments.plot), arguments.kind or "auto")))
    return files


def _write_picture(solution: Solution, target: Path, kind: str) -> Path:
    try:
        solution.plot(path=target, kind=kind)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"--plot {target}: the picture could not be written: {error.strerror or error}") from error
    return target


# --- what people read -----------------------------------------------------------------------------------------


def _headline(model: Loaded) -> None:
    from rich.text import Text

    title = f"{model.name}: {model.title}" if model.title else model.name
    console().print(Text(title, style="bold"), soft_wrap=True)


def _tell(report: Mapping[str, Any]) -> None:
    from rich.text import Text

    out = console()
    rows = [("method", f"{report['method']}: {report['why']}" if report["why"] else report["method"])]
    if report["points"]:
        unit = "cells" if report["scheme"] == "finite_volume" else "points"
        rows.append(("grid", " × ".join(str(n) for n in report["points"].values()) + f" {unit}"))
    rows += [("work", work)] if (work := _work(report["stats"])) else []
    rows += [(name, _range(extent)) for name, extent in list(report["fields"].items())[:8]]
    for label, line in rows:
        out.print(Text.assemble((f"  {label:<8}", "cyan"), line), soft_wrap=True)
    closing = (
        f"Done in {seconds(report['seconds'])}" if report["success"] else f"Stopped after {seconds(report['seconds'])}"
    )
    wrote = f"; wrote {', '.join(report['files'])}" if report["files"] else ""
    out.print(Text(f"{closing}{wrote}.", style="green" if report["success"] else "yellow"), soft_wrap=True)


def _work(stats: Mapping[str, Any]) -> str:
    parts = [
        f"{stats[key]:,} {words}"
        for key, words in (("steps", "steps"), ("rejected", "rejected"), ("rhs_evaluations", "right-hand sides"))
        if stats.get(key) is not None
    ]
    parts += [
        f"{seconds(stats[key])} to {words}"
        for key, words in (("solve_seconds", "solve"), ("compile_seconds", "compile"))
        if stats.get(key) is not None
    ]
    parts += [f"seed {stats['seed']}"] if "seed" in stats else []
    return ", ".join(parts)


def _range(extent: Mapping[str, Any]) -> str:
    if extent["min"] is None:
        return "not finite at the end"
    units = f" {extent['units']}" if extent["units"] else ""
    low, high = f"{extent['min']:.6g}", f"{extent['max']:.6g}"
    return f"{low if low == high else f'{low} to {high}'}{units} at the end"
