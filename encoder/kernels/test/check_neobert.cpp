// Runs every kernel of neobert.cu on the processor with the launches the encoder makes, against plain loops in f64. Ends with 0
// where all agree.

#include "emulate.h"

#include "../scalar.cuh"

inline float widen(F16 x) {
    _Float16 half;
    std::memcpy(&half, &x.bits, sizeof half);
    return static_cast<float>(half);
}

inline void narrow(float x, F16& into) {
    const _Float16 half = static_cast<_Float16>(x);
    std::memcpy(&into.bits, &half, sizeof half);
}

#include "../neobert.cu"

namespace {

int failures = 0;
unsigned seed = 1;

float random() {
    seed = seed * 1664525u + 1013904223u;
    return static_cast<float>(seed >> 8) / 8388608.0f - 1.0f;
}

// Kernels read sixteen bytes at a time.
template <typename T>
struct Buffer {
    explicit Buffer(size_t count) : packs(count / 8 + 1), count(count) {}
    T* data() { return packs[0].at; }
    void fill() {
        for (size_t i = 0; i < count; ++i) narrow(2.0f * random(), data()[i]);
    }
    std::vector<Pack<T>> packs;
    size_t count;
};

template <typename T>
double value(T x) {
    return static_cast<double>(widen(x));
}

// Differences up to `tolerance` of the size of the numbers.
void compare(const char* what, const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
    double most = 0.0, size = 0.0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double difference = std::fabs(found[i] - expected[i]);
        most = difference <= most ? most : difference;
        size = std::fmax(size, std::fabs(expected[i]));
    }
    const bool good = most <= tolerance * size;
    std::printf("%s %s: off by %.2e of %.2e\n", good ? "ok  " : "FAIL", what, most, size);
    failures += good ? 0 : 1;
}

template <typename T>
std::vector<double> values(Buffer<T>& buffer) {
    std::vector<double> all(buffer.count);
    for (size_t i = 0; i < all.size(); ++i) all[i] = value(buffer.data()[i]);
    return all;
}

template <typename T, typename O, typename K>
void check_norm(const char* what, K kernel, unsigned rows, unsigned width, bool adding, double tolerance) {
    Buffer<float> stream(rows * width), weight(width);
    Buffer<T> addend(rows * width);
    Buffer<O> out(rows * width);
    stream.fill(), weight.fill(), addend.fill();
    const float eps = 1e-5f;
    std::vector<double> sums = values(stream), expected(rows * width);
    for (unsigned r = 0; r < rows; ++r) {
        double squares = 0.0;
        for (unsigned c = 0; c < width; ++c) {
            double& sum = sums[r * width + c];
            sum += adding ? value(addend.data()[r * width + c]) : 0.0;
            squares += sum * sum;
        }
        for (unsigned c = 0; c < width; ++c) {
            expected[r * width + c] = sums[r * width + c] / std::sqrt(squares / width + eps) * value(weight.data()[c]);
        }
    }
    emulation::launch({(rows + 7) / 8, 1, 1}, 256, [&] {
        kernel(stream.data(), adding ? addend.data() : nullptr, weight.data(), out.data(), rows, width, eps);
    });
    compare(what, values(out), expected, tolerance);
    compare("  its stream", values(stream), sums, 1e-6);
}

template <typename T, typename K>
void check_rotate(const char* what, K kernel, unsigned rows, unsigned heads, unsigned head_dim, double tolerance) {
    Buffer<T> qkv(rows * heads * 3 * head_dim);
    Buffer<float> table(50 * head_dim);
    qkv.fill(), table.fill();
    std::vector<unsigned> positions(rows);
    for (unsigned& position : positions) position = static_cast<unsigned>((random() + 1.0f) * 24.9f);
    std::vector<double> expected = values(qkv);
    for (unsigned r = 0; r < rows; ++r) {
        for (unsigned h = 0; h < heads; ++h) {
            for (unsigned part = 0; part < 2; ++part) {
                double* head = &expected[((r * heads + h) * 3 + part) * head_dim];
                for (unsigned j = 0; j < head_dim; j += 2) {
                    const double cosine = table.data()[positions[r] * head_dim + j];
                    const double sine = table.data()[positions[r] * head_dim + j + 1];
                    const double even = head[j], odd = head[j + 1];
                    head[j] = even * cosine - odd * sine;
                    head[j + 1] = even * sine + odd * cosine;
                }
            }
        }
    }
    const unsigned threads = rows * head_dim / 8;
    emulation::launch({(threads + 255) / 256, (heads + 3) / 4, 1}, 256, [&] {
        kernel(qkv.data(), table.data(), positions.data(), rows, heads, head_dim);
    });
    compare(what, values(qkv), expected, tolerance);
}

