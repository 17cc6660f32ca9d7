"""A matrix of terms: a list of rows that notebooks show as a matrix."""

from __future__ import annotations

from symnum.expr.show import latex
from symnum.expr.term import Term

MOST = 12  # rows and columns that are shown
MOST_CHARACTERS = 12_000  # of LaTeX; browsers take long over more


class Matrix(list[list[Term]]):
    """What ``sn.jacobian`` and ``sn.hessian`` give: a list of rows, ``J[i][j]``."""

    def _repr_latex_(self) -> str | None:
        """The upper left 12 by 12 entries; None, so that the plain text serves, where these are too long to be read."""
        columns = len(self[0]) if self else 0
        rows = [[latex(term, 4_000) for term in row[:MOST]] + [r"\cdots"] * (columns > MOST) for row in self[:MOST]]
        if len(self) > MOST:
            rows.append([r"\vdots"] * min(columns, MOST) + [r"\ddots"] * (columns > MOST))
        text = " \\\\\n".join(" & ".join(row) for row in rows)
        if len(text) > MOST_CHARACTERS or not text:
            return None
        return f"$$\n\\begin{{bmatrix}}\n{text}\n\\end{{bmatrix}}\n$$"
