// Every kernel on small shapes against plain loops in double precision: both types, every width of access, partial warps and blocks,
// both orders of threads. Arrays lie between guards that are NaN, so a read outside shows in the result and a write outside is found.
#include "emulator.h"

#include "../kernels.cu"

#include <random>

static int failures = 0;
static std::mt19937 source(7);

static double uniform(double low, double high) { return low + (high - low) * (source() / 4294967296.0); }

template <class T>
static T stored(double x) {
    T to;
    narrow(static_cast<float>(x), to);
    return to;
}

// An array the kernels see, and what is in it as numbers.
template <class T>
struct Array {
    static constexpr size_t GUARD = 64; // keeps the first element aligned for every access
    std::vector<T> all;
    void *block = nullptr;
    T *begin;
    size_t count;

    explicit Array(size_t count) : count(count) {
        block = std::aligned_alloc(256, (count + 2 * GUARD) * sizeof(T) / 256 * 256 + 512);
        begin = static_cast<T *>(block) + GUARD;
        for (size_t i = 0; i < count + 2 * GUARD; i++) begin[static_cast<long>(i) - static_cast<long>(GUARD)] = stored<T>(NAN);
    }
    Array(size_t count, double low, double high) : Array(count) {
        for (size_t i = 0; i < count; i++) begin[i] = stored<T>(uniform(low, high));
    }
    Array(const Array &) = delete;
    ~Array() {
        for (size_t i = 0; i < GUARD; i++) {
            if (!std::isnan(widen(begin[-1 - static_cast<long>(i)])) || !std::isnan(widen(begin[count + i]))) {
                std::fprintf(stderr, "written outside an array\n");
                failures++;
                break;
            }
        }
        std::free(block);
    }
    double operator[](size_t i) const { return widen(begin[i]); }
    void fill(double x) {
        for (size_t i = 0; i < count; i++) begin[i] = stored<T>(x);
    }
    std::vector<double> numbers() const {
        std::vector<double> out(count);
        for (size_t i = 0; i < count; i++) out[i] = widen(begin[i]);
        return out;
    }
};

template <class T>
constexpr double tolerance() {
    return sizeof(T) == 2 ? 4e-3 : 2e-6;
}

// Compares with what is right, by the largest difference relative to the largest number.
template <class T>
static void expect(const std::string &what, const Array<T> &got, const std::vector<double> &right) {
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < right.size(); i++) {
        const double off = std::fabs(got[i] - right[i]);
        if (!(off <= worst)) worst = std::isnan(off) ? INFINITY : off;
        largest = std::max(largest, std::fabs(right[i]));
    }
    if (got.count != right.size() || !(worst <= tolerance<T>() * largest)) {
        std::fprintf(stderr, "%s: off by %g of %g\n", what.c_str(), worst, largest);
        failures++;
    }
}

template <class... A>
static void run(const std::string &name, unsigned grid_x, unsigned grid_y, unsigned threads, size_t shared, A... arguments) {
    const auto found = gpu::kernels().find(name);
    if (found == gpu::kernels().end()) gpu::fail(("no kernel " + name).c_str());
    void *pointers[] = {static_cast<void *>(&arguments)...};
    gpu::launch({grid_x, grid_y, 1}, {threads, 1, 1}, shared, [&] { found->second(pointers); });
}

static unsigned blocks(size_t of, size_t per) { return static_cast<unsigned>((of + per - 1) / per); }

template <class T>
static std::string suffix(int v) {
    return std::string(sizeof(T) == 2 ? "_bf16_" : "_f32_") + std::to_string(v);
}

