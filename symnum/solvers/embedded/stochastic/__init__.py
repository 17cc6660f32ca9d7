"""Methods for stochastic differential equations: the path, the driver, and one module a method."""
