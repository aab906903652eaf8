// Runs nearest.cu on the processor with the launches the encoder makes, against sorting all scores. Ends with 0 where all agree.

#include "emulate.h"

#include <algorithm>
#include <cstdint>

#include "../nearest.cu"

namespace {

int failures = 0;
unsigned seed = 1;

unsigned random(unsigned below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

// Whole numbers of a small range, so that many scores are equal and all are exact.
std::vector<float> values(size_t count, int least, unsigned range) {
    std::vector<float> all(count);
    for (float& value : all) value = static_cast<float>(least + static_cast<int>(random(range)));
    return all;
}

// All of `rows` rows from `first_row` on against `all` others, which come in products of `width` columns.
void check(unsigned rows, unsigned first_row, unsigned all, unsigned width, unsigned count, float scale) {
    const std::vector<float> dots = values(static_cast<size_t>(rows) * all, -20, 41);
    // Every row's three terms by number, those asked about among them.
    const std::vector<float> factors = values(all, 1, 3), offsets = values(all, -2, 5), lifts = values(all, 0, 3);
    const auto part = [&](unsigned first, unsigned length) {
        std::vector<float> terms;
        for (const std::vector<float>* kind : {&factors, &offsets, &lifts}) {
            terms.insert(terms.end(), kind->begin() + first, kind->begin() + first + length);
        }
        return terms;
    };
    const std::vector<float> own = part(first_row, rows);
    // What lies around the lists must stay as it is.
    const unsigned guard = 64;
    std::vector<float> scores(static_cast<size_t>(rows) * count + guard, -INFINITY);
    std::vector<unsigned> numbers(static_cast<size_t>(rows) * count + guard, UINT32_MAX);
    for (unsigned first = 0; first < all; first += width) {
        const unsigned columns = std::min(width, all - first);
        std::vector<float> product;
        for (unsigned row = 0; row < rows; ++row) {
            const auto from = dots.begin() + static_cast<long>(row) * all + first;
            product.insert(product.end(), from, from + columns);
        }
        const std::vector<float> others = part(first, columns);
        emulation::launch({(rows + ROWS - 1) / ROWS, 1, 1}, ROWS * WARP, [&] {
            keep_nearest(product.data(), own.data(), others.data(), scores.data(), numbers.data(), rows, columns, first_row, first, count,
                         scale);
        });
    }
    bool good = std::all_of(scores.end() - guard, scores.end(), [](float score) { return score == -INFINITY; }) &&
                std::all_of(numbers.end() - guard, numbers.end(), [](unsigned number) { return number == UINT32_MAX; });
    for (unsigned row = 0; row < rows; ++row) {
        std::vector<std::pair<float, unsigned>> sorted;
        for (unsigned other = 0; other < all; ++other) {
            if (other == first_row + row) continue;
            const float dot = dots[static_cast<size_t>(row) * all + other];
            const float score = scale * own[row] * factors[other] * dot + offsets[other] + own[2 * rows + row] * lifts[other];
            sorted.emplace_back(-score, other);
        }
        std::sort(sorted.begin(), sorted.end());
        sorted.resize(count, {INFINITY, UINT32_MAX});
        for (unsigned at = 0; at < count; ++at) {
            const size_t place = static_cast<size_t>(row) * count + at;
            good = good && numbers[place] == sorted[at].second && scores[place] == -sorted[at].first;
        }
    }
    std::printf("%s %u rows from %u on, %u others by %u, lists of %u\n", good ? "ok  " : "FAIL", rows, first_row, all, width, count);
    failures += good ? 0 : 1;
}

}  // namespace

int main() {
    check(9, 0, 500, 500, 64, 1.0f);
    check(9, 0, 500, 96, 64, 1.0f);
    check(8, 200, 500, 100, 128, 2.0f);
    check(17, 83, 300, 77, 33, 1.0f);
    check(5, 3, 70, 64, 1, 2.0f);
    check(3, 30, 40, 7, 32, 1.0f);
    check(2, 0, 40, 40, 31, 1.0f);
    check(1, 4, 65, 1, 64, 1.0f);
    // Longer than there are others: the rest stays empty.
    check(4, 0, 20, 20, 48, 1.0f);
    return failures == 0 ? 0 : 1;
}
