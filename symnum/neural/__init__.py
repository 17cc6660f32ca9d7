"""Neural differential equations: ``sn.neural``.

    NeuralODE      y' = net(t, y) for any torch.nn.Module, with gradients and the solver's own estimates
    NeuralSDE      dy = drift dt + diffusion dW, diagonal noise, along the path of a seed
    LatentODE      series with gaps: an encoder, a NeuralODE for what is not seen, a decoder
    fit            the training loop: regularisers, schedules, checkpoints, a report
    network        a network as a term of an equation (write_out: as sums and products); SystemODE: a model on a grid whose parameters are trained
    candidates     formulas for a term that is known by its values; library: what they are made of; replaced: a formula put into a system
    ProseLearner   a transformer that continues trajectories and writes down their equations, learnt from files of sn.datasets.prose
    regularisers   out.regularizer("error"), "local", ...; schedules for their weight; steer: random end times

torch is an extra: pip install 'symnum[neural]'. What does not need it works without. Names are looked up in the table below when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

_HOMES = {
    "symnum.neural.ode": "NeuralODE Outcome",
    "symnum.neural.stochastic": "NeuralSDE StochasticOutcome moment_loss",
    "symnum.neural.record": "Record SolveOptions Stats",
    "symnum.neural.latent": "LatentODE LatentOutcome",
    "symnum.neural.networks": "network networks_of write_out NetworkTerm",
    "symnum.neural.system": "SystemODE",
    "symnum.neural.system_outcome": "SystemOutcome",
    "symnum.neural.observations": "Observations",
    "symnum.neural.regression": "candidates library Candidate Candidates",
    "symnum.neural.replacing": "replaced",
    "symnum.neural.regularise": "REGULARISERS steer constant exponential warm_up",
    "symnum.neural.train": "fit",
    "symnum.neural.report": "Training",
    "symnum.neural.prose.learner": "ProseLearner",
    "symnum.neural.prose.scores": "ProseScores",
    "symnum.neural.prose.refining": "refined",
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> object:
    """Import the module of a public name on first use and keep the value."""
    if name not in _PUBLIC:
        from symnum.errors import did_you_mean

        hint = "" if name.startswith("__") else did_you_mean(name, _PUBLIC) or f" It has: {', '.join(_PUBLIC)}."
        raise AttributeError(f"symnum.neural has no name {name!r}.{hint}")
    from importlib import import_module

    try:
        value = globals()[name] = getattr(import_module(_PUBLIC[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        from symnum.errors import BackendUnavailable

        raise BackendUnavailable(
            f"symnum.neural.{name} needs torch, which is not installed; run pip install 'symnum[neural]'"
        ) from None
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


if TYPE_CHECKING:  # `as` marks a name as exported
    from symnum.neural.ode import NeuralODE as NeuralODE, Outcome as Outcome
    from symnum.neural.stochastic import (
        NeuralSDE as NeuralSDE,
        StochasticOutcome as StochasticOutcome,
        moment_loss as moment_loss,
    )
    from symnum.neural.latent import LatentODE as LatentODE, LatentOutcome as LatentOutcome
    from symnum.neural.networks import (
        network as network,
        networks_of as networks_of,
        write_out as write_out,
        NetworkTerm as NetworkTerm,
    )
    from symnum.neural.system import SystemODE as SystemODE
    from symnum.neural.system_outcome import SystemOutcome as SystemOutcome
    from symnum.neural.observations import Observations as Observations
    from symnum.neural.regression import (
        Candidate as Candidate,
        Candidates as Candidates,
        candidates as candidates,
        library as library,
    )
    from symnum.neural.replacing import replaced as replaced
    from symnum.neural.record import Record as Record, SolveOptions as SolveOptions, Stats as Stats
    from symnum.neural.regularise import (
        REGULARISERS as REGULARISERS,
        steer as steer,
        constant as constant,
        exponential as exponential,
        warm_up as warm_up,
    )
    from symnum.neural.report import Training as Training
    from symnum.neural.train import fit as fit
    from symnum.neural.prose.learner import ProseLearner as ProseLearner
    from symnum.neural.prose.scores import ProseScores as ProseScores
    from symnum.neural.prose.refining import refined as refined
