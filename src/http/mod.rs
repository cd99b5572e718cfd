//! Rank 1: requests and answers of HTTP, as bytes.
//!
//! ```text
//!  bytes ─▶ Request::parse ─▶ method, path, a few fields       request.rs
//!  bytes ◀─ Answer::head   ◀─ status, media type, length       answer.rs
//! ```
//!
//! What a scraper, a probe and a browser need to look at figures: GET and HEAD without a body, one
//! request after the other. Anything else is refused, and with a few kilobytes at most.
//!
//! Not here: connections, who may ask and what for (`node/pages/`).

mod answer;
mod request;

pub use answer::{Answer, Length, Status};
pub use request::{Credentials, Fault, HEAD_BYTES_MAX, Method, Request};