template <class T>
static void norm(int v, u32 n, u32 d, unsigned warps, unsigned grid) {
    const float eps = 1e-5f;
    Array<T> x(n * d, -2, 2), weight(d, 0.5, 1.5), dy(n * d, -1, 1), carry(n * d, -1, 1), y(n * d), dx(n * d), bare(n * d);
    Array<float> dweight(d), again(d);
    dweight.fill(0);
    again.fill(0);
    const std::string s = suffix<T>(v);
    run("rms_norm" + s, blocks(n, warps), 1, warps * 32, 0, x.begin, weight.begin, y.begin, n, d, eps);
    run("rms_norm_backward" + s, grid, 1, warps * 32, warps * d * 4, x.begin, weight.begin, dy.begin, carry.begin, dx.begin, dweight.begin, n,
        d, eps);
    run("rms_norm_backward" + s, grid, 1, warps * 32, warps * d * 4, x.begin, weight.begin, dy.begin, static_cast<T *>(nullptr), bare.begin,
        again.begin, n, d, eps);

    std::vector<double> out(n * d), back(n * d), sum(d), without(n * d);
    for (u32 i = 0; i < n; i++) {
        double squares = 0, dot = 0;
        for (u32 j = 0; j < d; j++) {
            squares += x[i * d + j] * x[i * d + j];
            dot += weight[j] * dy[i * d + j] * x[i * d + j];
        }
        const double r = 1 / std::sqrt(squares / d + eps);
        for (u32 j = 0; j < d; j++) {
            const u32 at = i * d + j;
            out[at] = x[at] * r * weight[j];
            without[at] = r * weight[j] * dy[at] - x[at] * r * r * r * dot / d;
            back[at] = without[at] + carry[at];
            sum[j] += dy[at] * x[at] * r;
        }
    }
    expect("rms_norm" + s, y, out);
    expect("rms_norm_backward" + s, dx, back);
    expect("rms_norm_backward without carry" + s, bare, without);
    expect("rms_norm_backward weight" + s, dweight, sum);
    expect("rms_norm_backward weight again" + s, again, sum);
}

template <class T>
static void gated(int v, u32 n, u32 inner) {
    Array<T> u(n * 2 * inner, -6, 6), dy(n * inner, -1, 1), y(n * inner), du(n * 2 * inner);
    u.begin[0] = stored<T>(-200); // the exponential overflows there
    const std::string s = suffix<T>(v);
    const unsigned grid = blocks(n * (inner / v), 256);
    run("swiglu" + s, grid, 1, 256, 0, u.begin, y.begin, n, inner);
    run("swiglu_backward" + s, grid, 1, 256, 0, u.begin, dy.begin, du.begin, n, inner);
    std::vector<double> out(n * inner), back(n * 2 * inner);
    for (u32 i = 0; i < n; i++) {
        for (u32 j = 0; j < inner; j++) {
            const double gate = u[i * 2 * inner + j], value = u[i * 2 * inner + inner + j], g = dy[i * inner + j];
            const double sig = 1 / (1 + std::exp(-gate));
            out[i * inner + j] = gate * sig * value;
            back[i * 2 * inner + j] = g * value * (sig + gate * sig * (1 - sig));
            back[i * 2 * inner + inner + j] = g * gate * sig;
        }
    }
    expect("swiglu" + s, y, out);
    expect("swiglu_backward" + s, du, back);
}

template <class T>
static void embedding(int v, u32 n, u32 d, u32 vocab) {
    const u32 padding = 2;
    Array<T> table(vocab * d, -1, 1), dy(n * d, -1, 1), y(n * d);
    Array<float> dtable(vocab * d);
    dtable.fill(0);
    std::vector<u32> ids(n);
    for (auto &id : ids) id = source() % vocab;
    ids[0] = padding;
    ids[1] = vocab + 5; // outside: zeros, no gradient
    const std::string s = suffix<T>(v);
    const unsigned grid = blocks(n * (d / v), 256);
    run("embed" + s, grid, 1, 256, 0, ids.data(), table.begin, y.begin, n, d, vocab);
    run("embed_backward" + s, grid, 1, 256, 0, ids.data(), dy.begin, dtable.begin, n, d, vocab, padding);
    std::vector<double> out(n * d), back(vocab * d);
    for (u32 i = 0; i < n; i++) {
        for (u32 j = 0; j < d && ids[i] < vocab; j++) {
            out[i * d + j] = table[ids[i] * d + j];
            if (ids[i] != padding) back[ids[i] * d + j] += dy[i * d + j];
        }
    }
    expect("embed" + s, y, out);
    expect("embed_backward" + s, dtable, back);
}

