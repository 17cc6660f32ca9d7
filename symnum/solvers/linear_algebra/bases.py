"""One axis of a transform: the basis in which a difference operator along that axis is diagonal.

    Fourier      exp(2 pi i k j/m)              periodic
    Twisted      exp(pi i (2k+1) j/m)           antiperiodic
    Trigonometric  cosines, sines               two sides: the discrete cosine and sine transforms I to IV, orthonormal
    Eigenvectors   those of the m x m matrix    any two sides and coefficients along the axis; a product with a full matrix (Lynch, Rice, Thomas,
                                                Numer. Math. 6 (1964) 185-199)
    Untouched    points                         nothing couples along the axis

All act on arrays (..., m, ...) along one axis. ``real`` arrays stay real but for Fourier and Twisted (and complex eigenvectors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
LARGEST_FULL = 400  # points of an axis up to which its eigenvectors are computed
_EXACT, _CONDITION = 1e-12, 1e5


class Basis(Protocol):
    """``forward``: values to coefficients along an axis; ``backward``: the inverse."""

    def forward(self, values: Values, axis: int) -> Values: ...

    def backward(self, coefficients: Values, axis: int) -> Values: ...


@dataclass(frozen=True)
class Untouched:
    """No transform."""

    def forward(self, values: Values, axis: int) -> Values:
        return values

    def backward(self, coefficients: Values, axis: int) -> Values:
        return coefficients


@dataclass(frozen=True)
class Fourier:
    """m points of a periodic axis; real values give m//2 + 1 coefficients."""

    m: int

    def forward(self, values: Values, axis: int) -> Values:
        from scipy import fft

        transform = fft.fft if np.iscomplexobj(values) else fft.rfft
        made: Values = transform(values, axis=axis)
        return made

    def backward(self, coefficients: Values, axis: int) -> Values:
        from scipy import fft

        if coefficients.shape[axis] == self.m and self.m > 1:
            made: Values = fft.ifft(coefficients, axis=axis)
            return made
        halved: Values = fft.irfft(coefficients, self.m, axis=axis)
        return halved


@dataclass(frozen=True)
class Twisted:
    """m points of an antiperiodic axis: the odd modes of the periodic axis of 2m points (u, -u)."""

    m: int

    def forward(self, values: Values, axis: int) -> Values:
        from scipy import fft

        transform = fft.fft if np.iscomplexobj(values) else fft.rfft
        twice = transform(np.concatenate([values, -values], axis=axis), axis=axis)
        made: Values = twice[_along(axis, slice(1, None, 2))]
        return made

    def backward(self, coefficients: Values, axis: int) -> Values:
        from scipy import fft

        whole = coefficients.shape[axis] == self.m and self.m > 1
        shape = list(coefficients.shape)
        shape[axis] = 2 * self.m if whole else self.m + 1
        twice = np.zeros(shape, dtype=np.complex128)
        twice[_along(axis, slice(1, None, 2))] = coefficients
        values = fft.ifft(twice, axis=axis) if whole else fft.irfft(twice, 2 * self.m, axis=axis)
        made: Values = values[_along(axis, slice(0, self.m))]
        return made


@dataclass(frozen=True)
class Trigonometric:
    """kind: "dct" or "dst", type 1 to 4, orthonormal."""

    kind: str
    type: int

    def forward(self, values: Values, axis: int) -> Values:
        from scipy import fft

        made: Values = getattr(fft, self.kind)(values, type=self.type, axis=axis, norm="ortho")
        return made

    def backward(self, coefficients: Values, axis: int) -> Values:
        from scipy import fft

        made: Values = getattr(fft, f"i{self.kind}")(coefficients, type=self.type, axis=axis, norm="ortho")
        return made


@dataclass(frozen=True, eq=False)
class Eigenvectors:
    """A V = V diag(lambda)."""

    vectors: Values
    inverse: Values

    def forward(self, values: Values, axis: int) -> Values:
        return _multiplied(self.inverse, values, axis)

    def backward(self, coefficients: Values, axis: int) -> Values:
        return _multiplied(self.vectors, coefficients, axis)


def basis_of(matrix: NDArray[np.float64], sign: int) -> Basis | None:
    """A basis in which a matrix (m, m) is diagonal, the cheapest first; None if none is known.

    ``sign``: +1 for a periodic, -1 for an antiperiodic axis, 0 for one with two sides.
    """
    m = len(matrix)
    scale = float(np.abs(matrix).max(initial=0.0))
    if np.abs(matrix - np.diag(np.diag(matrix))).max(initial=0.0) <= _EXACT * scale:
        return Untouched()
    if sign and _is_circulant(matrix, sign, scale):
        return Fourier(m) if sign > 0 else Twisted(m)
    if not sign:
        for candidate in (Trigonometric(kind, number) for kind in ("dst", "dct") for number in (1, 2, 3, 4)):
            if not (candidate == Trigonometric("dct", 1) and m < 2) and _diagonalises(candidate, matrix, scale):
                return candidate
    return _eigenvectors(matrix) if m <= LARGEST_FULL else None


def _is_circulant(matrix: NDArray[np.float64], sign: int, scale: float) -> bool:
    """Every row is the one before, moved by one place (and with the other sign where it wraps, if antiperiodic)."""
    moved = np.roll(matrix, (1, 1), axis=(0, 1))
    moved[0, 1:] *= sign
    moved[1:, 0] *= sign
    return bool(np.abs(moved - matrix).max() <= _EXACT * scale)


def _diagonalises(basis: Basis, matrix: NDArray[np.float64], scale: float) -> bool:
    """T A T' is diagonal, T orthonormal."""
    image = basis.forward(basis.forward(matrix, 0), 1)
    return bool(np.abs(image - np.diag(np.diag(image))).max() <= 100 * _EXACT * scale)


def _eigenvectors(matrix: NDArray[np.float64]) -> Eigenvectors | None:
    if np.array_equal(matrix, matrix.T):
        vectors = np.linalg.eigh(matrix)[1]
        return Eigenvectors(vectors, np.ascontiguousarray(vectors.T))
    vectors = np.linalg.eig(matrix)[1]
    if np.linalg.cond(vectors) > _CONDITION:
        return None
    return Eigenvectors(vectors, np.linalg.inv(vectors))


def _multiplied(matrix: Values, values: Values, axis: int) -> Values:
    if axis in (-1, values.ndim - 1):
        return values @ matrix.T
    if axis in (-2, values.ndim - 2):
        return np.asarray(np.matmul(matrix, values))
    return np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis)


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (part,)
