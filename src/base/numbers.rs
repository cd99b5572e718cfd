//! Placeholder.
/// Parse.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text)
        .ok()?
        .parse()
        .ok()
        .filter(|n: &i64| n.to_string().as_bytes() == text)
}