template <class T>
static void heads_and_back(int v, u32 b, u32 seq, u32 heads, u32 width) {
    const u32 groups = b * heads, d = heads * width, rows = b * seq;
    Array<T> qkv(rows * 3 * d, -1, 1), split(3 * rows * d), back(rows * 3 * d), merged(rows * d), apart(rows * d);
    Array<float> table((seq + 3) * width);
    for (u32 p = 0; p < seq + 3; p++) {
        for (u32 i = 0; i < width / 2; i++) {
            table.begin[p * width + 2 * i] = static_cast<float>(std::cos(p / (1.0 + i)));
            table.begin[p * width + 2 * i + 1] = static_cast<float>(std::sin(p / (1.0 + i)));
        }
    }
    const std::string s = suffix<T>(v);
    const u32 part = rows * d;
    run("split_rotated" + s, blocks(part / v, 256), 1, 256, 0, qkv.begin, table.begin, split.begin, groups, seq, heads, width);
    std::vector<double> right(3 * part), straight(part);
    for (u32 i = 0; i < b; i++) {
        for (u32 p = 0; p < seq; p++) {
            for (u32 h = 0; h < heads; h++) {
                const u32 from = ((i * seq + p) * heads + h) * 3 * width, to = ((i * heads + h) * seq + p) * width;
                for (u32 k = 0; k < 3; k++) {
                    for (u32 j = 0; j < width; j++) {
                        const double c = table[p * width + j / 2 * 2], sn = table[p * width + j / 2 * 2 + 1];
                        const double own = qkv[from + k * width + j], pair = qkv[from + k * width + (j ^ 1)];
                        right[k * part + to + j] = k == 2 ? own : j % 2 ? pair * sn + own * c : own * c - pair * sn;
                    }
                }
                for (u32 j = 0; j < width; j++) straight[((i * seq + p) * heads + h) * width + j] = split[2 * part + to + j];
            }
        }
    }
    expect("split_rotated" + s, split, right);

    // In two chunks: turning back gives what was turned, and the values go to their rows.
    const u32 most = groups - 1;
    for (u32 chunk = 0; chunk < 2; chunk++) {
        const u32 first = chunk ? most : 0, count = chunk ? 1 : most, offset = first * seq * width;
        const unsigned grid = blocks(count * seq * (width / v), 256);
        run("merge_rotated" + s, grid, 1, 256, 0, split.begin + offset, split.begin + part + offset, split.begin + 2 * part + offset,
            table.begin, back.begin, first, count, seq, heads, width);
        run("merge_heads" + s, grid, 1, 256, 0, split.begin + 2 * part + offset, merged.begin, first, count, seq, heads, width);
        run("split_heads" + s, grid, 1, 256, 0, merged.begin, apart.begin + offset, first, count, seq, heads, width);
        if (chunk == 0) continue;
        run("split_heads" + s, blocks(part / v, 256), 1, 256, 0, merged.begin, apart.begin, 0u, groups, seq, heads, width);
    }
    expect("merge_rotated" + s, back, qkv.numbers());
    expect("merge_heads" + s, merged, straight);
    const std::vector<double> all = split.numbers();
    expect("split_heads" + s, apart, std::vector<double>(all.begin() + 2 * part, all.end()));
}

