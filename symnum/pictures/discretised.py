"""What a notebook shows of a discretised system: grid, scheme, Jacobian in words, its stencil and its pattern as pictures."""

from __future__ import annotations

from functools import partial

from symnum import display
from symnum.pictures.neighbours import stencil
from symnum.pictures.pattern import sparsity
from symnum.pipeline import Discretised

MOST = 20_000  # unknowns whose Jacobian is made just to be looked at


def described(made: Discretised) -> tuple[list[tuple[str, str]], list[str]]:
    """(label, text) rows, and pictures as HTML."""
    semi = made.semi
    axes = _axes(made)
    facts = [("space" if k == 0 else " ", text) for k, text in enumerate(axes)]
    facts += (
        [("scheme", f"{semi.scheme.replace('_', ' ')}, order {semi.order}")] if axes and semi.spectral is None else []
    )
    facts += [("scheme", "Fourier collocation")] if semi.spectral is not None else []
    facts += [("unknowns", _unknowns(made))]
    if made.size > MOST or semi.spectral is not None:
        why = (
            "every unknown reads all others"
            if semi.spectral is not None
            else f"not drawn beyond {MOST:,} unknowns; .sparsity gives it"
        )
        return [*facts, ("Jacobian", why), *_rewriting(made)], []
    pattern = made.sparsity
    share = 100 * pattern.nnz / made.size**2
    facts += [("Jacobian", f"{pattern.nnz:,} entries that are not identically zero, {share:.3g} %")]
    pictures = [display.image(partial(stencil, made), "the stencil", 430)] if 1 <= len(axes) <= 3 else []
    if made.size > 3:  # smaller ones are told in words
        pictures += [display.image(partial(sparsity, made, width=4.2), "the pattern of the Jacobian", 290)]
    return [*facts, *_rewriting(made)], pictures


def _axes(made: Discretised) -> list[str]:
    """``x from 0 to 1 m, periodic, 64 points 0.01562 apart`` for each axis."""
    return [
        f"{a.name} from {a.start:g} to {a.stop:g}{f' {a.units}' if a.units else ''}, {'periodic, ' if a.periodic else ''}"
        f"{a.points:,} {'cells' if a.centred else 'points'} {a.spacing:.4g} apart"
        for a in made.semi.axes
    ]


def _unknowns(made: Discretised) -> str:
    """``130: u 65, v 65``; of many fields only their number."""
    layout = made.state_layout
    if len(layout) == 1 or len(layout) > 8:
        return f"{made.size:,}" + (f" of {len(layout)} fields" if len(layout) > 8 else "")
    sizes = [f"{name} {array.size:,}" for name, array in zip(layout, made.semi.state, strict=True)]
    return f"{made.size:,}: {', '.join(sizes)}"


def _rewriting(made: Discretised) -> list[tuple[str, str]]:
    return [("rewriting", str(made.rewriting).replace("\n", "; "))] if made.rewriting.changed else []
