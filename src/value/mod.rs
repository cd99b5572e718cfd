//! Rank 2: values and what can be done with their bytes; no keys, no replies.
pub mod string;
