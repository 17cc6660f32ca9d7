import symnum as sn

t, x, y = sn.coordinates("t x y")
u, v = sn.fields("u v", (t, x, y))
F, k = sn.parameters(F=0.035, k=0.065)  # the feed of u, the removal of v
seeds = sn.exp(-400 * ((x - 0.4)**2 + (y - 0.45)**2)) + sn.exp(-400 * ((x - 0.6)**2 + (y - 0.58)**2))
gray_scott = sn.PDESystem(
    [sn.Eq(sn.dt(u), 2e-5 * sn.laplacian(u) - u * v**2 + F * (1 - u)),
     sn.Eq(sn.dt(v), 1e-5 * sn.laplacian(v) + u * v**2 - (F + k) * v)],
    domain=sn.Domain(t=(0, 6000), x=(0, 1), y=(0, 1)), conditions=[sn.periodic(x), sn.periodic(y)],
    initial={u: 1 - seeds / 2, v: seeds / 4}, name="gray_scott")
sn.solve(gray_scott, resolution=80).plot(path="gray_scott.png")
