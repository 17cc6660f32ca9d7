"""The option ``simplify`` of ``sn.solve`` and ``sn.discretise``: which kernels are rewritten, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symnum.errors import UnknownName, did_you_mean
from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Kernel
from symnum.rewrite.engine import engines, load_engine
from symnum.rewrite.kernel_rewrite import Engine, KernelReport, rewrite_kernel

_COMPILED = frozenset({"llvm", "c"})
_SECONDS, _NODES = 0.1, 200  # limits of an engine's search in each loop body


def rewritten(
    kernel: Kernel, parameters: Mapping[Symbol, float], simplify: str | bool, target: str
) -> tuple[Kernel, KernelReport]:
    """The kernel that is compiled in place of a right-hand side, and a report.

    Args:
        simplify: "auto" (for the compiled targets llvm and c), True (for every target), False (the kernel as it is), or the name of a rewriting
            engine, whose form of each loop body is tried too.
        parameters: values that parameters have now; the result is right for all others too.

    Raises UnknownName for any other value of ``simplify``, and what the engine raises (BackendUnavailable).
    """
    engine = _engine(simplify)
    if simplify is False or (simplify == "auto" and target not in _COMPILED):
        return kernel, KernelReport()
    return rewrite_kernel(kernel, parameters if target in _COMPILED else None, engine)


def _engine(simplify: Any) -> Engine | None:
    if isinstance(simplify, bool) or simplify == "auto":
        return None
    try:
        load_engine(simplify)  # what is missing is named here, before any work
    except UnknownName:
        known = engines().names()
        raise UnknownName(
            f"simplify is {simplify!r}.{did_you_mean(str(simplify), known)} "
            f'Write simplify=True, False, "auto" or an engine: {", ".join(known)}'
        ) from None

    def propose(terms: list[Term]) -> list[Term]:
        from symnum.rewrite.simplify import simplify as search

        made: list[Term] = search(terms, engine=simplify, seconds=_SECONDS, nodes=_NODES)
        return made

    return propose
