/* Tsit5 for a ring of bodies as one would write it by hand in C: the peer of symnum's driver. gcc -O3 -march=native -shared -fPIC.
 *
 * y = (x, y, u, v), BODIES each; (u, v)' = sum_j (r_j - r_i)/(|r_j - r_i|^2 + SOFTENING^2)^(3/2)/BODIES, each pair once.
 * Same pair (Tsitouras 2011), same scaled RMS norm, same PI controller and first step (Hairer, Norsett, Wanner I, II.4) as symnum's Tsit5.
 * steps_taken = solve(y, t_end, rtol, atol, &rejected);  slopes(y, out)
 */
#include <math.h>

enum { BODIES = 100, N = 4 * BODIES };
static const double SOFTENING = 0.05;

static const double A[6][6] = {
    {0.161},
    {-0.008480655492356989, 0.335480655492357},
    {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
    {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
    {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
    {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774}};
static const double E[7] = {-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
                            0.5823571654525552,      -0.45808210592918697,   0.015151515151515152};

void slopes(const double *y, double *out) {
    const double *px = y, *py = y + BODIES;
    double ax[BODIES] = {0}, ay[BODIES] = {0};
    for (int i = 0; i < BODIES; i++) {
        double sx = 0.0, sy = 0.0;
        for (int j = i + 1; j < BODIES; j++) {
            double dx = px[j] - px[i], dy = py[j] - py[i], square = dx * dx + dy * dy + SOFTENING * SOFTENING;
            double w = 1.0 / (square * sqrt(square));
            sx += w * dx, sy += w * dy;
            ax[j] -= w * dx, ay[j] -= w * dy;
        }
        ax[i] += sx, ay[i] += sy;
    }
    for (int i = 0; i < 2 * BODIES; i++) out[i] = y[2 * BODIES + i];
    for (int i = 0; i < BODIES; i++) out[2 * BODIES + i] = ax[i] / BODIES, out[3 * BODIES + i] = ay[i] / BODIES;
}

static double norm(const double *e, const double *a, const double *b, double atol, double rtol) {
    double sum = 0.0;
    for (int i = 0; i < N; i++) {
        double r = e[i] / (atol + rtol * fmax(fabs(a[i]), fabs(b[i])));
        sum += r * r;
    }
    return sqrt(sum / N);
}

static double first_step(const double *y, const double *f, double t_end, double rtol, double atol) {
    double d0 = norm(y, y, y, atol, rtol), d1 = norm(f, y, y, atol, rtol), trial[N], g[N], e[N];
    double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
    for (int i = 0; i < N; i++) trial[i] = y[i] + h0 * f[i];
    slopes(trial, g);
    for (int i = 0; i < N; i++) e[i] = (g[i] - f[i]) / h0;
    double d2 = norm(e, y, y, atol, rtol), largest = fmax(d1, d2);
    double h1 = largest <= 1e-15 ? fmax(1e-6, 1e-3 * h0) : pow(0.01 / largest, 1.0 / 6.0);
    return fmin(fmin(100.0 * h0, h1), t_end);
}

long solve(double *y, double t_end, double rtol, double atol, long *rejected) {
    const double exponent_i = 0.2 / 5.0, exponent_p = 1.0 / 5.0 - 0.75 * exponent_i;
    static double k[7][N], z[N], e[N];
    double t = 0.0, error_old = 1e-4;
    long steps = 0;
    int after_rejection = 0;
    *rejected = 0;
    slopes(y, k[0]);
    double h = first_step(y, k[0], t_end, rtol, atol);
    while (t < t_end) {
        int last = 1.01 * h >= t_end - t;
        double step = last ? t_end - t : 2.0 * h > t_end - t ? 0.5 * (t_end - t) : h;
        for (int s = 0; s < 6; s++) {
            for (int i = 0; i < N; i++) {
                double sum = A[s][0] * k[0][i];
                for (int j = 1; j <= s; j++) sum += A[s][j] * k[j][i];
                z[i] = y[i] + step * sum;
            }
            slopes(z, k[s + 1]);
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
