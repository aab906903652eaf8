// The number types of the kernels and eight of them as one. No header of the toolkit is needed, so that the same text compiles for
// the processor, where the tests run it thread by thread.

#pragma once

struct Bf16 {
    unsigned short bits;
};

struct F16 {
    unsigned short bits;
};

template <typename T>
struct alignas(16) Pack {
    T at[8];
};

inline __device__ float widen(float x) {
    return x;
}

inline __device__ float widen(Bf16 x) {
    return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

inline __device__ void narrow(float x, float& into) {
    into = x;
}

// To the nearest, of two equally near ones to the even one; what is not a number stays none.
inline __device__ void narrow(float x, Bf16& into) {
    const unsigned bits = __float_as_uint(x);
    const unsigned rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    into.bits = static_cast<unsigned short>((x != x ? bits | 0x400000u : rounded) >> 16);
}

#ifdef __CUDACC__
inline __device__ float widen(F16 x) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
    return wide;
}

inline __device__ void narrow(float x, F16& into) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(into.bits) : "f"(x));
}
#endif
