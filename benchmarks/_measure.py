"""How benches measure: process CPU time, interleaved repetitions, medians; peers that are not installed are reported as missing."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Thunk = Callable[[], object]


def interleaved(
    thunks: Mapping[str, Thunk], repeat: Callable[[str], int] | int, rounds: int = 15
) -> dict[str, list[float]]:
    """CPU seconds a call of each thunk, ``rounds`` samples each, taken in turns so that all see the same noise. One round warms up."""
    samples: dict[str, list[float]] = {name: [] for name in thunks}
    for lap in range(rounds + 1):
        for name, thunk in thunks.items():
            count = repeat(name) if callable(repeat) else repeat
            begin = time.process_time()
            for _ in range(count):
                thunk()
            if lap:
                samples[name].append((time.process_time() - begin) / count)
    return samples


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the ratios of samples taken side by side."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def bar(name: str, value: float | None, limit: float, better: str = "lower") -> dict[str, Any]:
    """One figure against its bar; a value that could not be measured does not hold."""
    holds = value is not None and (value <= limit if better == "lower" else value >= limit)
    return {
        "name": name,
        "value": None if value is None else float(f"{value:.4g}"),
        "bar": limit,
        "better": better,
        "holds": holds,
    }


def compile_c(source: Path, flags: tuple[str, ...] = ("-O3", "-march=native")) -> Path | None:
    """A shared library compiled by gcc (or cc); None where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library = Path(tempfile.mkdtemp(prefix="symnum-bench-")) / "peer.so"
    done = subprocess.run([compiler, *flags, "-shared", "-fPIC", str(source), "-o", str(library)], capture_output=True)
    return library if done.returncode == 0 else None


def fresh_process(code: str, environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run Python code in a new process; it prints one JSON object, which is returned."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        raise RuntimeError(f"the measuring process failed:\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
