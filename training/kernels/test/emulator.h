// A GPU for machines without one: the kernels' own text, compiled for the host, block after block. The threads of a block are fibers
// that run until they meet a barrier or a shuffle, in ascending order on one run and descending on the next, so that a missing barrier
// shows. What the hardware would leave undefined stops the program: a barrier not met by every thread, a shuffle not met by every
// lane, an address that does not fit the width of the access.
#pragma once
#define NEODEX_EMULATED

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gpu {

struct Index {
    unsigned int x, y, z;
};

[[noreturn]] inline void fail(const char *why) {
    std::fprintf(stderr, "emulated GPU: %s\n", why);
    std::exit(2);
}

inline Index thread_index, block_index, block_size, grid_size;
inline std::vector<float> dynamic_shared;

constexpr unsigned int WARP = 32;
constexpr size_t STACK = 64 << 10;
enum class Wait { None, Block, Warp, Done };

struct Fiber {
    ucontext_t at;
    std::unique_ptr<char[]> stack{new char[STACK]};
    Wait wait = Wait::Done;
    float shown = 0; // what a lane shows the others of its warp
};

inline std::vector<std::unique_ptr<Fiber>> fibers;
inline ucontext_t scheduler;
inline std::function<void()> body;
inline Fiber *running;
inline bool descending;

inline void pause(Wait why) {
    running->wait = why;
    swapcontext(&running->at, &scheduler);
}

inline void enter() {
    body();
    running->wait = Wait::Done;
    swapcontext(&running->at, &scheduler);
}

// Lets every thread of [begin, end) go on if all of them wait for `why`; false where some do and some do not.
inline bool release(unsigned begin, unsigned end, Wait why) {
    for (unsigned i = begin; i < end; i++) {
        if (fibers[i]->wait != why) return false;
    }
    for (unsigned i = begin; i < end; i++) fibers[i]->wait = Wait::None;
    return true;
}

inline void run_block(unsigned threads) {
    for (unsigned i = 0; i < threads; i++) {
        Fiber &fiber = *fibers[i];
        getcontext(&fiber.at);
        fiber.at.uc_stack.ss_sp = fiber.stack.get();
        fiber.at.uc_stack.ss_size = STACK;
        fiber.at.uc_link = nullptr;
        makecontext(&fiber.at, enter, 0);
        fiber.wait = Wait::None;
    }
    for (;;) {
        unsigned done = 0;
        for (unsigned k = 0; k < threads; k++) {
            const unsigned i = descending ? threads - 1 - k : k;
            running = fibers[i].get();
            thread_index = {i, 0, 0};
            if (running->wait == Wait::None) swapcontext(&scheduler, &running->at);
            done += running->wait == Wait::Done;
        }
        if (done == threads) return;
        bool moved = release(0, threads, Wait::Block);
        for (unsigned warp = 0; warp < threads; warp += WARP) {
            moved |= release(warp, std::min(threads, warp + WARP), Wait::Warp);
        }
        if (!moved) fail("threads wait for others that never come");
    }
}

inline void launch(Index grid, Index block, size_t shared_bytes, std::function<void()> kernel) {
    if (block.y != 1 || block.z != 1 || block.x == 0 || block.x > 1024 || block.x % WARP) fail("block size");
    if (grid.x == 0 || grid.x > 0x7fffffffu || grid.y == 0 || grid.y > 65535 || grid.z != 1) fail("grid size");
    if (shared_bytes > 48 << 10) fail("more shared memory than a launch gets unasked");
    while (fibers.size() < block.x) fibers.push_back(std::make_unique<Fiber>());
    body = std::move(kernel);
    block_size = block;
    grid_size = grid;
    for (unsigned y = 0; y < grid.y; y++) {
        for (unsigned x = 0; x < grid.x; x++) {
            block_index = {x, y, 0};
            dynamic_shared.assign(shared_bytes / sizeof(float) + 1, NAN);
            run_block(block.x);
        }
    }
}

// Kernels by name, called as the driver calls them: an array of pointers to the arguments.
using Entry = std::function<void(void **)>;
inline std::map<std::string, Entry> &kernels() {
    static std::map<std::string, Entry> all;
    return all;
}

template <class... A, size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_const_t<A> *>(arguments[I])...);
}

struct Register {
    template <class... A>
    Register(const char *name, void (*kernel)(A...)) {
        kernels()[name] = [kernel](void **arguments) { call(kernel, arguments, std::index_sequence_for<A...>{}); };
    }
};

} // namespace gpu

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define threadIdx gpu::thread_index
#define blockIdx gpu::block_index
#define blockDim gpu::block_size
#define gridDim gpu::grid_size
#define REGISTER(name) static gpu::Register register_##name(#name, name);
#define SHARED_FLOATS(name) float *name = gpu::dynamic_shared.data()
#define CHECK_ALIGNED(at, bytes) \
    if (reinterpret_cast<uintptr_t>(at) % (bytes)) gpu::fail("address does not fit the access")

inline void __syncthreads() { gpu::pause(gpu::Wait::Block); }

inline float __shfl_xor_sync(unsigned, float x, int reach) {
    const unsigned lane = gpu::thread_index.x;
    gpu::running->shown = x;
    gpu::pause(gpu::Wait::Warp);
    const float other = gpu::fibers[lane ^ static_cast<unsigned>(reach)]->shown;
    gpu::pause(gpu::Wait::Warp); // no lane may show its next number before all have seen this one
    return other;
}

inline float atomicAdd(float *at, float x) {
    const float before = *at;
    *at += x;
    return before;
}

inline float __expf(float x) { return std::exp(x); }
inline float rsqrtf(float x) { return 1.f / std::sqrt(x); }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }

inline float __uint_as_float(unsigned bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline unsigned short round_to_bf16(float x) {
    unsigned bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (std::isnan(x)) return 0x7fff;
    return static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
