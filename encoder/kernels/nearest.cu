// The nearest rows among many, kept while products of matrices go by: one pass over each product.
//
// A warp has one row and its list of the best others so far in shared memory, best first. Thirty-two scores are looked at at a time, and
// nearly always none of them is better than the last of the list. Others come in ascending order of their numbers and take their place
// behind equal scores, so equal scores are ordered by number, and the lists are the same whatever the products are cut into.

namespace {

constexpr unsigned WARP = 32;
constexpr unsigned ALL = 0xffffffffu;
// Rows of a block; the launch has as many warps.
constexpr unsigned ROWS = 8;
// Others a list may have room for.
constexpr unsigned MOST = 128;

// Puts `score` behind all that are as good, and drops the last of the list.
__device__ void insert(float* scores, unsigned* numbers, unsigned count, float score, unsigned number) {
    const unsigned lane = threadIdx.x % WARP;
    const unsigned last = (count - 1) / WARP * WARP;
    unsigned place = 0;
    for (unsigned group = 0; group <= last; group += WARP) {
        const unsigned at = group + lane;
        place += __popc(__ballot_sync(ALL, at < count && scores[at] >= score));
    }
    // What lies behind moves back by one, from the end on, so that nothing is written over that has not moved.
    for (unsigned group = last + WARP; group > 0; group -= WARP) {
        const unsigned at = group - WARP + lane;
        const bool moves = at >= place && at + 1 < count;
        const float moved = moves ? scores[at] : 0.0f;
        const unsigned of = moves ? numbers[at] : 0u;
        __syncwarp();
        if (moves) {
            scores[at + 1] = moved;
            numbers[at + 1] = of;
        }
        __syncwarp();
    }
    if (lane == 0) {
        scores[place] = score;
        numbers[place] = number;
    }
    __syncwarp();
}

}  // namespace

// dots (rows, columns) are the products of rows with others. own (3, rows) and others (3, columns) are their factors, offsets and lifts, of
// which a row's own offset is the same for all others and left out. scores and numbers (rows, count) are the lists so far, which go on.
// `first_row` and `first_column` are the numbers of the first of each: no row is its own neighbour.
extern "C" __global__ void keep_nearest(const float* dots, const float* own, const float* others, float* scores, unsigned* numbers,
                                        unsigned rows, unsigned columns, unsigned first_row, unsigned first_column, unsigned count,
                                        float scale) {
    __shared__ float best_scores[ROWS][MOST];
    __shared__ unsigned best_numbers[ROWS][MOST];
    const unsigned lane = threadIdx.x % WARP;
    const unsigned warp = threadIdx.x / WARP;
    const size_t row = static_cast<size_t>(blockIdx.x) * ROWS + warp;
    if (row >= rows) {
        return;
    }
    float* best = best_scores[warp];
    unsigned* who = best_numbers[warp];
    for (unsigned at = lane; at < count; at += WARP) {
        best[at] = scores[row * count + at];
        who[at] = numbers[row * count + at];
    }
    __syncwarp();
    float least = best[count - 1];
    const float factor = scale * own[row];
    const float lift = own[2 * static_cast<size_t>(rows) + row];
    dots += row * columns;
    for (unsigned base = 0; base < columns; base += WARP) {
        const unsigned column = base + lane;
        float score = least;
        if (column < columns && first_column + column != first_row + row) {
            score = factor * (others[column] * dots[column]) + others[columns + column];
            score += lift * others[2 * static_cast<size_t>(columns) + column];
        }
        for (unsigned better = __ballot_sync(ALL, score > least); better != 0; better &= better - 1) {
            const unsigned from = __ffs(better) - 1;
            const float candidate = __shfl_sync(ALL, score, from);
            // The list has got better since the lanes were asked.
            if (candidate > least) {
                insert(best, who, count, candidate, first_column + base + from);
                least = best[count - 1];
            }
        }
    }
    for (unsigned at = lane; at < count; at += WARP) {
        scores[row * count + at] = best[at];
        numbers[row * count + at] = who[at];
    }
}
