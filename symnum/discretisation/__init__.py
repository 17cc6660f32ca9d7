"""From a system to kernels: grids, stencil weights, boundary elimination, lowering."""
