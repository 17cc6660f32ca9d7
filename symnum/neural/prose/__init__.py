"""A small transformer that continues trajectories and writes down their equations, public as ``sn.neural.ProseLearner``."""
