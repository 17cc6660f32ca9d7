"""Passes: verbs on kernels. Each takes a kernel and gives a kernel of the same meaning."""

from symnum.ir.passes.arrange import arrange
from symnum.ir.passes.cse import share_subterms
from symnum.ir.passes.fuse import fuse_loops
from symnum.ir.passes.hoist import hoist
from symnum.ir.passes.inline import inline_stores
from symnum.ir.passes.networks import write_networks_out
from symnum.ir.passes.peel import peel
from symnum.ir.passes.share_networks import share_networks
from symnum.ir.passes.tail import overlap_tails

__all__ = [
    "arrange",
    "fuse_loops",
    "hoist",
    "inline_stores",
    "overlap_tails",
    "peel",
    "share_networks",
    "share_subterms",
    "write_networks_out",
]
