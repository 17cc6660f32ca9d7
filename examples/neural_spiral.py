"""A neural ODE learns the cubic spiral u' = A u^3 from 30 points; the solver's own error estimate keeps it cheap to solve."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

import symnum as sn

torch.manual_seed(0)
epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 400
a = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=torch.float64)
y0, ts = torch.tensor([[2.0, 0.0]], dtype=torch.float64), torch.linspace(0, 1.5, 30, dtype=torch.float64)
with torch.no_grad():
    data = sn.neural.NeuralODE(lambda y: y**3 @ a, rtol=1e-9, atol=1e-9)(y0, ts).y

net = torch.nn.Sequential(torch.nn.Linear(2, 50), torch.nn.Tanh(), torch.nn.Linear(50, 2)).double()
node = sn.neural.NeuralODE(net, rtol=1e-6, atol=1e-6)
report = sn.neural.fit(node, lambda model, batch: (model(y0, ts).y - batch).abs().mean(), [data], epochs,
                       regulariser="error", lambda_=1e-2, learning_rate=1e-2, progress=False)
print(report.table())
plt.plot(*data[:, 0].T, "o", label="data")
plt.plot(*node(y0, torch.linspace(0, 1.5, 200)).y[:, 0].detach().T, label="neural ODE")
plt.legend()
plt.savefig("neural_spiral.png")
