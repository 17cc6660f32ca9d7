"""What an export gives: the tokens, and what rounding did to the equations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ProseRecord:
    """Tokens of a system.

    Attributes: ``tokens``: list of str, with ``|`` between equations; ``dialect``: "ode", "pde" or "fd"; ``variables``: names of u_0, u_1, ... in the
    model (fd: of the words; ``words``: word -> name); ``time``: the index of the variable that is the time (None: the system does not hold
    it); ``max_rounding_error``: largest relative error of a constant; ``flushed``: constants that became zero; ``checks``: for discretised
    equations the relative errors of the slowest eigenvalue and the largest sum of a row that was zero;
    ``warnings``: sentences; ``span``, ``initial``: of the model, for ``sn.read``.
    """

    tokens: list[str]
    dialect: str = "ode"
    variables: tuple[str, ...] = ()
    time: int | None = None
    max_rounding_error: float = 0.0
    flushed: tuple[float, ...] = ()
    checks: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    initial: tuple[Any, ...] = ()
    origin: Any = field(default=None, repr=False, compare=False)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The tokens, separated by spaces."""
        return " ".join(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def __str__(self) -> str:
        return self.text
