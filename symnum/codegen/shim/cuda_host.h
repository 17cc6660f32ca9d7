/* CUDA C on the host: what the generated kernels use of CUDA, for any C++ compiler.

   A launch runs block after block. The threads of a block are fibers that run one after the other from one __syncthreads to the next;
   a kernel without __syncthreads is a plain loop over threads. Slow, and exact: it is here to check what a kernel means. */
#pragma once
#include <math.h>
#include <stddef.h>
#include <ucontext.h>

#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __shared__ static
#define __launch_bounds__(...)
#define __syncthreads() cuda_host::synchronise()

struct cuda_host_index { int x, y, z; };
static cuda_host_index threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_host {

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    bool done;
};

static ucontext_t scheduler;
static std::vector<Fiber> fibers;
static int current;
static void (*body)(void *);
static void *given;

static void enter()
{
    body(given);
    fibers[current].done = true;
}

inline void synchronise()
{
    swapcontext(&fibers[current].context, &scheduler);
}

/* One block: each round takes every thread to its next __syncthreads, or to its end. */
static void run_block(int threads)
{
    if ((int)fibers.size() < threads) fibers.resize(threads);
    for (int k = 0; k < threads; k++) {
        Fiber &fiber = fibers[k];
        if (fiber.stack.empty()) fiber.stack.resize(1 << 16);
        fiber.done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, enter, 0);
    }
    for (bool waiting = true; waiting;) {
        waiting = false;
        for (current = 0; current < threads; current++) {
            if (fibers[current].done) continue;
            threadIdx.x = current;
            swapcontext(&scheduler, &fibers[current].context);
            waiting = waiting || !fibers[current].done;
        }
    }
}

template <class Call> void call(void *function) { (*static_cast<Call *>(function))(); }

template <class Call> void launch(long long blocks, int threads, bool synchronises, Call function)
{
    blockDim = {threads, 1, 1};
    gridDim = {(int)blocks, 1, 1};
    threadIdx = {0, 0, 0};
    body = call<Call>;
    given = &function;
    for (long long block = 0; block < blocks; block++) {
        blockIdx = {(int)block, 0, 0};
        if (synchronises) {
            run_block(threads);
            continue;
        }
        for (int k = 0; k < threads; k++) {
            threadIdx.x = k;
            function();
        }
    }
}

}  // namespace cuda_host
