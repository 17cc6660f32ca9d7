"""What the parts of bench bcr share: networks, and words on the way."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import symnum as sn

from ._bcr_solve import read_gdat

SITES, SMALL, SPAN = 5, 4, 10.0  # phosphorylation sites of the synthetic networks; time span without a trajectory
OURS = "symnum"
Bars = list[dict[str, Any]]
Rows = list[dict[str, Any]]


def say(text: str) -> None:
    print(f"symnum bench bcr: {text} ...", file=sys.stderr, flush=True)


def network_of(net: str | Path | None, sites: int, gdat: str | None = None) -> Any:
    span = (0.0, float(read_gdat(gdat)[1][-1, 0]) if gdat else SPAN)
    if net is None:
        say(f"no --net: the synthetic network of {sites} sites")
        return sn.ReactionNetwork.multisite(sites, t=span)
    return sn.ReactionNetwork.from_net(net, t=span)
