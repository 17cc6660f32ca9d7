"""``symnum doctor --julia``: Julia started for real, in a process of its own, so that its death is a finding and not an end.

The child (``python -m symnum.cli.doctor_julia FILE``) writes its findings to FILE as JSON, one step after the other; what
it had written when it died tells how far it came.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from symnum.bridge.environment import admits, requirements, status
from symnum.cli.doctor import Finding
from symnum.errors import SymnumError

_LONGEST = 3600.0  # seconds: the first use may install and compile everything


def examine_julia() -> list[Finding]:
    """All findings about Julia; all are needed, as the user asked for Julia. Never raises."""
    found = status()
    if found.problem:
        return [
            Finding(
                "julia session",
                "Symbolics.jl, DifferentialEquations.jl",
                True,
                "missing",
                found.julia,
                remedy=found.problem,
            )
        ]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        report.write_text("[]", "utf-8")
        ended = _run(report)
        findings = [Finding(**entry) for entry in json.loads(report.read_text("utf-8"))]
    return [*findings, *([_death(findings, ended)] if ended else [])]


def _run(report: Path) -> str:
    """Run the child; how it ended, "" if well. What Julia prints goes to stderr."""
    home = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "symnum.cli.doctor_julia", str(report)]
    try:
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL, timeout=_LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not answer within {_LONGEST:.0f} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"was ended by {signal.Signals(-done.returncode).name}"
    return f"ended with status {done.returncode}"


def _death(findings: list[Finding], ended: str) -> Finding:
    place = f"after the step {findings[-1].name!r}" if findings else "at its start"
    return Finding(
        "julia process",
        "",
        True,
        "broken",
        detail=f"Julia {ended} {place}",
        remedy=f"Julia {ended} {place}; its own message is above. Try the Julia alone: {_alone()}",
    )


def _alone() -> str:
    found = status()
    return f"{found.executable or 'julia'} --project={found.project} -e 'using PythonCall'"


# ------------------------------------------------------------------ in the child


def examine() -> Iterator[Finding]:
    """Each step as it is done; stops where the next could not work."""
    from symnum.bridge import session, trial

    begun = _tried("julia session", "the start", trial.start)
    if begun.status != "works":
        yield begun
        return
    versions = session().versions()
    yield Finding(begun.name, begun.purpose, True, "works", versions["julia"], begun.detail)
    yield from _packages(versions)
    if "Symbolics" in versions:
        yield _tried("terms", "a term to Symbolics.jl and back", trial.terms)
    if "SciMLBase" in versions:
        yield _tried("Lorenz", "the Lorenz equations, solved by Tsit5", _lorenz)


def _packages(versions: dict[str, str]) -> Iterator[Finding]:
    """Every package that symnum can use, against the bounds it was tested with. A missing one is no fault of the rest."""
    found = status()
    for name, wanted in requirements()["packages"].items():
        version, bound = versions.get(name), wanted["version"]
        if version is None:
            yield Finding(name, "Julia package", False, "missing", remedy=found.lacks(name))
        elif admits(bound, version):
            yield Finding(name, "Julia package", False, "found", version, f"needed is {bound}")
        else:
            update = f'Pkg.update("{name}")'
            yield Finding(
                name, "Julia package", False, "broken", version, remedy=f"needs {bound}: {found.line(update)}"
            )


def _tried(name: str, purpose: str, attempt: Callable[[], str]) -> Finding:
    begun = time.perf_counter()
    try:
        detail = attempt()
    except (SymnumError, Exception) as error:
        return Finding(name, purpose, True, "broken", detail=f"{type(error).__name__}: {error}", remedy=str(error))
    return Finding(name, purpose, True, "works", detail=f"{detail}; {time.perf_counter() - begun:.1f} s in all")


def _lorenz() -> str:
    """The Lorenz equations over one unit of time, against symnum's own method at a tighter tolerance."""
    import numpy as np

    from symnum.model.system import PDESystem
    from symnum.pipeline import solve

    model = PDESystem.from_text(
        equations=["dt(x) = 10*(y - x)", "dt(y) = x*(28 - z) - y", "dt(z) = x*y - 8/3*z"],
        domain={"t": (0, 1)},
        initial=["x = 1", "y = 0", "z = 0"],
    )
    exact = solve(model, method="Vern7", rtol=1e-11, atol=1e-11)
    tried = solve(model, method="Tsit5", backend="julia", rtol=1e-8, atol=1e-8)
    error = max(abs(float(tried[name].values[-1]) - float(exact[name].values[-1])) for name in "xyz")
    if not np.isfinite(error) or error > 1e-5:
        raise ArithmeticError(f"the Lorenz equations came out wrong by {error:.2g}")
    return f"error {error:.1e}"


def main(path: str) -> int:
    """The child's work: examine, and write down each finding at once."""
    findings: list[dict[str, object]] = []
    for finding in examine():
        findings.append(asdict(finding))
        Path(path).write_text(json.dumps(findings), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
