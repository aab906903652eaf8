//! The search for constants: one at a time, up and down, in steps that halve. Five constants need nothing cleverer, and the same collections
//! always give the same answer.

use neodex::search::auto::Auto;

use super::judged::{Collection, Part, Way};

/// The first step, in logits.
const FIRST_STEP: f32 = 2.0;
/// The last one.
const LAST_STEP: f32 = 0.05;
/// Falling behind the better leg on a collection weighs this much more than gaining elsewhere: a hybrid search is chosen by people who do not
/// know which leg would have been better.
const REGRET: f64 = 2.0;
/// Large constants follow the collections at hand more than those to come.
const DECAY: f64 = 2e-5;

/// The constants that are best on the fitted half of the collections, from `start`.
pub(crate) fn fit(collections: &[Collection], start: Auto) -> Auto {
    let better_leg: Vec<f64> = collections
        .iter()
        .map(|collection| collection.plain(Way::Lexical, Part::Fitted).max(collection.plain(Way::Dense, Part::Fitted)))
        .collect();
    let objective = |auto: &Auto| objective(collections, &better_leg, auto);
    let (mut best, mut reached) = (start, objective(&start));
    let mut step = FIRST_STEP;
    while step >= LAST_STEP {
        let mut moved = false;
        for constant in 0..CONSTANTS {
            for change in [step, -step] {
                let tried = changed(best, constant, change);
                let value = objective(&tried);
                if value > reached {
                    (best, reached, moved) = (tried, value, true);
                }
            }
        }
        if !moved {
            step /= 2.0;
        }
    }
    best
}

/// The mean over collections, so that large ones do not outvote small ones.
fn objective(collections: &[Collection], better_leg: &[f64], auto: &Auto) -> f64 {
    let each = collections.iter().zip(better_leg).map(|(collection, leg)| {
        let reached = collection.auto(auto, Part::Fitted);
        reached - REGRET * (leg - reached).max(0.0)
    });
    let size: f64 = constants(*auto).iter().map(|constant| f64::from(constant * constant)).sum();
    each.sum::<f64>() / collections.len().max(1) as f64 - DECAY * size
}

/// Those that are fitted. How steeply the share falls with what cannot be read is not: no collection here has queries that are half read.
const CONSTANTS: usize = 4;

fn constants(auto: Auto) -> [f32; CONSTANTS] {
    [auto.even, auto.coverage, auto.dense_peak, auto.lexical_peak]
}

fn changed(mut auto: Auto, constant: usize, change: f32) -> Auto {
    // Peaks are numbers of some 4, the others of about 1, so their constants are of another size.
    match constant {
        0 => auto.even += change,
        1 => auto.coverage += change,
        2 => auto.dense_peak += change / 4.0,
        _ => auto.lexical_peak += change / 4.0,
    }
    auto
}
