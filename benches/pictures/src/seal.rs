//! The seal of a picture: a digest of the picture and of what it was drawn from, as its last line.
//!
//! ```text
//!  <svg …> … </svg>
//!  <!-- seal 0123456789abcdef -->     FNV-1a of the figures, the drawing code, the picture
//! ```
//!
//! A test makes the seal again, without drawing (`tests/docs/figures.rs`): it differs if the runs
//! or the code have changed since, or somebody has changed the picture. No protection against
//! intent.

const BEGIN: &str = "<!-- seal ";
const END: &str = " -->\n";

/// A picture with its seal, given the texts it was made from.
#[allow(dead_code, reason = "the test that includes this file compares only")]
pub(crate) fn sealed(picture: &str, sources: &[&str]) -> String {
    let digest = digest(picture, sources);
    format!("{picture}{BEGIN}{digest:016x}{END}")
}

/// Whether a sealed picture is what these texts gave.
#[allow(dead_code, reason = "the program that draws only seals")]
pub(crate) fn holds(sealed: &str, sources: &[&str]) -> bool {
    let Some((picture, seal)) = sealed.rsplit_once(BEGIN) else {
        return false;
    };
    let digest = digest(picture, sources);
    seal == format!("{digest:016x}{END}")
}

/// The length of each text is a part of the digest, so that none can end in another one's place.
fn digest(picture: &str, sources: &[&str]) -> u64 {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    for text in sources.iter().chain([&picture]) {
        let length = text.len().to_le_bytes();
        for byte in length.iter().chain(text.as_bytes()) {
            digest = (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    digest
}
