"""Darcy flow for neural operators: porous rock drawn at random, and the pressure that follows from it.

python examples/darcy.py [CELLS]
"""

import sys

import h5py
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import symnum as sn

cells = int(sys.argv[1]) if len(sys.argv) > 1 else 128
made = sn.datasets.darcy_flow("darcy_train.hdf5", 4, resolution=cells, seed=3, overwrite=True)

figure = Figure(figsize=(10, 5.2), layout="constrained")
FigureCanvasAgg(figure)
axes = figure.subplots(2, 4, sharex=True, sharey=True, subplot_kw={"aspect": "equal", "xticks": [0, 1], "yticks": [0, 1]})
with h5py.File(made.path) as held:
    for k in range(4):
        a = axes[0, k].pcolormesh(held["x-coordinate"][:], held["y-coordinate"][:], held["nu"][k].T, cmap="Greys", vmin=0, vmax=16)
        u = axes[1, k].pcolormesh(held["x-coordinate"][:], held["y-coordinate"][:], held["tensor"][k, 0].T, vmin=0, vmax=0.014)
figure.colorbar(a, ax=axes[0], label="permeability a, 3 or 12", ticks=[3, 12])
figure.colorbar(u, ax=axes[1], label="pressure u,  -div(a grad u) = 1")
print(f"{made.records} records in {made.path}, {made.rate:.1f} a second")
figure.savefig("darcy.png", dpi=100)
