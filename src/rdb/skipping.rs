//! Values of modules, passed over: they say themselves what they are made of.
//!
//! ```text
//!  module number │ [ 1, 2: number │ 3: 4 bytes │ 4: 8 bytes │ 5: string ] … │ 0
//! ```
//!
//! Not here: whether they are (`file_reader.rs`).

use super::error::{Reason, Stop};
use super::input::Input;

const END: u64 = 0;
const SIGNED: u64 = 1;
const UNSIGNED: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// Passes over one part; true at the end. To be called again after it had to stop for more.
pub(super) fn skip_part(input: &mut Input<'_>) -> Result<bool, Stop> {
    match input.length()? {
        END => return Ok(true),
        SIGNED | UNSIGNED => {
            input.length()?;
        }
        FLOAT => {
            input.take(4)?;
        }
        DOUBLE => {
            input.take(8)?;
        }
        STRING => {
            input.word()?;
        }
        _ => return Err(Reason::BadModule.into()),
    }
    Ok(false)
}
