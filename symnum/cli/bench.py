"""``symnum bench [NAME]``: run one of the measurements in ``benchmarks/`` and say which bars hold.

A bench is a file with ``run() -> {"rows": [...], "bars": [...]}``. A row is any flat mapping of labels and numbers;
a bar is ``{"name", "value", "bar", "better": "lower" | "higher", "holds"}``. A bench that takes options says so, ``OPTIONS = {name: purpose}``, and
gets those given as texts, ``run(**options)``.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from symnum.catalogue import Catalogue, shipped_folder
from symnum.cli.console import console, print_json, program_line, quiet_stdout, table
from symnum.cli.parser import bench_options

_VERSIONS = ("numpy", "scipy", "llvmlite", "scikit-sundae")


def bench(arguments: argparse.Namespace) -> int:
    """Run the bench; without a name, list what there is. A bar that fails is reported; the status stays 0."""
    benches = Catalogue("benchmark", folder=shipped_folder("benchmarks"))
    if arguments.name is None:
        bench_options("(no name)", {}, arguments.rest)
        return _list(benches, arguments.json)
    module = benches.load(arguments.name)
    options = bench_options(arguments.name, getattr(module, "OPTIONS", {}), arguments.rest)
    with quiet_stdout(arguments.json):
        measured = module.run(**options)
    report = {"bench": arguments.name, "machine": machine(), "rows": measured["rows"], "bars": measured["bars"]}
    if arguments.json:
        print_json(report)
    else:
        _tell(report, benches.one_line(arguments.name))
    return 0


def machine() -> dict[str, Any]:
    """What the figures were measured on: cpu, cores, system, python, versions."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _VERSIONS} | {"C compiler": _compiler()},
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _compiler() -> str | None:
    """What the compiler of the peers in C says of itself."""
    path = shutil.which("gcc") or shutil.which("cc")
    return (program_line(path) or path) if path else None


def _list(benches: Catalogue, as_json: bool) -> int:
    titles = {name: benches.one_line(name) for name in benches.names()}
    if as_json:
        print_json({"benches": [{"name": name, "title": title} for name, title in titles.items()]})
        return 0
    console().print(table(("bench", "what it measures"), list(titles.items())))
    console().print(f"Run one:  symnum bench {next(iter(titles), 'NAME')}", markup=False)
    return 0


def _tell(report: Mapping[str, Any], title: str) -> None:
    from rich.text import Text

    out, on = console(), report["machine"]
    out.print(Text(f"{report['bench']}: {title}", style="bold"))
    versions = ", ".join(f"{name} {version}" for name, version in on["versions"].items() if version)
    out.print(f"{on['cpu']}, {on['cores']} cores, Python {on['python']}, {versions}", style="dim", markup=False)
    if report["rows"]:
        columns = list(dict.fromkeys(key for row in report["rows"] for key in row))
        out.print(table(columns, [[_cell(row.get(key)) for key in columns] for row in report["rows"]]))
    out.print(_bars(report["bars"]))
    missed = [bar["name"] for bar in report["bars"] if bar["value"] is not None and not bar["holds"]]
    if missed:
        print(f"symnum: {len(missed)} of {len(report['bars'])} bars fail: {', '.join(missed)}", file=sys.stderr)


def _bars(bars: Sequence[Mapping[str, Any]]) -> Any:
    from rich.text import Text

    holds, fails, unknown = (
        Text("holds", style="green"),
        Text("fails", style="bold red"),
        Text("not measured", style="yellow"),
    )
    made = table(("bar", "measured", "asked for", ""), [])
    for bar in bars:
        sign = "≤" if bar["better"] == "lower" else "≥"
        mark = unknown if bar["value"] is None else holds if bar["holds"] else fails
        made.add_row(bar["name"], _cell(bar["value"]), f"{sign} {_cell(bar['bar'])}", mark)
    return made


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
