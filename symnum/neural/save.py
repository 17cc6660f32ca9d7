"""Rows of the solution at save times, from the continuous extension of each step.

The times are (m,) for all samples or (m, batch), a column a sample. Where they carry a gradient, the share theta = (t_k - t_j)/h_j does so too, with
t_j = t_0 + a fixed offset: the gradient for the times is that of the computed polynomial, which is f at the end of a step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Saves:
    """The rows to save.

    Args:
        times: (m,) or (m, batch), float64 on the CPU, in the order of integration by column, with one common first row; may require a gradient.
        star: one more time, inside the interval; its row is ``star_row``. None: none.
    """

    def __init__(self, times: Tensor, star: float | None = None) -> None:
        first, last = times.detach()[0].max(), times.detach()[-1]
        self.times, self.direction = times, 1.0 if bool((last > first).any()) else -1.0
        self.star = star
        direction = self.direction
        self.values = times.detach()
        self.by_sample = times.ndim == 2
        flat = self.values.amin(1) if self.by_sample else self.values
        largest = self.values.amax(1) if self.by_sample else self.values
        # the step in which the first sample reaches a row, and the one in which the last one does
        self.early: list[float] = (flat if direction > 0 else largest).tolist()
        self.late: list[float] = (largest if direction > 0 else flat).tolist()
        self.start, self.end = self.early[0], self.late[-1]
        self.rows: dict[int, Tensor] = {}
        self.star_row: Tensor | None = None
        self.next = 0

    @property
    def shift(self) -> Tensor | None:
        """A zero that carries the gradient for the start time."""
        if not self.times.requires_grad:
            return None
        first = self.times[0].mean() if self.by_sample else self.times[0]
        return first - first.detach()

    def begin(self, y0: Tensor) -> None:
        """Rows at the start."""
        while self.next < len(self.late) and self.late[self.next] == self.start:
            self.rows[self.next] = y0
            self.next += 1
        for k in range(self.next, len(self.early)):
            if self.early[k] != self.start:
                break
            here = (self.values[k] == self.start).to(y0.device).reshape(-1, *(1 for _ in y0.shape[1:]))
            self.rows[k] = torch.where(here, y0, torch.full_like(y0, torch.nan))

    def skip(self, t: float) -> None:
        """Rows up to t are another segment's."""
        while self.next < len(self.late) and (self.late[self.next] - t) * self.direction <= 0:
            self.next += 1

    def take(self, method: Any, f: Any, step: Any, t_new: float, beyond: bool = False) -> None:
        """Rows inside the step that ends at t_new; all that remain where ``beyond``."""
        if self.star is not None and (step.t - self.star) * self.direction <= 0 < (t_new - self.star) * self.direction:
            star = torch.tensor([self.star], dtype=torch.float64, device="cpu")
            self.star_row = method.dense(f, step, self._share(star, step))[0]
        if self.by_sample:
            self._take_by_sample(method, f, step, t_new, beyond)
            return
        inside = []
        while self.next < len(self.late) and (beyond or (self.late[self.next] - t_new) * self.direction <= 0):
            if self.late[self.next] == t_new and not self.times.requires_grad:
                self.rows[self.next] = step.y_new
            else:
                inside.append(self.next)
            self.next += 1
        if inside:
            times = self.times[inside[0] : inside[-1] + 1]
            self.rows.update(zip(inside, method.dense(f, step, self._share(times, step)).unbind(0), strict=True))

    def _share(self, times: Tensor, step: Any) -> Tensor:
        shift = self.shift
        begin = step.t if shift is None else step.t + shift
        return (times - begin) / step.h

    def _take_by_sample(self, method: Any, f: Any, step: Any, t_new: float, beyond: bool) -> None:
        last = self.next
        while last < len(self.early) and (beyond or (self.early[last] - t_new) * self.direction <= 0):
            last += 1
        if last == self.next:
            return
        values, times = self.values[self.next : last], self.times[self.next : last]
        mask = (beyond | ((values - t_new) * self.direction <= 0)) & ((values - step.t) * self.direction > 0)
        if mask.any():
            theta = torch.where(mask, self._share(times, step), 0.5)
            found = method.dense(f, step, theta)
            for k, row, chosen in zip(range(self.next, last), found.unbind(0), mask, strict=True):
                where = chosen.to(row.device).reshape(-1, *(1 for _ in row.shape[1:]))
                before = self.rows[k] if k in self.rows else torch.full_like(row, torch.nan)
                self.rows[k] = torch.where(where, row, before)
        while self.next < last and (self.late[self.next] - t_new) * self.direction <= 0:
            self.next += 1

    def stacked(self, y0: Tensor) -> Tensor:
        """(m, *state); NaN in rows that were not reached."""
        missing = torch.full_like(y0, torch.nan)
        return torch.stack([self.rows.get(k, missing) for k in range(len(self.late))])