template <class T>
static void softmax(int v, u32 b, u32 heads, u32 seq, u32 first) {
    const u32 count = b * heads - first, rows = count * seq;
    Array<T> scores(rows * seq, -40, 40), dp(rows * seq, -1, 1);
    std::vector<u32> lengths(b);
    for (u32 i = 0; i < b; i++) lengths[i] = 1 + (seq - 1) * i / std::max(1u, b - 1);
    for (u32 i = 0; i < rows; i++) {
        const u32 length = lengths[(first + i / seq) / heads];
        if (length < seq) scores.begin[i * seq + length] = stored<T>(1e30); // must not be looked at
    }
    const std::vector<double> before = scores.numbers(), gradient = dp.numbers();
    const std::string s = suffix<T>(v);
    const float scale = 0.125f;
    run("masked_softmax" + s, blocks(rows, 8), 1, 256, 0, scores.begin, lengths.data(), first, count, seq, heads, scale);
    run("softmax_backward" + s, blocks(rows, 8), 1, 256, 0, scores.begin, dp.begin, rows, seq, scale);
    std::vector<double> right(rows * seq), back(rows * seq);
    for (u32 i = 0; i < rows; i++) {
        const u32 whole = lengths[(first + i / seq) / heads], length = i % seq < whole ? whole : 0;
        double top = -INFINITY, sum = 0, dot = 0;
        for (u32 j = 0; j < length; j++) top = std::max(top, before[i * seq + j] * scale);
        for (u32 j = 0; j < length; j++) sum += std::exp(before[i * seq + j] * scale - top);
        for (u32 j = 0; j < length; j++) right[i * seq + j] = std::exp(before[i * seq + j] * scale - top) / sum;
        for (u32 j = 0; j < seq; j++) dot += scores[i * seq + j] * gradient[i * seq + j];
        for (u32 j = 0; j < seq; j++) back[i * seq + j] = scores[i * seq + j] * (gradient[i * seq + j] - dot) * scale;
    }
    expect("masked_softmax" + s, scores, right);
    expect("softmax_backward" + s, dp, back);
}

template <class T>
static void entropy(int v, u32 rows, u32 vocab, unsigned threads) {
    Array<T> logits(rows * vocab, -8, 8), grad(rows * vocab);
    Array<float> bias(vocab, -1, 1), losses(rows), hits(rows);
    std::vector<u32> labels(rows);
    for (auto &label : labels) label = source() % vocab;
    logits.begin[labels[0]] = stored<T>(12); // one row whose label wins
    const std::string s = suffix<T>(v);
    const float scale = 0.25f;
    run("cross_entropy" + s, rows, 1, threads, 0, logits.begin, bias.begin, labels.data(), grad.begin, losses.begin, hits.begin, vocab, scale);
    std::vector<double> loss(rows), hit(rows), right(rows * vocab);
    for (u32 i = 0; i < rows; i++) {
        double top = -INFINITY, sum = 0;
        for (u32 j = 0; j < vocab; j++) top = std::max(top, logits[i * vocab + j] + bias[j]);
        for (u32 j = 0; j < vocab; j++) sum += std::exp(logits[i * vocab + j] + bias[j] - top);
        const double own = logits[i * vocab + labels[i]] + bias[labels[i]];
        loss[i] = std::log(sum) + top - own;
        hit[i] = own >= top;
        for (u32 j = 0; j < vocab; j++) {
            right[i * vocab + j] = (std::exp(logits[i * vocab + j] + bias[j] - top) / sum - (j == labels[i])) * scale;
        }
    }
    expect("cross_entropy" + s, grad, right);
    expect("cross_entropy losses" + s, losses, loss);
    expect("cross_entropy hits" + s, hits, hit);
}

template <class T>
static void sums(int v, u32 n, u32 d) {
    Array<T> x(n * d, -1, 1), dx(n * d);
    Array<float> columns(d), total(1), means(3 * d);
    columns.fill(0);
    total.fill(0);
    dx.fill(0);
    u32 spans[] = {1, 2, 2, 11, 20, n};
    const std::string s = suffix<T>(v);
    const unsigned pieces = blocks(d, 32 * v);
    run("column_sum" + s, blocks(d, 128 * v), blocks(n, 7), 128, 0, x.begin, columns.begin, n, d, 7u);
    run("span_mean" + s, 3, pieces, 256, 0, x.begin, &spans[0], means.begin, n, d);
    run("span_mean_backward" + s, 3, pieces, 256, 0, means.begin, &spans[0], dx.begin, n, d);
    run("square_sum" + s, 2, 1, 256, 0, x.begin, total.begin, n * d / v);
    std::vector<double> column(d), mean(3 * d), back(n * d), square(1);
    for (u32 i = 0; i < n; i++) {
        for (u32 j = 0; j < d; j++) {
            column[j] += x[i * d + j];
            square[0] += x[i * d + j] * x[i * d + j];
            for (u32 k = 0; k < 3; k++) {
                const double length = spans[2 * k + 1] - spans[2 * k];
                if (i < spans[2 * k] || i >= spans[2 * k + 1]) continue;
                mean[k * d + j] += x[i * d + j] / length;
                back[i * d + j] = means[k * d + j] / length;
            }
        }
    }
    expect("column_sum" + s, columns, column);
    expect("span_mean" + s, means, mean);
    expect("span_mean_backward" + s, dx, back);
    expect("square_sum" + s, total, square);
}

