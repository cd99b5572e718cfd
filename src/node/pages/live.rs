//! The live page: its text, and the lines that keep it up to date.
//!
//! ```text
//!  page.html ─ <style> page.css </style> ─ rows of figures ─ <script> page.js </script>
//!  event:      data: {"info":{…},…} LF LF
//! ```
//!
//! The page is one file, loads nothing from anywhere, and is a table of all figures without its
//! script. The browser is told which style and script it may use, by their digests.
//!
//! Cost: the page some 60 KiB, made for each request; a line some 8 KiB, made once for all.
//!
//! Not here: the figures (`context/live.rs`), who may look (`requests.rs`).

use crate::base::clock::Timestamp;
use crate::node::Node;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Places of the page's text that are filled in.
const STYLE_PLACE: &str = "/*style*/";
const ROWS_PLACE: &str = "<!--rows-->";
const SCRIPT_PLACE: &str = "/*script*/";

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = |text: &str| BASE64.encode(&Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'",
        digest(STYLE),
        digest(SCRIPT)
    )
});

/// What a browser may load and run.
pub(super) fn policy() -> &'static str {
    &POLICY
}

impl Node {
    /// The page with the figures of now.
    pub(super) fn page_text(&mut self, now: Timestamp) -> String {
        let mut rows = String::new();
        self.engine.live_rows(&mut rows, now);
        PAGE.replacen(STYLE_PLACE, STYLE, 1)
            .replacen(SCRIPT_PLACE, SCRIPT, 1)
            .replacen(ROWS_PLACE, &rows, 1)
    }

    /// A line with the figures of now.
    pub(super) fn event(&mut self, now: Timestamp) -> Vec<u8> {
        let mut text = "data: ".to_string();
        self.engine.live_json(&mut text, now);
        text.push_str("\n\n");
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_all_its_places_once_and_nothing_from_elsewhere() {
        for place in [STYLE_PLACE, ROWS_PLACE, SCRIPT_PLACE] {
            assert_eq!(PAGE.matches(place).count(), 1, "{place}");
        }
        for text in [PAGE, STYLE, SCRIPT] {
            for foreign in ["http:", "https:", "//cdn", "@import", "url("] {
                let own = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!own.contains(foreign), "{foreign}");
            }
        }
        assert!(PAGE.len() + STYLE.len() + SCRIPT.len() <= 60 * 1024);
        assert!(
            !SCRIPT.contains("innerHTML"),
            "keys of strangers are no markup"
        );
        assert!(!SCRIPT.contains("</script"));
    }
}
