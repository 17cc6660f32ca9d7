"""``LatentODE``: series with gaps, explained by an equation that is not seen itself.

    z(start) ~ N(m, s^2),  (m, ln s^2) = encoder(the observations)
    z' = f(t, z)
    x_i ~ N(decoder(z(t_i)), noise^2)  for each number that was observed

    loss = -(E ln p(x | z) - KL(N(m, s^2) || N(0, 1))),  mean over the series, with one draw of z(start) for the expectation

The encoder is a recurrent network over the observations, last one first, each with its mask and the time that passed since the one before it.
What was not observed enters nothing.

Y. Rubanova, R. T. Q. Chen, D. Duvenaud, Latent ODEs for Irregularly-Sampled Time Series, NeurIPS 2019 (there with an equation
between the observations too); R. T. Q. Chen and others, Neural Ordinary Differential Equations, NeurIPS 2018, section 5.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from symnum.errors import SolveError, UnknownOption, did_you_mean
from symnum.neural.ode import NeuralODE, Outcome


@dataclass
class LatentOutcome:
    """What a latent solve gave.

    Attributes:
        y: (batch, time, features), decoded; z: (batch, time, latent).
        mean, log_variance: (batch, latent) of z(start). solve: the outcome of the NeuralODE, with its regularisers and counts.
    """

    y: Tensor
    z: Tensor
    mean: Tensor
    log_variance: Tensor
    solve: Outcome


class LatentODE(nn.Module):
    """A latent ODE, see the module's head.

    model = sn.neural.LatentODE(features=1, latent=4).double()
    report = sn.neural.fit(model, sn.neural.LatentODE.loss, batches, epochs=20)      # batches of (values, mask, times)
    model.eval()(values, mask, times, at=torch.linspace(0, 2, 50)).y                # (batch, 50, 1)

    Args:
        features: numbers of an observation. latent: numbers of z.
        hidden: size of the recurrent network and of the hidden layers of f and decoder, where these are not given.
        encoder: module (values, mask, gaps) -> (batch, 2 latent): m and ln s^2. values (batch, time, features) are 0 where not observed, the mask
            is like them, of 0 and 1; gaps (batch, time): time since the observation before, or since ``start``; 0 where nothing was observed.
        field: module f(t, z) or f(z). decoder: module (..., latent) -> (..., features).
        start: the time of z(start); no observation is earlier.
        noise: standard deviation of an observation.
        solver: options of ``NeuralODE``; a tolerance far below the noise is wasted, so it is 1e-4 unless given.

    In training mode z(start) is drawn, in evaluation mode it is the mean. Raises SolveError for sizes that are not positive.
    """

    def __init__(
        self,
        features: int,
        latent: int = 8,
        hidden: int = 32,
        *,
        encoder: nn.Module | None = None,
        field: nn.Module | None = None,
        decoder: nn.Module | None = None,
        start: float = 0.0,
        noise: float = 0.1,
        **solver: Any,
    ) -> None:
        super().__init__()
        known = [name for name in inspect.signature(NeuralODE.__init__).parameters if name not in ("self", "net")]
        for name in (name for name in solver if name not in known):
            raise UnknownOption(
                f"LatentODE has no option {name!r}.{did_you_mean(name, known)} It takes those of NeuralODE: {', '.join(known)}"
            )
        for name, size in (("features", features), ("latent", latent), ("hidden", hidden)):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise SolveError(f"{name} is {size!r}, not a whole number >= 1; write for example {name}=8")
        for name, number, least in (("noise", noise, 0.0), ("start", start, -math.inf)):
            if not (isinstance(number, int | float) and least < number < math.inf):
                raise SolveError(f"{name} is {number!r}, not a finite number{' > 0' if least == 0 else ''}")
        self.features, self.latent, self.start, self.noise = features, latent, float(start), float(noise)
        self.encoder = RecurrentEncoder(features, latent, hidden) if encoder is None else encoder
        inner = _perceptron(latent, hidden, latent) if field is None else field
        self.ode = NeuralODE(inner, **{"rtol": 1e-4, "atol": 1e-4, **solver})
        self.decoder = _perceptron(latent, hidden, features) if decoder is None else decoder

    def forward(
        self, values: Tensor, mask: Tensor, times: Tensor, at: Any = None, generator: torch.Generator | None = None
    ) -> LatentOutcome:
        """Encode, solve, decode.

        Args:
            values: (batch, time, features). mask: (batch, time, features) or (batch, time), 1 where observed; what values hold elsewhere is
                not looked at, and may be NaN. times: (batch, time) or (time,), observations in order.
            at: (m,) times >= start to decode at. None: ``times``, those without an observation too (``start`` where they are NaN or before it).
            generator: of the draw of z(start) and of the local regularisers; None: torch's own.

        All series are solved together, with a row for each different time: (different times) x batch x latent numbers of memory.

        Raises SolveError where shapes, dtypes or devices do not fit, times are out of order or before ``start``, or an observed value is not finite.
        """
        return self._solved(*self._checked(values, mask, times), at, generator)

    def loss(self, batch: tuple[Tensor, Tensor, Tensor], kl_weight: float = 1.0) -> Tensor:
        """The negative evidence lower bound of (values, mask, times), a mean over the series.

        kl_weight: of the Kullback-Leibler term; a small one early in a training keeps z from being ignored.
        """
        if not isinstance(batch, list | tuple) or len(batch) != 3:
            raise SolveError(f"a batch is (values, mask, times), three tensors, not a {type(batch).__name__}")
        values, mask, when = self._checked(*batch)
        out = self._solved(values, mask, when)
        misfit = torch.where(mask > 0, out.y - values, 0.0) / self.noise
        each = math.log(self.noise * math.sqrt(2 * math.pi))
        unlikely = (0.5 * misfit.square()).sum() + each * mask.sum()
        kl = 0.5 * (out.mean.square() + out.log_variance.exp() - 1 - out.log_variance).sum()
        total: Tensor = (unlikely + kl_weight * kl) / len(values)
        return total

    def _solved(
        self, values: Tensor, mask: Tensor, when: Tensor, at: Any = None, generator: torch.Generator | None = None
    ) -> LatentOutcome:
        mean, log_variance = self._encoded(values, mask, when)
        first = mean
        if self.training:
            draw = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
            first = mean + draw * torch.exp(0.5 * log_variance)
        when = when if at is None else self._chosen(at).expand(len(values), -1)
        union = torch.unique(torch.cat([when.new_tensor([self.start]), when.reshape(-1)]))
        if len(union) < 2:
            raise SolveError(
                f"all times are start = {self.start:g}; a solve wants a later one: set start= before the first"
            )
        out = self.ode(first, union, generator=generator)
        rows = torch.searchsorted(union, when.contiguous()).to(mean.device)
        z = out.y[rows, torch.arange(len(values), device=mean.device)[:, None]]
        return LatentOutcome(self.decoder(z), z, mean, log_variance, out)

    def _chosen(self, at: Any) -> Tensor:
        when = _as_tensor("at", at, "cpu").to(torch.float64)
        if when.ndim != 1 or not len(when) or not bool((when >= self.start).all() and torch.isfinite(when).all()):
            raise SolveError(
                f"at holds no (m,) finite times >= start = {self.start:g}; write at=torch.linspace(0, 1, 11)"
            )
        return when

    def _encoded(self, values: Tensor, mask: Tensor, when: Tensor) -> tuple[Tensor, Tensor]:
        observed = (mask > 0).any(2).cpu()
        seen = torch.where(observed, when, self.start).cummax(1).values
        gaps = torch.where(observed, seen.diff(dim=1, prepend=torch.full_like(seen[:, :1], self.start)), 0.0).to(values)
        code = self.encoder(values, mask, gaps)
        if not isinstance(code, Tensor) or code.shape != (len(values), 2 * self.latent):
            what = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
            raise SolveError(f"the encoder gave {what}; expected (batch, 2 latent) = {(len(values), 2 * self.latent)}")
        return code[:, : self.latent], code[:, self.latent :]

    def _checked(self, values: Tensor, mask: Any, times: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Values, 0 where not observed; the mask like them; times (batch, time) of float64 on the CPU."""
        if not isinstance(values, Tensor) or values.ndim != 3 or values.shape[2] != self.features or not values.numel():
            seen = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise SolveError(f"values are {seen}; expected a tensor (batch, time, features = {self.features})")
        for name, p in self.named_parameters():
            if p.is_floating_point() and (p.dtype, p.device) != (values.dtype, values.device):
                raise SolveError(
                    f"the parameter {name!r} is {p.dtype} on {p.device}, the values {values.dtype} on {values.device}; "
                    f"write model.to({str(values.device)!r}, {values.dtype})"
                )
        mask, times = _as_tensor("the mask", mask, values.device), _as_tensor("times", times, "cpu")
        if mask.shape not in (values.shape, values.shape[:2]):
            raise SolveError(
                f"the mask has the shape {tuple(mask.shape)}; expected {tuple(values.shape)} or {tuple(values.shape[:2])}"
            )
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise SolveError("the mask holds other numbers than 0 and 1")
        if times.shape not in (values.shape[:2], values.shape[1:2]):
            raise SolveError(
                f"times have the shape {tuple(times.shape)}; expected (batch, time) = {tuple(values.shape[:2])} or (time,)"
            )
        observed = (mask if mask.ndim == 3 else mask[:, :, None]).expand(values.shape).bool()
        values = torch.where(observed, values, 0.0)
        if not bool(torch.isfinite(values).all()):
            raise SolveError("an observed value is NaN or infinite; set its mask to 0")
        seen_at, at = observed.any(2).cpu(), times.to(torch.float64).expand(values.shape[:2])
        if not bool((torch.isfinite(at) & (at >= self.start))[seen_at].all()):
            raise SolveError(
                f"an observation's time is not finite or before start = {self.start:g}; set start= to the first time"
            )
        at = torch.where(torch.isfinite(at) & (at >= self.start), at, self.start)
        if bool((seen_at & (at < torch.where(seen_at, at, self.start).cummax(1).values)).any()):
            raise SolveError("the times of a series decrease; sort its observations by time")
        return values, observed.to(values), at


class RecurrentEncoder(nn.Module):
    """A GRU over (values, mask, gap), the last observation first; a row without observation leaves its state as it is."""

    def __init__(self, features: int, latent: int, hidden: int) -> None:
        super().__init__()
        self.cell, self.last = nn.GRUCell(2 * features + 1, hidden), nn.Linear(hidden, 2 * latent)

    def forward(self, values: Tensor, mask: Tensor, gaps: Tensor) -> Tensor:
        given = torch.cat([values, mask, gaps[:, :, None]], 2)
        observed = (mask > 0).any(2)
        state = values.new_zeros(len(values), self.cell.hidden_size)
        for k in reversed(range(values.shape[1])):
            state = torch.where(observed[:, k, None], self.cell(given[:, k], state), state)
        code: Tensor = self.last(state)
        return code


def _as_tensor(name: str, given: Any, device: Any) -> Tensor:
    try:
        return torch.as_tensor(given.detach() if isinstance(given, Tensor) else given, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise SolveError(f"{name}: expected a tensor or numbers, not {given!r}") from None


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs))
