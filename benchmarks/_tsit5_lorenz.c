/* Tsit5 for the Lorenz equations as one would write it by hand in C: the peer of symnum's driver.
 *
 * Same pair (Tsitouras 2011), same scaled RMS norm, same PI controller and first step (Hairer, Norsett, Wanner I, II.4) as symnum's Tsit5.
 * y' = (10 (y1 - y0), y0 (28 - y2) - y1, y0 y1 - beta y2)
 *
 * gcc -O3 -march=native -shared -fPIC. steps_taken = solve(y, t_end, rtol, atol, beta, &rejected)
 */
#include <math.h>

enum { N = 3 };

static const double C[6] = {0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0};
static const double A[6][6] = {
    {0.161},
    {-0.008480655492356989, 0.335480655492357},
    {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
    {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
    {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
    {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774}};
static const double E[7] = {-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
                            0.5823571654525552,      -0.45808210592918697,   0.015151515151515152};

static void lorenz(double t, const double *y, double beta, double *out) {
    (void)t;
    out[0] = 10.0 * (y[1] - y[0]);
    out[1] = y[0] * (28.0 - y[2]) - y[1];
    out[2] = y[0] * y[1] - beta * y[2];
}

static double norm(const double *e, const double *a, const double *b, double atol, double rtol) {
    double sum = 0.0;
    for (int i = 0; i < N; i++) {
        double r = e[i] / (atol + rtol * fmax(fabs(a[i]), fabs(b[i])));
        sum += r * r;
    }
    return sqrt(sum / N);
}

static double first_step(const double *y, const double *f, double t_end, double rtol, double atol, double beta) {
    double d0 = norm(y, y, y, atol, rtol), d1 = norm(f, y, y, atol, rtol), trial[N], g[N], e[N];
    double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
    for (int i = 0; i < N; i++) trial[i] = y[i] + h0 * f[i];
    lorenz(h0, trial, beta, g);
    for (int i = 0; i < N; i++) e[i] = (g[i] - f[i]) / h0;
    double d2 = norm(e, y, y, atol, rtol), largest = fmax(d1, d2);
    double h1 = largest <= 1e-15 ? fmax(1e-6, 1e-3 * h0) : pow(0.01 / largest, 1.0 / 6.0);
    return fmin(fmin(100.0 * h0, h1), t_end);
}

long solve(double *y, double t_end, double rtol, double atol, double beta, long *rejected) {
    const double exponent_i = 0.2 / 5.0, exponent_p = 1.0 / 5.0 - 0.75 * exponent_i;
    double k[7][N], z[N], e[N], t = 0.0, error_old = 1e-4;
    long steps = 0;
    int after_rejection = 0;
    *rejected = 0;
    lorenz(t, y, beta, k[0]);
    double h = first_step(y, k[0], t_end, rtol, atol, beta);
    while (t < t_end) {
        int last = 1.01 * h >= t_end - t;
        double step = last ? t_end - t : 2.0 * h > t_end - t ? 0.5 * (t_end - t) : h;
        for (int s = 0; s < 6; s++) {
            for (int i = 0; i < N; i++) {
                double sum = A[s][0] * k[0][i];
                for (int j = 1; j <= s; j++) sum += A[s][j] * k[j][i];
                z[i] = y[i] + step * sum;
            }
            lorenz(t + C[s] * step, z, beta, k[s + 1]);
        }
        for (int i = 0; i < N; i++) {
            double sum = 0.0;
            for (int j = 0; j < 7; j++) sum += E[j] * k[j][i];
            e[i] = step * sum;
        }
        double error = norm(e, y, z, atol, rtol), size = fmax(error, 1e-10);
        if (error <= 1.0) {
            double factor = fmin(10.0, fmax(0.2, 0.9 * pow(size, -exponent_p) * pow(error_old, exponent_i)));
            h = step * (after_rejection ? fmin(1.0, factor) : factor);
            error_old = fmax(error, 1e-4);
            after_rejection = 0;
            t = last ? t_end : t + step;
            for (int i = 0; i < N; i++) y[i] = z[i], k[0][i] = k[6][i];
            steps++;
        } else {
            h = step * fmax(0.2, 0.9 * pow(size, -1.0 / 5.0));
            after_rejection = 1;
            ++*rejected;
        }
    }
    return steps;
}
