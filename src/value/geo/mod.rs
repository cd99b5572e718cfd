//! Places on the earth as scores of sorted sets, and searches for those within an area.
//!
//! ```text
//!  longitude ─▶ 26 bits ─┐
//!                        ├─ interleaved ─▶ 52 bits, which a score holds exactly
//!  latitude  ─▶ 26 bits ─┘
//!  area ─▶ its cell and up to 8 around it ─▶ ranges of scores ─▶ members whose place is inside
//! ```
//!
//! | file | what |
//! |---|---|
//! | `position.rs` | places, scores, distances |
//! | `cell.rs` | squares of the grid that the bits of a score make |
//! | `area.rs` | circles and boxes, and the cells that cover them |
//! | `search.rs` | members of a sorted set within an area, some at a time |
//!
//! The order of the operations on doubles is that of Redis, so that distances are the same to the
//! last bit.
//!
//! Not here: the commands (`command/geo/`).

pub mod area;
mod cell;
pub mod position;
pub mod search;
#[cfg(test)]
mod tests;