template <class T>
static void updates(int v, u32 count) {
    Array<T> x(count, -1, 1), into(count);
    Array<float> sum(count, -1, 1);
    std::vector<double> right = sum.numbers();
    for (u32 i = 0; i < count; i++) right[i] += 0.5 * x[i];
    const std::string s = suffix<T>(v);
    const u32 packs = count / v;
    run("accumulate" + s, blocks(packs, 256), 1, 256, 0, sum.begin, x.begin, 0.5f, packs);
    expect("accumulate" + s, sum, right);
    run("cast_into" + s, blocks(packs, 256), 1, 256, 0, into.begin, sum.begin, packs);
    expect("cast_into" + s, into, right);
}

static void optimiser(int v, u32 count) {
    Array<float> state(3 * count, -1, 1), grad(count, -1, 1);
    for (u32 i = 2 * count; i < 3 * count; i++) state.begin[i] = std::fabs(state.begin[i]);
    const float lr = 1e-2f, beta1 = 0.9f, beta2 = 0.95f, eps = 1e-8f, decay = 0.1f, c1 = 1 - beta1 * beta1, c2 = 1 - beta2 * beta2, by = 0.5f;
    std::vector<double> right = state.numbers();
    for (u32 i = 0; i < count; i++) {
        const double g = double(by) * grad[i];
        double &w = right[i], &m = right[count + i], &s = right[2 * count + i];
        m = beta1 * m + (1 - double(beta1)) * g;
        s = beta2 * s + (1 - double(beta2)) * g * g;
        w -= lr * (m / c1 / (std::sqrt(s / c2) + eps) + decay * w);
    }
    run("adamw" + suffix<float>(v), blocks(count / v, 256), 1, 256, 0, state.begin, grad.begin, count / v, lr, beta1, beta2, eps, decay, c1, c2, by);
    expect("adamw" + suffix<float>(v), state, right);
}

// `v` is the width of access; a width that it does not divide takes the next smaller kernel.
template <class T>
static void everything() {
    norm<T>(4, 37, 68, 8, 3);
    norm<T>(4, 5, 384, 8, 2);
    norm<T>(1, 11, 33, 4, 2);
    norm<T>(1, 3, 7, 1, 1);
    gated<T>(4, 9, 76);
    gated<T>(1, 9, 13);
    embedding<T>(4, 40, 36, 17);
    embedding<T>(1, 40, 11, 17);
    heads_and_back<T>(4, 3, 9, 2, 12);
    heads_and_back<T>(2, 2, 5, 3, 6);
    softmax<T>(4, 4, 2, 36, 0);
    softmax<T>(4, 3, 2, 132, 1);
    softmax<T>(1, 3, 2, 13, 0);
    softmax<T>(1, 1, 1, 67, 0);
    entropy<T>(4, 3, 1004, 96);
    entropy<T>(4, 2, 1004, 512);
    entropy<T>(1, 3, 77, 32);
    sums<T>(4, 40, 140);
    sums<T>(1, 33, 37);
    updates<T>(4, 1100);
    updates<T>(1, 301);
}

int main() {
    for (const bool order : {false, true}) {
        gpu::descending = order;
        everything<float>();
        everything<bf16>();
        optimiser(4, 1100);
        optimiser(1, 301);
    }
    if (failures) std::fprintf(stderr, "%d comparisons failed\n", failures);
    return failures ? 1 : 0;
}
