"""Passes: verbs on kernels. Each takes a kernel and gives a kernel of the same meaning."""

from symnum.ir.passes.cse import share_subterms
from symnum.ir.passes.fuse import fuse_loops
from symnum.ir.passes.hoist import hoist
from symnum.ir.passes.peel import peel

__all__ = ["fuse_loops", "hoist", "peel", "share_subterms"]
