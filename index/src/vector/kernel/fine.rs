//! The second look: eight bits and the four behind them, against a query in full precision.
//!
//! The four bits of 32 values lie in 16 bytes, value `i` in the low half of byte `i` and value `i + 16` in the high half, so that a register
//! of bytes unpacks with one mask and one shift.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_srli_epi16, _mm_srli_si128, _mm256_add_epi32,
    _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_setzero_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_epi32,
};

/// Values whose four bits lie together.
pub(crate) const NIBBLE_BLOCK: usize = 32;

/// Parts of a code's step that the eight bits behind it count. 256 would leave no room for a row that is further from its code than half a step,
/// because it was rounded to halves after the code was made.
pub(crate) const PARTS: i32 = 240;

/// Packs nibbles (0 to 15, a whole number of blocks of them) two a byte.
pub(crate) fn pack_nibbles(nibbles: &[u8]) -> Vec<u8> {
    let blocks = nibbles.as_chunks::<NIBBLE_BLOCK>().0;
    blocks.iter().flat_map(|block| (0..NIBBLE_BLOCK / 2).map(|i| block[i] | (block[i + 16] << 4))).collect()
}

/// The nibble of value `i`; 0 beyond the end.
pub(crate) fn unpack_nibble(packed: &[u8], i: usize) -> u8 {
    let (block, within) = (i / NIBBLE_BLOCK, i % NIBBLE_BLOCK);
    let byte = packed.get(block * (NIBBLE_BLOCK / 2) + within % 16).copied().unwrap_or(0);
    if within < 16 { byte & 0x0f } else { byte >> 4 }
}

/// The reference.
pub(super) fn dot_fine(query: &[f32], codes: &[i8], nibbles: &[u8]) -> f32 {
    let blocks = query.as_chunks::<NIBBLE_BLOCK>().0.iter().zip(codes.as_chunks::<NIBBLE_BLOCK>().0);
    let mut sums = [0.0f32; 16];
    for ((query, codes), nibbles) in blocks.zip(nibbles.as_chunks::<16>().0) {
        for i in 0..16 {
            let low = 16 * i32::from(codes[i]) + i32::from(nibbles[i] & 0x0f);
            let high = 16 * i32::from(codes[i + 16]) + i32::from(nibbles[i] >> 4);
            sums[i] += query[i] * low as f32 + query[i + 16] * high as f32;
        }
    }
    sums.iter().sum()
}

/// The reference of the second look by sixteen bits.
pub(super) fn dot_finest(query: &[f32], codes: &[i8], residuals: &[i8]) -> f32 {
    let blocks = query.as_chunks::<16>().0.iter().zip(codes.as_chunks::<16>().0);
    let mut sums = [0.0f32; 16];
    for ((query, codes), residuals) in blocks.zip(residuals.as_chunks::<16>().0) {
        for i in 0..16 {
            sums[i] += query[i] * (PARTS * i32::from(codes[i]) + i32::from(residuals[i])) as f32;
        }
    }
    sums.iter().sum()
}

/// The sum of all lanes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn total<const N: usize>(sums: [__m256; N]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let mut total = 0.0;
    for sum in sums {
        // SAFETY: `lanes` is 8 floats, exactly what is written; the store needs no alignment.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
        total += lanes.iter().sum::<f32>();
    }
    total
}

/// Eight values at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_finest_avx2(query: &[f32], codes: &[i8], residuals: &[i8]) -> f32 {
    let blocks = query.as_chunks::<16>().0.iter().zip(codes.as_chunks::<16>().0);
    let mut sums = [_mm256_setzero_ps(); 2];
    for ((query, codes), residuals) in blocks.zip(residuals.as_chunks::<16>().0) {
        // SAFETY: each array is exactly as long as what is read from it; the loads need no alignment.
        let (codes, residuals) =
            unsafe { (_mm_loadu_si128(codes.as_ptr().cast()), _mm_loadu_si128(residuals.as_ptr().cast())) };
        let codes = [codes, _mm_srli_si128::<8>(codes)];
        let residuals = [residuals, _mm_srli_si128::<8>(residuals)];
        for (((sum, codes), residuals), query) in
            sums.iter_mut().zip(codes).zip(residuals).zip(query.as_chunks::<8>().0)
        {
            let code = _mm256_cvtepi8_epi32(codes);
            // 256 - 16 is `PARTS`.
            let whole = _mm256_sub_epi32(_mm256_slli_epi32::<8>(code), _mm256_slli_epi32::<4>(code));
            let value = _mm256_add_epi32(whole, _mm256_cvtepi8_epi32(residuals));
            // SAFETY: the array is 8 floats, exactly what is read; the load needs no alignment.
            let query = unsafe { _mm256_loadu_ps(query.as_ptr()) };
            *sum = _mm256_fmadd_ps(query, _mm256_cvtepi32_ps(value), *sum);
        }
    }
    total(sums)
}

/// Eight values at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) fn dot_fine_avx2(query: &[f32], codes: &[i8], nibbles: &[u8]) -> f32 {
    let blocks = query.as_chunks::<NIBBLE_BLOCK>().0.iter().zip(codes.as_chunks::<NIBBLE_BLOCK>().0);
    let mask = _mm_set1_epi8(0x0f);
    let mut sums = [_mm256_setzero_ps(); 4];
    for ((query, codes), nibbles) in blocks.zip(nibbles.as_chunks::<16>().0) {
        // SAFETY: each array is exactly as long as what is read from it; the loads need no alignment.
        let (packed, low, high) = unsafe {
            (
                _mm_loadu_si128(nibbles.as_ptr().cast()),
                _mm_loadu_si128(codes.as_ptr().cast()),
                _mm_loadu_si128(codes.as_ptr().add(16).cast()),
            )
        };
        let (first, second) = (_mm_and_si128(packed, mask), _mm_and_si128(_mm_srli_epi16::<4>(packed), mask));
        let codes = [low, _mm_srli_si128::<8>(low), high, _mm_srli_si128::<8>(high)];
        let nibbles = [first, _mm_srli_si128::<8>(first), second, _mm_srli_si128::<8>(second)];
        for (((sum, codes), nibbles), query) in sums.iter_mut().zip(codes).zip(nibbles).zip(query.as_chunks::<8>().0) {
            let whole = _mm256_slli_epi32::<4>(_mm256_cvtepi8_epi32(codes));
            let value = _mm256_add_epi32(whole, _mm256_cvtepu8_epi32(nibbles));
            // SAFETY: the array is 8 floats, exactly what is read; the load needs no alignment.
            let query = unsafe { _mm256_loadu_ps(query.as_ptr()) };
            *sum = _mm256_fmadd_ps(query, _mm256_cvtepi32_ps(value), *sum);
        }
    }
    total(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_come_back() {
        let nibbles: Vec<u8> = (0..96u32).map(|i| (i * 7 % 16) as u8).collect();
        let packed = pack_nibbles(&nibbles);
        assert_eq!(packed.len(), 48);
        assert!((0..96).all(|i| unpack_nibble(&packed, i) == nibbles[i]));
    }
}
