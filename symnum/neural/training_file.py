"""The state of a training as a file: weights, optimiser, epoch, history and the state of the random number generators.

Written beside the old one and then put in its place, so a run that is killed leaves a whole file. Read with ``weights_only=True``: a file is
data, and cannot run code.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from symnum.errors import FileError

FORMAT = "symnum training 1"


def write_training(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Put ``state`` (tensors, numbers, strings, lists and dictionaries of these) into the file. Raises FileError."""
    target = Path(path)
    beside = target.with_name(target.name + f".{os.getpid()}")
    try:
        with open(beside, "wb") as file:  # torch opening it itself raises no OSError
            torch.save({"format": FORMAT, "random": random_state(), **state}, file)
        os.replace(beside, target)
    except OSError as error:
        raise FileError(f"the training cannot be saved to {str(target)!r}: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)


def read_training(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What ``write_training`` wrote. Raises FileError."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise FileError(f"{str(path)!r} cannot be read: {error.strerror or error}") from None
    except Exception:  # whatever torch says of a file that it did not write
        state = None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FileError(
            f"{str(path)!r} is no training that symnum.neural.fit wrote; give another path, or delete the file to begin anew"
        )
    return state


def random_state() -> dict[str, Any]:
    """The generators of torch, NumPy and Python, in tensors and numbers."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002  (the user's data may draw from it)
    version, internal, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(name), torch.from_numpy(np.asarray(keys, dtype=np.int64)), *(float(x) for x in rest)],
        "python": [version, list(internal), gauss],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Let the generators go on from there."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), int(position), int(has_gauss), cached))  # noqa: NPY002
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
