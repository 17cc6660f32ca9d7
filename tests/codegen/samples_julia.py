"""How the tests look at generated Julia: a parser for its syntax, and a Julia program for its meaning where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

JULIA = os.environ.get("PYTHON_JULIACALL_EXE") or shutil.which("julia")
if os.environ.get("SYMNUM_JULIA") == "0":
    JULIA = None
needs_julia = pytest.mark.skipif(JULIA is None, reason="there is no julia on the PATH (nor in PYTHON_JULIACALL_EXE)")


def faults(source: str) -> list[str]:
    """What a parser of Julia cannot read: the lines of its ERROR and MISSING nodes. Skips where the parser is not installed."""
    tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed (symnum[test])")
    language = pytest.importorskip("tree_sitter_julia", reason="tree-sitter-julia is not installed (symnum[test])")
    parser = tree_sitter.Parser(tree_sitter.Language(language.language()))
    lines = source.splitlines()
    tree = parser.parse(source.encode())
    return [f"{n.type} {n.start_point}: {lines[n.start_point[0]]}" for n in _wrong(tree.root_node)]


def _wrong(node: Any) -> Iterator[Any]:
    if node.type == "ERROR" or node.is_missing:
        yield node
    if node.has_error:
        for child in node.children:
            yield from _wrong(child)


def run_julia(program: Path, *arguments: str) -> str:
    """What a Julia program prints. It gets no packages beside Base's own, and every subscript is checked, also under ``@inbounds``."""
    assert JULIA is not None
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JULIA_")} | {"JULIA_LOAD_PATH": "@stdlib"}
    done = subprocess.run(
        [JULIA, "--startup-file=no", "--threads=1", "--check-bounds=yes", str(program), *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


Case = tuple[str, str, float, np.ndarray, np.ndarray, int]  # source, name of the function, t, y, p, size of the result


def evaluate_all(cases: list[Case], folder: Path) -> list[np.ndarray]:
    """The results of many generated functions ``name!(out, y, p, t)``, each in a module of its own, in one run of Julia."""
    lines = ["numbers(n) = collect(reinterpret(Float64, read(INPUT, 8n)))", f'const INPUT = open("{folder}/in", "r")']
    lines.append(f'const OUTPUT = open("{folder}/out", "w")')
    data: list[np.ndarray] = []
    for k, (source, name, t, y, p, size) in enumerate(cases):
        lines += [f"module Case{k}", source, "end"]
        lines.append(f"let y = numbers({y.size}), p = numbers({p.size}), out = fill(NaN, {size})")
        lines += [f"    Case{k}.{name}!(out, y, p, {float(t)!r})", "    write(OUTPUT, out)", "end"]
        data += [y, p]
    (folder / "in").write_bytes(b"".join(np.ascontiguousarray(d, dtype=float).tobytes() for d in data))
    (folder / "all.jl").write_text("\n".join([*lines, "close(OUTPUT)", ""]), encoding="utf-8")
    run_julia(folder / "all.jl")
    values = np.fromfile(folder / "out")
    return np.split(values, np.cumsum([c[5] for c in cases])[:-1])


def on_all_targets() -> list[Any]:
    """The names of all targets as parameters of a test; Julia's and CUDA's are skipped where there is no Julia or no GPU."""
    from symnum.codegen.cuda_device import why_no_gpu
    from symnum.codegen.target import targets

    marks = {"julia": pytest.mark.julia, "cuda": pytest.mark.skipif(bool(why_no_gpu()), reason=why_no_gpu())}
    return [pytest.param(name, marks=marks.get(name, ())) for name in targets().names()]
