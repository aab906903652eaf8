//! e^x that the compiler can turn into vector instructions, exact to a few units in the last place.
//!
//! The standard library's calls out for every element, which costs more than the matrix product around a softmax.

/// e^x for x at most 88; below -87 it is 0 or nearly so.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // 2^k * e^r with |r| <= ln(2) / 2, the multiple of ln(2) taken away in two parts so that nothing is lost.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * 0.693_359_4;
    let r = r + k * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4_f32;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = p * r + coefficient;
    }
    let p = p * r * r + r + 1.0;
    let scale = f32::from_bits(
        ((shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32).wrapping_add(127) << 23) as u32,
    );
    p * scale
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn it_is_the_exponential() {
        let mut x = -86.0_f32;
        while x < 87.0 {
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 3e-7 * exact, "{x}: {} {exact}", exp(x));
            x += 0.0137;
        }
        assert!(exp(-200.0) < 1e-37);
    }
}
