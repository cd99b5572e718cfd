//! A CRC of 64 bits by multiplications without carries, 64 bytes at a time.
//!
//! ```text
//!  four lanes of 16 bytes    lane × x^512  ⊕  the next 16 bytes of the lane    for each 64 bytes
//!  at the end                the lanes × x^384, x^256, x^128, x^0, added up: 16 bytes
//! ```
//!
//! What is left over has the checksum, from zero on, that all bytes had; tables bring it about.
//! A lane is two halves of 64 bits, each multiplied by what its power of x leaves over; bits are
//! reflected, so a product stands one bit too low and the power is one less.
//!
//! After Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
//! Instruction", Intel, 2009.
//!
//! Own code, for the crates that do this ask for a newer compiler or know other polynomials only.
//!
//! Cost: a tenth of an instruction a byte. Only on x86-64, if the processor has the instruction.
//!
//! Not here: tables, and bytes that are fewer (`crc64.rs`).
#![allow(unsafe_code)]

/// Bytes that are folded at once.
pub(super) const BLOCK_BYTES: usize = 64;

/// Bytes that are left over.
pub(super) const FOLDED_BYTES: usize = 16;

/// 16 bytes that from zero on have the checksum that the blocks have from `crc` on; `None` if there
/// is no block, or no such instruction. `POLYNOMIAL` is reflected.
#[inline]
pub(super) fn folded<const POLYNOMIAL: u64>(
    crc: u64,
    blocks: &[[u8; BLOCK_BYTES]],
) -> Option<[u8; FOLDED_BYTES]> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("pclmulqdq") {
        // SAFETY: the processor has the instruction, which is all that the function asks for.
        return unsafe { x86_64::fold::<POLYNOMIAL>(crc, blocks) };
    }
    let _ = (crc, blocks);
    None
}

/// What x to the power of `exponent` leaves over by a reflected polynomial, reflected. O(exponent).
#[cfg(target_arch = "x86_64")]
const fn power(polynomial: u64, exponent: u32) -> u64 {
    // x^0 is the highest bit; multiplying by x shifts down.
    let mut rest = 1 << (u64::BITS - 1);
    let mut done = 0;
    while done < exponent {
        let carry = rest & 1;
        rest >>= 1;
        if carry == 1 {
            rest ^= polynomial;
        }
        done += 1;
    }
    rest
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{BLOCK_BYTES, FOLDED_BYTES, power};
    use core::arch::x86_64::{
        __m128i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_unpackhi_epi64,
        _mm_xor_si128,
    };

    const LANES: usize = BLOCK_BYTES / FOLDED_BYTES;

    #[target_feature(enable = "pclmulqdq")]
    pub(super) fn fold<const POLYNOMIAL: u64>(
        crc: u64,
        blocks: &[[u8; BLOCK_BYTES]],
    ) -> Option<[u8; FOLDED_BYTES]> {
        let (first, rest) = blocks.split_first()?;
        let mut lanes = lanes_of(first);
        lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, crc as i64));
        let by_block = factors(
            const { power(POLYNOMIAL, 512 + 63) },
            const { power(POLYNOMIAL, 512 - 1) },
        );
        for block in rest {
            let next = lanes_of(block);
            for (lane, next) in lanes.iter_mut().zip(next) {
                *lane = _mm_xor_si128(moved(*lane, by_block), next);
            }
        }
        let by_lane = factors(
            const { power(POLYNOMIAL, 128 + 63) },
            const { power(POLYNOMIAL, 128 - 1) },
        );
        let [mut sum, others @ ..] = lanes;
        for lane in others {
            sum = _mm_xor_si128(moved(sum, by_lane), lane);
        }
        let halves = [sum, _mm_unpackhi_epi64(sum, sum)];
        let [low, high] = halves.map(|half| _mm_cvtsi128_si64(half).to_le_bytes());
        let mut bytes = [0; FOLDED_BYTES];
        bytes[..8].copy_from_slice(&low);
        bytes[8..].copy_from_slice(&high);
        Some(bytes)
    }

    /// Factors for the first and the second half of a lane.
    #[target_feature(enable = "pclmulqdq")]
    fn factors(first: u64, second: u64) -> __m128i {
        _mm_set_epi64x(second as i64, first as i64)
    }

    /// A lane times a power of x.
    #[target_feature(enable = "pclmulqdq")]
    fn moved(lane: __m128i, factors: __m128i) -> __m128i {
        let first = _mm_clmulepi64_si128::<0x00>(lane, factors);
        let second = _mm_clmulepi64_si128::<0x11>(lane, factors);
        _mm_xor_si128(first, second)
    }

    #[target_feature(enable = "pclmulqdq")]
    fn lanes_of(block: &[u8; BLOCK_BYTES]) -> [__m128i; LANES] {
        let half = |at: usize| {
            let mut half = [0; 8];
            half.copy_from_slice(&block[at..at + 8]);
            i64::from_le_bytes(half)
        };
        [0, 1, 2, 3].map(|lane| {
            let at = lane * FOLDED_BYTES;
            _mm_set_epi64x(half(at + 8), half(at))
        })
    }
}