template <typename T, typename K>
void check_swiglu(const char* what, K kernel, unsigned rows, unsigned inner, double tolerance) {
    Buffer<T> both(rows * 2 * inner), out(rows * inner);
    both.fill();
    std::vector<double> expected(rows * inner);
    for (unsigned r = 0; r < rows; ++r) {
        for (unsigned c = 0; c < inner; ++c) {
            const double gate = value(both.data()[r * 2 * inner + c]);
            expected[r * inner + c] = gate / (1.0 + std::exp(-gate)) * value(both.data()[r * 2 * inner + inner + c]);
        }
    }
    emulation::launch({(rows * inner / 8 + 255) / 256, 1, 1}, 256, [&] { kernel(both.data(), out.data(), rows, inner); });
    compare(what, values(out), expected, tolerance);
}

void check_means(unsigned rows, unsigned width, const std::vector<unsigned>& spans) {
    Buffer<float> states(rows * width), out(spans.size() / 2 * width);
    states.fill();
    std::vector<double> expected(out.count);
    for (size_t s = 0; s < spans.size() / 2; ++s) {
        const unsigned start = spans[2 * s], end = spans[2 * s + 1];
        for (unsigned c = 0; c < width; ++c) {
            for (unsigned r = start; r < end; ++r) expected[s * width + c] += value(states.data()[r * width + c]);
            if (end > start) expected[s * width + c] /= end - start;
        }
    }
    emulation::launch({static_cast<unsigned>(spans.size() / 2), (width + 255) / 256, 1}, 256, [&] {
        span_mean(states.data(), spans.data(), out.data(), width);
    });
    compare("span_mean", values(out), expected, 1e-6);
}

}  // namespace

int main() {
    const double bf16 = 1.0 / 256.0, f16 = 1.0 / 2048.0, f32 = 1e-6;
    check_norm<Bf16, Bf16>("add_norm_bf16 768", add_norm_bf16, 19, 768, true, bf16);
    check_norm<Bf16, Bf16>("add_norm_bf16 without addend", add_norm_bf16, 3, 64, false, bf16);
    check_norm<Bf16, Bf16>("add_norm_bf16 1288", add_norm_bf16, 5, 1288, true, bf16);
    check_norm<F16, F16>("add_norm_f16 384", add_norm_f16, 9, 384, true, f16);
    check_norm<float, float>("add_norm_f32 2048", add_norm_f32, 2, 2048, true, f32);
    check_norm<Bf16, float>("last_norm_bf16 768", last_norm_bf16, 8, 768, true, f32);
    check_norm<F16, float>("last_norm_f16 64", last_norm_f16, 1, 64, true, f32);
    check_norm<float, float>("last_norm_f32 8", last_norm_f32, 7, 8, false, f32);
    check_rotate<Bf16>("rotate_bf16 12 x 64", rotate_bf16, 45, 12, 64, bf16);
    check_rotate<F16>("rotate_f16 5 x 8", rotate_f16, 3, 5, 8, f16);
    check_rotate<float>("rotate_f32 4 x 16", rotate_f32, 33, 4, 16, f32);
    check_swiglu<Bf16>("swiglu_bf16 2048", swiglu_bf16, 5, 2048, bf16);
    check_swiglu<F16>("swiglu_f16 176", swiglu_f16, 7, 176, f16);
    check_swiglu<float>("swiglu_f32 8", swiglu_f32, 3, 8, f32);
    check_means(40, 768, {0, 40, 0, 1, 7, 7, 39, 40, 3, 20});
    check_means(5, 64, {0, 5, 2, 4});
    return failures == 0 ? 0 : 1;
}
