"""Gaussian random fields on boxes, by fast transforms.

    u(x) = mean + sum_k sqrt(lambda(k)) xi_k phi_k(x),   xi_k ~ N(0, 1) independent,   covariance sum_k lambda(k) phi_k(x) phi_k(y)

phi_k: the eigenfunctions of -Laplace on the box with the field's boundary (products of cosines and sines on periodic sides, of cosines where the
normal derivative is zero, of sines where the field is zero), orthonormal; k: their wave vector, of length |k|. The spectrum lambda is one of

    matern                deviation^2 c (2 nu/l^2 + |k|^2)^-(nu + d/2),  c = 2^d pi^(d/2) Gamma(nu + d/2) (2 nu)^nu / (Gamma(nu) l^(2 nu))
    squared_exponential   deviation^2 (2 pi l^2)^(d/2) exp(-l^2 |k|^2/2)
    laplacian_power       scale^2 (|k|^2 + tau^2)^-alpha: the covariance operator scale^2 (-Laplace + tau^2)^-alpha

The first two have, far from the sides, the covariance and the standard deviation that their names promise (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, section 4.2; Lindgren, Rue and Lindstroem, J. R. Stat. Soc. B 73 (2011) 423). The third is the input of the
Fourier neural operator's data (Li et al., ICLR 2021, arXiv:2010.08895). Random numbers belong to modes, low ones first: the same generator on a finer
grid gives the same function with more modes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from symnum.errors import SolveError, UnknownName, did_you_mean, names_options

SPECTRA = {
    "matern": ("length", "smoothness", "deviation"),
    "squared_exponential": ("length", "deviation"),
    "laplacian_power": ("alpha", "tau", "scale"),
}
BOUNDARIES = ("periodic", "neumann", "dirichlet")
_MOST = 2**27  # values of a field


C = TypeVar("C")


def with_named_options(kind: type[C]) -> type[C]:
    """The same dataclass, which answers an unknown option with UnknownOption in place of a bare TypeError."""
    kind.__init__ = names_options(kind.__init__)  # type: ignore[method-assign]
    return kind


@with_named_options
@dataclass(frozen=True)
class GaussianField:
    """A Gaussian random field: ``GaussianField("matern", length=0.1, smoothness=1.5)``, ``GaussianField("laplacian_power", alpha=2, tau=3)``.

    Attributes:
        spectrum: "matern" (length, smoothness nu, deviation), "squared_exponential" (length, deviation), "laplacian_power" (alpha, tau, scale).
        length: correlation length, in units of the coordinates. deviation: standard deviation far from the sides.
        scale: of "laplacian_power"; None: tau^(alpha - d/2), as the Fourier neural operator's Darcy data have it.
        boundary: "periodic", "neumann" (zero normal derivative) or "dirichlet" (zero) at the sides, one for all axes or a tuple; None: periodic
            along periodic axes, Neumann along others.
        mean: added. constant_mode: whether the constant function is among the modes.
        shape: what is done to the values: "" nothing, "exp" (log-normal), "step": ``low`` where they are below ``mean``, ``high`` elsewhere.

    Raises UnknownName for other names, SolveError for numbers that make no field.
    """

    spectrum: str = "matern"
    length: float = 0.1
    smoothness: float = 1.5
    deviation: float = 1.0
    alpha: float = 2.0
    tau: float = 3.0
    scale: float | None = None
    boundary: str | tuple[str, ...] | None = None
    mean: float = 0.0
    constant_mode: bool = True
    shape: str = ""
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _known("spectrum", self.spectrum, SPECTRA)
        for side in () if self.boundary is None else _sides(self.boundary):
            _known("boundary", side, BOUNDARIES)
        _known("shape", self.shape, ("", "exp", "step"))
        used: dict[str, Any] = {name: getattr(self, name) for name in SPECTRA[self.spectrum]}
        for name, value in (used | {"mean": self.mean, "low": self.low, "high": self.high}).items():
            if value is None and name == "scale":
                continue
            least = -math.inf if name in ("mean", "low", "high") else 0.0
            if isinstance(value, bool) or not isinstance(value, int | float) or not least < value < math.inf:
                raise SolveError(
                    f"{name}={value!r} of a {self.spectrum} field is no {'finite' if least else 'positive'} number"
                )

    def threshold(self, low: float, high: float) -> GaussianField:
        """Two values in place of a continuum: ``low`` where the field is below its mean, ``high`` elsewhere."""
        return replace(self, shape="step", low=low, high=high)

    def exp(self) -> GaussianField:
        """exp of the field: log-normal values."""
        return replace(self, shape="exp")

    def density(self, squared: np.ndarray, dimension: int) -> np.ndarray:
        """lambda at squared lengths |k|^2 of wave vectors in ``dimension`` dimensions; same shape."""
        if self.spectrum == "squared_exponential":
            peak = self.deviation**2 * (2 * math.pi * self.length**2) ** (dimension / 2)
            return np.asarray(peak * np.exp(-0.5 * self.length**2 * squared))
        if self.spectrum == "laplacian_power":
            scale = self.tau ** (self.alpha - dimension / 2) if self.scale is None else self.scale
            return np.asarray(scale**2 * (squared + self.tau**2) ** -self.alpha)
        nu, power, inverse = self.smoothness, self.smoothness + dimension / 2, 2 * self.smoothness / self.length**2
        peak = (4 * math.pi) ** (dimension / 2) * math.exp(math.lgamma(power) - math.lgamma(nu)) * inverse**nu
        return np.asarray(self.deviation**2 * peak * (inverse + squared) ** -power)

    def sample(
        self,
        points: Sequence[int],
        rng: np.random.Generator,
        lengths: Sequence[float] | None = None,
        periodic: Sequence[bool] | None = None,
        centred: Sequence[bool] | None = None,
    ) -> np.ndarray:
        """One field on a uniform grid, shape ``points``.

        Args:
            points: along each axis. lengths: of the box (1 each if not given). periodic: which axes are (for ``boundary=None``; else it says so).
            centred: axes whose points are centres of cells; others: of periodic axes 0, h, ..., of closed ones both sides included.
        """
        points = tuple(int(n) for n in points)
        d = len(points)
        if not 1 <= d <= 3 or min(points) < 2 or math.prod(points) > _MOST:
            raise SolveError(
                f"a random field lies on 1 to 3 axes of at least 2 points, at most {_MOST:,} in all; got {points}"
            )
        sides = self.sides(d, periodic)
        lengths = (1.0,) * d if lengths is None else tuple(map(float, lengths))
        cells = (False,) * d if centred is None else tuple(centred)
        waves = [_waves(n, s, x, c) for n, s, x, c in zip(points, sides, lengths, cells, strict=True)]
        squared = sum(k.reshape(-1, *(1,) * (d - 1 - i)) ** 2 for i, k in enumerate(waves))
        modes = np.sqrt(self.density(np.asarray(squared), d)) * _noise(tuple(len(k) for k in waves), sides, rng)
        if not self.constant_mode:
            modes[np.broadcast_to(squared == 0, modes.shape)] = 0
        for axis, (n, side, length, cell) in enumerate(zip(points, sides, lengths, cells, strict=True)):
            modes = np.moveaxis(_synthesis(np.moveaxis(modes, axis, -1), n, side, length, cell), -1, axis)
        return self._shaped(modes + self.mean)

    def sides(self, dimension: int, periodic: Sequence[bool] | None = None) -> tuple[str, ...]:
        """The boundary along each axis. Raises SolveError where their number is another."""
        if self.boundary is None:
            return tuple("periodic" if p else "neumann" for p in periodic or (False,) * dimension)
        sides = _sides(self.boundary) * (1 if isinstance(self.boundary, tuple) else dimension)
        if len(sides) != dimension:
            raise SolveError(f"boundary={self.boundary!r} is for {len(sides)} axes; the field has {dimension}")
        return sides

    def covariance(
        self,
        x: Sequence[float],
        y: Sequence[float],
        lengths: Sequence[float],
        modes: int = 200,
        periodic: Sequence[bool] | None = None,
    ) -> float:
        """The covariance of the values at two points (before ``shape``): the series, with so many modes along each axis."""
        sides = self.sides(len(lengths), periodic)
        waves, products = [], []
        for a, b, length, side in zip(x, y, lengths, sides, strict=True):
            k = np.arange(modes) * math.pi / length * (2 if side == "periodic" else 1)
            if side == "periodic":
                product = np.where(k == 0, 1, 2) * np.cos(k * (a - b)) / length
            elif side == "neumann":
                product = np.where(k == 0, 1, 2) * np.cos(k * a) * np.cos(k * b) / length
            else:
                product = 2 * np.sin(k * a) * np.sin(k * b) / length
            waves.append(k)
            products.append(product)
        squared = np.asarray(sum(k**2 for k in np.meshgrid(*waves, indexing="ij")))
        terms = self.density(squared, len(lengths)) * np.asarray(math.prod(np.meshgrid(*products, indexing="ij")))
        return float(terms.sum() - (0.0 if self.constant_mode else terms.flat[0]))

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        if self.shape == "exp":
            return np.exp(values)
        return np.where(values < self.mean, self.low, self.high) if self.shape == "step" else values


def _waves(points: int, side: str, length: float, centred: bool) -> np.ndarray:
    """Wave numbers of the modes along an axis, in the order of their coefficients."""
    if side == "periodic":
        most = (points - 1) // 2  # the highest of an even number has no partner and is left out
        return np.arange(-most, most + 1) * (2 * math.pi / length)
    if side == "neumann":
        return np.arange(points) * (math.pi / length)
    return np.arange(1, points + 1 if centred else points - 1) * (math.pi / length)


def _synthesis(modes: np.ndarray, points: int, side: str, length: float, centred: bool) -> np.ndarray:
    """sum_k modes_k phi_k at the points of the last axis."""
    from scipy import fft

    if side == "periodic":
        most = (points - 1) // 2
        spectrum = np.zeros((*modes.shape[:-1], points), dtype=complex)
        spectrum[..., np.arange(-most, most + 1)] = modes
        if centred:  # half a point further
            spectrum *= np.exp(1j * math.pi * fft.fftfreq(points))
        waves = fft.ifft(spectrum, norm="forward")
        return np.asarray(
            (waves.real + waves.imag) / math.sqrt(length)
        )  # cos + sin: an orthonormal basis of real functions
    if side == "neumann":
        first = math.sqrt(2) * modes[..., :1]
        kind = 3 if centred else 1
        rest = modes[..., 1:] if centred else np.concatenate([modes[..., 1:-1], 2 * modes[..., -1:]], axis=-1)
        return np.asarray(fft.dct(np.concatenate([first, rest], axis=-1), kind) / math.sqrt(2 * length))
    if centred:
        modes = np.concatenate([modes[..., :-1], 2 * modes[..., -1:]], axis=-1)
        return np.asarray(fft.dst(modes, 3) / math.sqrt(2 * length))
    inner = np.asarray(fft.dst(modes, 1) / math.sqrt(2 * length)) if modes.shape[-1] else modes
    return np.concatenate([np.zeros_like(inner[..., :1])] * 1 + [inner] + [np.zeros_like(inner[..., :1])], axis=-1)


def _noise(shape: tuple[int, ...], sides: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """Independent standard normal numbers, one a mode, dealt out from low modes to high ones whatever the shape."""
    order, most = _order(shape, tuple(side == "periodic" for side in sides))
    made = np.empty(math.prod(shape))
    made[order[0]] = rng.standard_normal(most)[order[1]]
    return made.reshape(shape)


@lru_cache(maxsize=8)
def _order(shape: tuple[int, ...], signed: tuple[bool, ...]) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """Modes sorted by their largest index, then one axis after another: (positions in ``shape``, places in the row of numbers), its length.

    Modes that a shape lacks, being narrower along one axis, keep their places in the row, so that other shapes agree on all others.
    """
    spans = [n // 2 if s else n - 1 for n, s in zip(shape, signed, strict=True)]
    top = max(spans)
    ranges = [np.arange(-top if s else 0, top + 1) for s in signed]
    grid = [g.ravel() for g in np.meshgrid(*ranges, indexing="ij")]
    sequence = np.lexsort((*grid, np.max(np.abs(grid), axis=0)))
    there = np.all([np.abs(g[sequence]) <= span for g, span in zip(grid, spans, strict=True)], axis=0)
    places = np.flatnonzero(there)
    index = tuple(g[sequence][places] + (span if s else 0) for g, span, s in zip(grid, spans, signed, strict=True))
    return (np.ravel_multi_index(index, shape), places), len(sequence)


def _sides(boundary: Any) -> tuple[str, ...]:
    return boundary if isinstance(boundary, tuple) else (boundary,)


def _known(what: str, name: Any, names: Sequence[str] | dict[str, Any]) -> None:
    if not isinstance(name, str) or name not in names:
        listed = ", ".join(repr(n) for n in names)
        raise UnknownName(
            f"unknown {what} {name!r} of a random field.{did_you_mean(str(name), names)} There are: {listed}"
        )
