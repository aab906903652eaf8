//! k-means over small batches (Sculley 2010), with the choices of scikit-learn's `MiniBatchKMeans` that MTEB clusters with: greedy
//! k-means++ over a sample of three batches, centres that move by the mean of all they were ever given, a stop when the smoothed inertia
//! has not fallen for ten batches, and centres that get next to nothing put somewhere else.
//!
//! The random numbers are our own, so that clusters differ from a run of scikit-learn as two seeds of it differ from each other.

use crate::random::Random;

/// Vectors of a batch.
const BATCH: usize = 500;
/// Times the whole set is seen, at most.
const EPOCHS: usize = 100;
/// Batches without a lower inertia after which it ends.
const PATIENCE: usize = 10;
/// A centre with less than this share of the largest one's vectors is put elsewhere.
const REASSIGN_BELOW: f64 = 0.01;

/// Groups `vectors`, all of one length, into at most `clusters` clusters: the number of its cluster for each.
pub fn mini_batch_kmeans(vectors: &[Vec<f32>], clusters: usize, seed: u64) -> Vec<usize> {
    let clusters = clusters.min(vectors.len());
    if clusters < 2 {
        return vec![0; vectors.len()];
    }
    let mut random = Random::new(seed);
    let batch = BATCH.min(vectors.len());
    let sample: Vec<&[f32]> = match vectors.len() <= (3 * BATCH).max(3 * clusters) {
        true => vectors.iter().map(Vec::as_slice).collect(),
        false => draw(vectors, (3 * BATCH).max(3 * clusters), &mut random),
    };
    let mut centres = spread(&sample, clusters, &mut random);
    let mut weights = vec![0.0; clusters];
    let (mut smoothed, mut lowest, mut without) = (None, f64::INFINITY, 0);
    let smoothing = (batch as f64 * 2.0 / (vectors.len() as f64 + 1.0)).min(1.0);
    let mut since_reassigned = 0;
    for round in 0..(EPOCHS * vectors.len()).div_ceil(batch) {
        let drawn = draw(vectors, batch, &mut random);
        since_reassigned += drawn.len();
        // Often enough to help, seldom enough to let new centres grow.
        let reassign = weights.contains(&0.0) || since_reassigned >= 10 * clusters;
        if reassign {
            since_reassigned = 0;
        }
        let inertia = step(&mut centres, &mut weights, &drawn, reassign.then_some(&mut random)) / drawn.len() as f64;
        if round == 0 {
            // The first batch only tells how bad the start was.
            continue;
        }
        let now = smoothed.map_or(inertia, |before: f64| before * (1.0 - smoothing) + inertia * smoothing);
        smoothed = Some(now);
        without = if now < lowest { 0 } else { without + 1 };
        lowest = lowest.min(now);
        if without >= PATIENCE {
            break;
        }
    }
    vectors.iter().map(|vector| nearest(&centres, vector).0).collect()
}

fn draw<'a>(vectors: &'a [Vec<f32>], count: usize, random: &mut Random) -> Vec<&'a [f32]> {
    (0..count).filter_map(|_| vectors.get(random.below(vectors.len())).map(Vec::as_slice)).collect()
}

/// Moves the centres by one batch and gives its inertia.
fn step(centres: &mut [Vec<f64>], weights: &mut [f64], batch: &[&[f32]], reassign: Option<&mut Random>) -> f64 {
    let mut inertia = 0.0;
    let mut sums: Vec<(Vec<f64>, f64)> = centres.iter().map(|centre| (vec![0.0; centre.len()], 0.0)).collect();
    for vector in batch {
        let (cluster, distance) = nearest(centres, vector);
        inertia += distance;
        if let Some((sum, count)) = sums.get_mut(cluster) {
            sum.iter_mut().zip(*vector).for_each(|(sum, value)| *sum += f64::from(*value));
            *count += 1.0;
        }
    }
    for ((centre, weight), (sum, count)) in centres.iter_mut().zip(weights.iter_mut()).zip(&sums) {
        if *count > 0.0 {
            centre.iter_mut().zip(sum).for_each(|(at, sum)| *at = (*at * *weight + sum) / (*weight + count));
            *weight += count;
        }
    }
    if let Some(random) = reassign {
        let most = weights.iter().copied().fold(0.0, f64::max);
        let kept = weights.iter().copied().filter(|&weight| weight >= REASSIGN_BELOW * most);
        let least = kept.fold(f64::INFINITY, f64::min);
        for (centre, weight) in centres.iter_mut().zip(weights.iter_mut()) {
            if *weight < REASSIGN_BELOW * most
                && let Some(vector) = batch.get(random.below(batch.len()))
            {
                *centre = vector.iter().map(|&value| f64::from(value)).collect();
                *weight = least;
            }
        }
    }
    inertia
}

/// Greedy k-means++ (Arthur & Vassilvitskii 2007): each centre is the best of a few, drawn with a chance that grows with the square of the
/// distance to the centres there are.
fn spread(sample: &[&[f32]], clusters: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let widen = |vector: &[f32]| vector.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
    let first = sample.get(random.below(sample.len())).copied().unwrap_or_default();
    let mut centres = vec![widen(first)];
    let mut closest: Vec<f64> = sample.iter().map(|vector| squared(&widen(first), vector)).collect();
    let tries = 2 + (clusters as f64).ln() as usize;
    while centres.len() < clusters {
        let total: f64 = closest.iter().sum();
        let mut best: Option<(f64, Vec<f64>, Vec<f64>)> = None;
        for _ in 0..tries {
            let mut left = random.unit() * total;
            let place = closest.iter().position(|distance| {
                left -= distance;
                left < 0.0
            });
            let centre = widen(sample.get(place.unwrap_or(sample.len() - 1)).copied().unwrap_or_default());
            let with: Vec<f64> =
                sample.iter().zip(&closest).map(|(vector, &known)| known.min(squared(&centre, vector))).collect();
            let potential = with.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| potential < *least) {
                best = Some((potential, centre, with));
            }
        }
        let Some((_, centre, with)) = best else { break };
        closest = with;
        centres.push(centre);
    }
    centres
}

/// The nearest centre and the squared distance to it.
fn nearest(centres: &[Vec<f64>], vector: &[f32]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (cluster, centre) in centres.iter().enumerate() {
        let distance = squared(centre, vector);
        if distance < best.1 {
            best = (cluster, distance);
        }
    }
    best
}

fn squared(centre: &[f64], vector: &[f32]) -> f64 {
    centre.iter().zip(vector).map(|(at, &value)| (at - f64::from(value)).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clusters::VMeasure;

    #[test]
    fn heaps_far_apart_are_found_whatever_the_seed() {
        let mut random = Random::new(3);
        let classes: Vec<usize> = (0..900).map(|number| number % 6).collect();
        let vectors: Vec<Vec<f32>> = classes
            .iter()
            .map(|&class| {
                let around = |at: f64, random: &mut Random| (at + random.unit() - 0.5) as f32;
                vec![around((class % 3) as f64 * 9.0, &mut random), around((class / 3) as f64 * 9.0, &mut random)]
            })
            .collect();
        for seed in 0..5 {
            let found = mini_batch_kmeans(&vectors, 6, seed);
            assert!(VMeasure::of(&classes, &found).v_measure > 0.999, "seed {seed}");
        }
        assert_eq!(mini_batch_kmeans(&vectors, 6, 1), mini_batch_kmeans(&vectors, 6, 1));
        assert_eq!(mini_batch_kmeans(&vectors[..2], 9, 0).len(), 2);
        assert_eq!(mini_batch_kmeans(&[], 3, 0), Vec::<usize>::new());
    }
}
