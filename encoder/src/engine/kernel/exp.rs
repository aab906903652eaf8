//! Powers of two, by a polynomial that compiles to vector instructions.

/// Adding it leaves a float's integer part in the low bits of its mantissa, rounded to nearest.
pub(super) const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23

/// `a * b + c`, in one instruction where `FMA` says that there is one.
#[inline(always)]
pub(super) fn fused<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `2^x` within 4e-6 of itself, for `x` in -126 to 126; beyond, the value at the end.
#[inline(always)]
pub(super) fn exp2<const FMA: bool>(x: f32) -> f32 {
    let x = if x > -126.0 { x } else { -126.0 };
    let x = if x < 126.0 { x } else { 126.0 };
    let shifted = x + ROUND;
    let part = x - (shifted - ROUND); // -0.5 to 0.5
    let mut power = 1.333_355_8e-3;
    for coefficient in [9.618_129e-3, 5.550_411e-2, 0.240_226_5, std::f32::consts::LN_2, 1.0] {
        power = fused::<FMA>(power, part, coefficient);
    }
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// `2^x` within 1e-4 of itself, which is a twentieth of what bf16 resolves, for `x` in -126 to 0; below, the value at the end.
#[inline(always)]
pub(super) fn exp2_rough<const FMA: bool>(x: f32) -> f32 {
    let x = if x > -126.0 { x } else { -126.0 };
    let shifted = x + ROUND;
    let part = x - (shifted - ROUND); // -0.5 to 0.5
    let power = fused::<FMA>(5.517_167e-2, part, 0.242_611_12);
    let power = fused::<FMA>(power, part, 0.693_261);
    let power = fused::<FMA>(power, part, 0.999_928_1);
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_close_over_the_whole_range() {
        for i in -12_600..12_600 {
            let x = i as f32 / 100.0;
            for found in [exp2::<true>(x), exp2::<false>(x)] {
                let off = (f64::from(found) / f64::from(x).exp2() - 1.0).abs();
                assert!(off < 4e-6, "2^{x} is {found}, off by {off:e}");
            }
        }
        for i in -12_500..=0 {
            let x = i as f32 / 100.0;
            for found in [exp2_rough::<true>(x), exp2_rough::<false>(x)] {
                let off = (f64::from(found) / f64::from(x).exp2() - 1.0).abs();
                assert!(off < 1e-4, "2^{x} is roughly {found}, off by {off:e}");
            }
        }
        assert!(exp2_rough::<false>(-1e30) < 2e-38);
        assert_eq!(exp2::<true>(0.0), 1.0);
        assert!(exp2::<false>(f32::NEG_INFINITY) < 2e-38 && exp2::<false>(1e30).is_finite());
    }
}
