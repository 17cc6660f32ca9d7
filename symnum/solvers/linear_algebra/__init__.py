"""Linear systems of implicit methods: W x = b with W = shift*M - df/dy, dense, banded, sparse, by transforms, by Krylov iterations."""
