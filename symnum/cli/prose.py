"""``symnum prose generate``: files of trajectories and their equations as tokens."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def generate(arguments: argparse.Namespace) -> int:
    """Write or continue a file; progress and the rate go to stderr."""
    from symnum.datasets import prose

    names = arguments.families.split(",")
    with _Bar(arguments.records) as bar:
        made = prose(
            names,
            arguments.out or f"{names[0]}_{arguments.seed}.prefix",
            arguments.records,
            seed=arguments.seed,
            workers=arguments.workers,
            noise=arguments.noise,
            corruption=arguments.corruption,
            overwrite=arguments.overwrite,
            progress=bar.update,
        )
    print(
        f"{made.path}: {made.records:,} records, {made.new:,} of them new, {made.rate:,.0f} a second; "
        f"{made.rejected:,} trajectories left the bounds.",
        file=sys.stderr,
    )
    return 0


class _Bar:
    """Drawn on a terminal only."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, done: int, total: int, rate: float) -> None:
        if not sys.stderr.isatty():
            return
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.completed:,} of {task.total:,}"),
                BarColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task("", total=total, rate="")
        self.bar.update(self.task, completed=done, rate=f"{rate:,.0f} a second")
