"""What was decided on the way, as lines of the standard logger ``symnum``: for ``symnum run -v`` and for notebooks.

INFO: the discretisation, what rewriting did to the cost, the method and why, how the run ended. DEBUG: the options as they
were understood, and every body that was rewritten. symnum never configures logging; a program that wants the lines writes

    logging.basicConfig(level=logging.INFO)
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger("symnum")


def starts(discretised: Any, plan: Any, settings: Any) -> Any:
    """One solve is about to begin: ``discretised`` by ``plan`` (a plan.Plan) with ``settings`` (Options), which are given back."""
    if not log.isEnabledFor(logging.INFO):
        return settings
    semi = discretised.semi
    axes = ", ".join(f"{a.name}: {a.points} points{', periodic' if a.periodic else ''}" for a in semi.axes)
    scheme = f", {semi.scheme} of order {semi.order}" if semi.axes and semi.scheme else ""
    log.info("equations: %s unknowns%s%s", f"{discretised.size:,}", f" ({axes})" if axes else "", scheme)
    report = discretised.rewriting
    if report.changed:
        log.info("rewriting: %s", str(report).splitlines()[0])
        for line in str(report).splitlines()[1:]:
            log.debug("rewriting: %s", line)
    log.info(
        "code: target %s, %.3f CPU s to build the right-hand side",
        discretised.compiled.target,
        discretised.compile_seconds,
    )
    log.info("method: %s of backend %s, because: %s", plan.method, plan.backend, plan.why)
    if plan.successor:
        log.info("method: %s takes over if the run proves this choice wrong", plan.successor[0])
    log.debug(
        "options: rtol %g, atol %s, dt %s, max_steps %s, linear_solver %s",
        settings.rtol,
        settings.atol,
        settings.dt,
        settings.max_steps,
        settings.linear_solver,
    )
    return settings


def ended(outcome: Any, changed: str) -> tuple[Any, str]:
    """A solve has ended; ``changed``: what the plan's sentence gains by it, for instance a change of method. Both are given back."""
    if not log.isEnabledFor(logging.INFO):
        return outcome, changed
    if changed:
        log.info("method:%s", changed.removeprefix(";").removeprefix(","))
    done = [
        f"{value} {name.replace('_', ' ')}" for name, value in outcome.stats.items() if isinstance(value, int) and value
    ]
    log.info("end: %s; %s", outcome.message.rstrip("."), ", ".join(done))
    return outcome, changed
