/* The least that any right-hand side of this size moves through memory: every value read once, every value written once.

   A loop of plain loads and stores. Compilers would replace it by a call of memcpy, whose stores bypass the cache; the bench shows that
   figure as well (np.copyto). */

#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
void copy_loop(const double *restrict from, double *restrict to, size_t n)
{
#ifdef __clang__
#pragma clang loop vectorize(enable)
#endif
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}
