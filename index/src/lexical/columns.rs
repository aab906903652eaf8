//! A comparison with a value as ranges of column values.
//!
//! Integers and floats are compared as the numbers they are: a 64-bit integer is not rounded to a float first.

use std::ops::RangeInclusive;

use crate::filter::Op;

/// The integers `x` with `x op value`; `None` when there are none.
pub(super) fn integers_to_integer(op: Op, value: i64) -> Option<RangeInclusive<i64>> {
    match op {
        Op::Eq | Op::Ne => Some(value..=value),
        Op::Lt => value.checked_sub(1).map(|last| i64::MIN..=last),
        Op::Le => Some(i64::MIN..=value),
        Op::Gt => value.checked_add(1).map(|first| first..=i64::MAX),
        Op::Ge => Some(value..=i64::MAX),
    }
}

/// The integers `x` with `x op value`.
pub(super) fn integers_to_float(op: Op, value: f64) -> Option<RangeInclusive<i64>> {
    if value.is_nan() {
        return None;
    }
    // In 128 bits every 64-bit integer and its neighbours fit; casts of larger floats saturate.
    let (floor, ceiling) = (value.floor() as i128, value.ceil() as i128);
    let (first, last) = match op {
        Op::Eq | Op::Ne if floor != ceiling || value.is_infinite() => return None,
        Op::Eq | Op::Ne => (floor, floor),
        Op::Lt => (i128::MIN, ceiling.saturating_sub(1)),
        Op::Le => (i128::MIN, floor),
        Op::Gt => (floor.saturating_add(1), i128::MAX),
        Op::Ge => (ceiling, i128::MAX),
    };
    let first = first.max(i128::from(i64::MIN));
    let last = last.min(i128::from(i64::MAX));
    (first <= last).then_some(first as i64..=last as i64)
}

/// The floats `x` with `x op value`.
pub(super) fn floats_to_float(op: Op, value: f64) -> Option<RangeInclusive<f64>> {
    if value.is_nan() {
        return None;
    }
    // -0.0 and 0.0 are equal, and only 0.0 is stored.
    let value = value + 0.0;
    floats_between(op, value, value)
}

/// The floats `x` with `x op value`.
pub(super) fn floats_to_integer(op: Op, value: i64) -> Option<RangeInclusive<f64>> {
    let near = value as f64;
    match (near as i128).cmp(&i128::from(value)) {
        std::cmp::Ordering::Less => floats_between(op, near, near.next_up()),
        std::cmp::Ordering::Equal => floats_between(op, near, near),
        std::cmp::Ordering::Greater => floats_between(op, near.next_down(), near),
    }
}

/// The floats `x` with `x op v`, where `below` is the largest float `<= v` and `above` the smallest `>= v`.
fn floats_between(op: Op, below: f64, above: f64) -> Option<RangeInclusive<f64>> {
    let exact = below == above;
    let (first, last) = match op {
        Op::Eq | Op::Ne if exact => (below, below),
        Op::Eq | Op::Ne => return None,
        // The infinities have no neighbour outside.
        Op::Lt if below == f64::NEG_INFINITY => return None,
        Op::Gt if above == f64::INFINITY => return None,
        Op::Lt if exact => (f64::NEG_INFINITY, below.next_down()),
        Op::Lt | Op::Le => (f64::NEG_INFINITY, below),
        Op::Gt if exact => (above.next_up(), f64::INFINITY),
        Op::Gt | Op::Ge => (above, f64::INFINITY),
    };
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPS: [Op; 6] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];

    fn holds(op: Op, ordering: Option<std::cmp::Ordering>) -> bool {
        ordering.is_some_and(|ordering| match op {
            Op::Eq | Op::Ne => ordering.is_eq(),
            Op::Lt => ordering.is_lt(),
            Op::Le => ordering.is_le(),
            Op::Gt => ordering.is_gt(),
            Op::Ge => ordering.is_ge(),
        })
    }

    /// Exact order of an integer and a float.
    fn order(integer: i64, float: f64) -> Option<std::cmp::Ordering> {
        if float.is_nan() {
            return None;
        }
        let whole = float.floor();
        let by_whole = i128::from(integer).cmp(&(whole as i128));
        Some(if by_whole.is_eq() && float > whole { std::cmp::Ordering::Less } else { by_whole })
    }

    fn float() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-4i32..4).prop_map(|x| f64::from(x) / 2.0),
            any::<f64>(),
            any::<i64>().prop_map(|x| x as f64),
            Just(f64::INFINITY),
            Just(9_007_199_254_740_992.0)
        ]
    }

    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![-3i64..3, any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(9_007_199_254_740_993)]
    }

    proptest! {
        #[test]
        fn ranges_are_the_comparison(a in integer(), b in integer(), x in float(), y in float(), op in 0usize..6) {
            let op = OPS[op];
            let (x, y) = (x + 0.0, y + 0.0);
            let inside = |range: Option<RangeInclusive<i64>>| range.is_some_and(|range| range.contains(&a));
            let floats = |range: Option<RangeInclusive<f64>>| range.is_some_and(|range| range.contains(&x));
            prop_assert_eq!(inside(integers_to_integer(op, b)), holds(op, Some(a.cmp(&b))));
            prop_assert_eq!(inside(integers_to_float(op, y)), holds(op, order(a, y)));
            prop_assert_eq!(!x.is_nan() && floats(floats_to_float(op, y)), holds(op, x.partial_cmp(&y)));
            let reversed = order(b, x).map(std::cmp::Ordering::reverse);
            prop_assert_eq!(!x.is_nan() && floats(floats_to_integer(op, b)), holds(op, reversed));
        }
    }
}
