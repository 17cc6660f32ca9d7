/* Diffusion and reaction of two fields (Gray-Scott), periodic, in two and three dimensions, as a careful person writes it: one fused sweep,
   restrict, no modulo. The peer of `symnum bench kernel`; REAL is double or float. */
#include <stddef.h>

#ifndef REAL
#define REAL double
#endif

#define REACT(j, lapu, lapv)                                                                                              \
    do {                                                                                                                  \
        const REAL a = u[r + (j)], b = v[r + (j)], abb = a * b * b;                                                       \
        du[r + (j)] = Du * (lapu) - abb + F * (1 - a);                                                                    \
        dv[r + (j)] = Dv * (lapv) + abb - (F + k) * b;                                                                    \
    } while (0)
#define FIVE(w, j, W, E) (w[up + (j)] + w[dn + (j)] + w[r + (W)] + w[r + (E)] - 4 * w[r + (j)])
#define SEVEN(w, j, W, E) (w[above + (j)] + w[below + (j)] + w[up + (j)] + w[dn + (j)] + w[r + (W)] + w[r + (E)] - 6 * w[r + (j)])
#define ROW(LAP)                                                                                                          \
    do {                                                                                                                  \
        REACT(0, LAP(u, 0, n - 1, 1), LAP(v, 0, n - 1, 1));                                                               \
        for (int j = 1; j < n - 1; j++)                                                                                   \
            REACT(j, LAP(u, j, j - 1, j + 1), LAP(v, j, j - 1, j + 1));                                                   \
        REACT(n - 1, LAP(u, n - 1, n - 2, 0), LAP(v, n - 1, n - 2, 0));                                                   \
    } while (0)

void plane(const REAL *restrict u, const REAL *restrict v, REAL *restrict du, REAL *restrict dv, int n, REAL Du, REAL Dv, REAL F, REAL k)
{
    for (int i = 0; i < n; i++) {
        const size_t r = (size_t)i * n, up = (size_t)(i == 0 ? n - 1 : i - 1) * n, dn = (size_t)(i == n - 1 ? 0 : i + 1) * n;
        ROW(FIVE);
    }
}

void space(const REAL *restrict u, const REAL *restrict v, REAL *restrict du, REAL *restrict dv, int n, REAL Du, REAL Dv, REAL F, REAL k)
{
    for (int l = 0; l < n; l++) {
        const size_t p = (size_t)l * n * n, q = (size_t)(l == 0 ? n - 1 : l - 1) * n * n, s = (size_t)(l == n - 1 ? 0 : l + 1) * n * n;
        for (int i = 0; i < n; i++) {
            const size_t row = (size_t)i * n, r = p + row, above = q + row, below = s + row;
            const size_t up = p + (size_t)(i == 0 ? n - 1 : i - 1) * n, dn = p + (size_t)(i == n - 1 ? 0 : i + 1) * n;
            ROW(SEVEN);
        }
    }
}
