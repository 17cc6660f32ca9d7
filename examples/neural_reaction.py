"""An unknown reaction, recovered from 20 noisy snapshots by a network inside the equation, and then read off as a formula."""

import numpy as np
import torch

import symnum as sn

t, x = sn.coordinates("t x")
u = sn.field("u", (t, x))

def system(reaction):
    sides = [sn.neumann(u, 0, at={x: end}) for end in (0, 1)]
    return sn.PDESystem([sn.Eq(sn.dt(u), 0.05*sn.diff(u, x, 2) + reaction)], sn.Domain(t=(0, 1), x=(0, 1)), sides,
                        {u: 1.2*sn.cos(sn.pi*x)}, name="an unknown reaction")

noise, times, truth = 0.01, np.linspace(0, 1, 20), 3*(u - u**3)
data = np.asarray(sn.solve(system(truth), resolution=24, scheme="central", saveat=times)[u])
data = torch.from_numpy(data + noise*np.random.default_rng(0).standard_normal(data.shape))

f = sn.neural.network("f", inputs=[u], layers=[1, 8, 1])
trained = sn.neural.SystemODE(system(f), resolution=24, train="f", rtol=1e-5)
def loss(model, data):
    return ((model(times)[u] - data)/noise).square().mean()
lbfgs = torch.optim.LBFGS(trained.parameters(), max_iter=200, line_search_fn="strong_wolfe")
sn.neural.fit(trained, loss, [data], epochs=1, optimiser=lbfgs, progress=False)
recovered = trained.recover(f, trained(times))
found = recovered.candidates(sn.neural.library(u, degree=5, functions=["sin", "exp"]), loss=lambda model: loss(model, data))
print(found)
recovered.plot("neural_reaction.png", truth=truth, found=found, data=data)
