"""A main program for trying a generated file: classical Runge-Kutta steps, one line of output a field."""

from __future__ import annotations

from symnum.codegen.c_layout import Layout
from symnum.ir.system import SemiDiscreteSystem

_MAIN = """#ifdef SYMNUM_MAIN
/* ./program [steps [dt]]: classical Runge-Kutta steps from the initial state; prints a line a field. Without dt it takes steps that are
 * stable; stiff equations need so many that an implicit solver is the better choice. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double y[SIZE], stage[SIZE], next[SIZE], k1[SIZE], k2[SIZE], k3[SIZE], k4[SIZE];

/* A step that the method is stable with: 1.5 over the size of the largest eigenvalue of d(dydt)/dy. A power iteration on differences,
 * v <- f(y + e*v) - f(y), finds it: the mean growth of v over the last turns (pairs of complex eigenvalues make it swing). */
static double safe_step(double t, const double *p)
{
    const int turns = 60, settled = 30;
    double scale = 0.0, growth = 0.0;
    rhs(t, y, p, k1);
    for (int n = 0; n < SIZE; n++) {
        k2[n] = (n%2 ? -1.0 : 1.0) + 0.1*(n%7);
        scale += y[n]*y[n];
    }
    const double e = 1e-6*(1.0 + sqrt(scale/SIZE));
    for (int turn = 0; turn < turns; turn++) {
        double norm = 0.0;
        for (int n = 0; n < SIZE; n++)
            norm += k2[n]*k2[n];
        norm = sqrt(norm/SIZE);
        if (turn > settled)
            growth += log(norm);
        if (!(norm > 0.0))
            return @span@;
        for (int n = 0; n < SIZE; n++)
            stage[n] = y[n] + e*k2[n]/norm;
        rhs(t, stage, p, k2);
        for (int n = 0; n < SIZE; n++)
            k2[n] = (k2[n] - k1[n])/e;
    }
    return fmin(1.5/exp(growth/(turns - settled - 1)), @span@);
}

static double squares(const double *v)
{
    double sum = 0.0;
    for (int n = 0; n < SIZE; n++)
        sum += v[n]*v[n];
    return sum;
}

/* One step from y to next. Gives the step times the size of the derivative that it met, |k4 - k3|/|difference of their states|:
 * above 2.7 the method is not stable. NaN where the step left the numbers. */
static double step(double t, double dt, const double *p)
{
    rhs(t, y, p, k1);
    for (int n = 0; n < SIZE; n++)
        stage[n] = y[n] + 0.5*dt*k1[n];
    rhs(t + 0.5*dt, stage, p, k2);
    for (int n = 0; n < SIZE; n++)
        stage[n] = y[n] + 0.5*dt*k2[n];
    rhs(t + 0.5*dt, stage, p, k3);
    for (int n = 0; n < SIZE; n++)
        stage[n] = y[n] + dt*k3[n];
    rhs(t + dt, stage, p, k4);
    for (int n = 0; n < SIZE; n++) {
        next[n] = y[n] + dt/6.0*(k1[n] + 2.0*(k2[n] + k3[n]) + k4[n]);
        k4[n] -= k3[n];
        k3[n] -= 0.5*k2[n];
    }
    if (!isfinite(squares(next)))
        return NAN;
    const double away = squares(k3);
    return away > 0.0 ? sqrt(squares(k4)/away) : 0.0;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; long begin, end; } fields[] = {@fields@};
    const double *p = @parameters@;
    const double t0 = @start@;
    const int steps = argc > 1 ? atoi(argv[1]) : 100;
    initial_state(t0, p, y);
    double t = t0, dt = argc > 2 ? atof(argv[2]) : safe_step(t0, p);
    for (int n = 0; n < steps; n++, t += dt) {
        if (argc < 3 && n > 0 && n%10 == 0)
            dt = fmin(2.0*dt, safe_step(t, p));
        double size = step(t, dt, p);
        while (argc < 3 && !(size <= 2.5) && t + 0.5*dt > t) {  /* too long a step: again with half of it */
            dt *= 0.5;
            size = step(t, dt, p);
        }
        if (isnan(size)) {
            fprintf(stderr, "step %d from t = %g is not finite; %s\\n", n + 1, t,
                argc < 3 ? "no step is short enough" : "take a shorter step, or leave it out");
            return 1;
        }
        memcpy(y, next, sizeof y);
    }
    printf("t = %.17g after %d steps, the last of %.17g\\n", t, steps, dt);
    for (size_t f = 0; f < sizeof fields/sizeof *fields; f++) {
        double low = y[fields[f].begin], high = low, sum = 0.0;
        for (long n = fields[f].begin; n < fields[f].end; n++) {
            low = fmin(low, y[n]);
            high = fmax(high, y[n]);
            sum += y[n];
        }
        printf("%s: min %.17g max %.17g mean %.17g\\n", fields[f].name, low, high, sum/(fields[f].end - fields[f].begin));
    }
    return 0;
}
#endif"""


def main_program(semi: SemiDiscreteSystem, made: Layout) -> str:
    """The text between ``#ifdef SYMNUM_MAIN`` and ``#endif``; empty for systems with algebraic equations, which no explicit method solves."""
    if semi.algebraic:
        return ""
    rows = [f'{{"{made.names.of("array", a.name)}", {a.offset}, {a.offset + a.size}}}' for a in semi.state]
    start, stop = semi.time_span
    values = {
        "fields": ", ".join(rows),
        "parameters": "default_parameters" if semi.parameters else "NULL",
        "start": repr(float(start)),
        "span": repr(float((stop - start) / 100)),
    }
    text = _MAIN
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
