/* The right-hand side of the 2-D Brusselator as a careful person writes it: one fused sweep, restrict, no modulo. The peer of `symnum bench rhs`. */
#include <stddef.h>

#define POINT(j, w, e)                                                                                                    \
    do {                                                                                                                  \
        double a = u[r + (j)], b = v[r + (j)], aab = a * a * b, yj = (j)*h - 0.6;                                         \
        double f = xi + yj * yj <= 0.01 ? g : 0.0;                                                                        \
        du[r + (j)] = 1.0 + aab - 4.4 * a + d * (u[up + (j)] + u[dn + (j)] + u[r + (w)] + u[r + (e)] - 4.0 * a) + f;      \
        dv[r + (j)] = 3.4 * a - aab + d * (v[up + (j)] + v[dn + (j)] + v[r + (w)] + v[r + (e)] - 4.0 * b);                \
    } while (0)

void rhs(double t, const double *restrict y, double *restrict out, int n, double alpha)
{
    const double *restrict u = y, *restrict v = y + (size_t)n * n;
    double *restrict du = out, *restrict dv = out + (size_t)n * n;
    const double d = alpha * n * n, h = 1.0 / n, g = t >= 1.1 ? 5.0 : 0.0;
    for (int i = 0; i < n; i++) {
        size_t r = (size_t)i * n, up = (size_t)(i == 0 ? n - 1 : i - 1) * n, dn = (size_t)(i == n - 1 ? 0 : i + 1) * n;
        double xi = i * h - 0.3;
        xi *= xi;
        POINT(0, n - 1, 1);
        for (int j = 1; j < n - 1; j++)
            POINT(j, j - 1, j + 1);
        POINT(n - 1, n - 2, 0);
    }
}
