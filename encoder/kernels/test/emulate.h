// Enough of CUDA to run a kernel on the processor, one block after the other: each thread of a block is a fibre that gives way where
// it has to wait for the others. Slow, and exact about who reads what when; of the memory's behaviour it knows nothing.

#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#define __device__
#define __global__
#define __shared__ static
#define __restrict__

struct Triple {
    unsigned x, y, z;
};

inline Triple threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

struct Fibre {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(64 * 1024);
    bool done = false;
};

// Where the threads of a block, or of one warp of it, wait for each other. Who has ended is waited for no longer.
struct Barrier {
    unsigned members = 0, arrived = 0, generation = 0;
    void open_if_full() {
        if (arrived == members && members > 0) {
            arrived = 0;
            ++generation;
        }
    }
};

inline std::vector<Fibre> fibres;
inline std::vector<Barrier> warps;
inline Barrier block;
inline std::vector<float> slots;
inline ucontext_t scheduler;
inline unsigned current;
inline const std::function<void()>* body;

inline void give_way() {
    swapcontext(&fibres[current].context, &scheduler);
}

inline void wait(Barrier& barrier) {
    const unsigned generation = barrier.generation;
    ++barrier.arrived;
    barrier.open_if_full();
    while (barrier.generation == generation) {
        give_way();
    }
}

inline void run_thread() {
    (*body)();
    fibres[current].done = true;
    for (Barrier* barrier : {&block, &warps[current / 32]}) {
        --barrier->members;
        barrier->open_if_full();
    }
    give_way();
}

inline void run_block(unsigned threads, const std::function<void()>& kernel) {
    body = &kernel;
    fibres.resize(threads);
    slots.assign(threads, 0.0f);
    warps.assign((threads + 31) / 32, Barrier{});
    block = Barrier{threads, 0, 0};
    for (unsigned i = 0; i < threads; ++i) {
        ++warps[i / 32].members;
        Fibre& fibre = fibres[i];
        fibre.done = false;
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = fibre.stack.data();
        fibre.context.uc_stack.ss_size = fibre.stack.size();
        fibre.context.uc_link = &scheduler;
        makecontext(&fibre.context, run_thread, 0);
    }
    for (unsigned left = threads; left > 0;) {
        left = 0;
        for (current = 0; current < threads; ++current) {
            if (!fibres[current].done) {
                ++left;
                threadIdx = {current, 0, 0};
                swapcontext(&scheduler, &fibres[current].context);
            }
        }
    }
}

inline void launch(Triple grid, unsigned threads, const std::function<void()>& kernel) {
    gridDim = grid;
    blockDim = {threads, 1, 1};
    for (unsigned y = 0; y < grid.y; ++y) {
        for (unsigned x = 0; x < grid.x; ++x) {
            blockIdx = {x, y, 0};
            run_block(threads, kernel);
        }
    }
}

}  // namespace emulation

inline void __syncthreads() {
    emulation::wait(emulation::block);
}

inline float __shfl_xor_sync(unsigned, float value, unsigned mask) {
    emulation::slots[threadIdx.x] = value;
    const unsigned own = threadIdx.x;
    emulation::wait(emulation::warps[own / 32]);
    const float other = emulation::slots[own ^ mask];
    emulation::wait(emulation::warps[own / 32]);
    return other;
}

inline void __syncwarp() {
    emulation::wait(emulation::warps[threadIdx.x / 32]);
}

inline float __shfl_sync(unsigned, float value, unsigned lane) {
    emulation::slots[threadIdx.x] = value;
    const unsigned own = threadIdx.x;
    emulation::wait(emulation::warps[own / 32]);
    const float other = emulation::slots[own / 32 * 32 + lane];
    emulation::wait(emulation::warps[own / 32]);
    return other;
}

inline unsigned __ballot_sync(unsigned, bool vote) {
    emulation::slots[threadIdx.x] = vote ? 1.0f : 0.0f;
    const unsigned own = threadIdx.x;
    emulation::wait(emulation::warps[own / 32]);
    unsigned votes = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
        votes |= (emulation::slots[own / 32 * 32 + lane] != 0.0f ? 1u : 0u) << lane;
    }
    emulation::wait(emulation::warps[own / 32]);
    return votes;
}

inline int __popc(unsigned bits) {
    return __builtin_popcount(bits);
}

inline int __ffs(unsigned bits) {
    return __builtin_ffs(static_cast<int>(bits));
}

inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float __expf(float x) {
    return std::exp(x);
}
