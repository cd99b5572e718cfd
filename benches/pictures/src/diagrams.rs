//! The diagrams of the documents: ranks, one turn, a bucket and an entry, a tree with a view.
//!
//! ```text
//!  Sheet ─ boxes, arrows, words at places in pixels ─▶ docs/pictures/<name>-{light,dark}.svg
//! ```
//!
//! 1. A diagram says what the code and its notes say: `tests/tidy/layers.rs` compares the folders
//!    of the ranks with the ranks that are enforced.
//! 2. Words are plain: what an operator of a screen reader hears is the title.
//!
//! Not here: charts of figures (`chart.rs`).

use crate::seal;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Folders by rank, from the top, with what each is.
const RANKS: [(&str, &str, &str); 11] = [
    ("10", "server", "sockets, scheduler, signals, threads"),
    (
        "9",
        "cache   node",
        "a library for threads; a server without sockets",
    ),
    (
        "8",
        "persistence",
        "snapshots: the keyspace to bytes and back",
    ),
    ("7", "engine", "gates, batches, upkeep, typed calls"),
    ("6", "command", "declarations and handlers"),
    ("5", "context", "what a command is given"),
    ("4", "session   rdb", "one client's state; files of Redis"),
    ("3", "keyspace", "entries, changes, expiry, eviction"),
    (
        "2",
        "value   acl   messages   script   stats",
        "types; users; channels; Lua; figures",
    ),
    (
        "1",
        "structures   protocol   http   config",
        "tables, trees; RESP; HTTP; parameters",
    ),
    ("0", "base", "clock, hash, numbers, limits"),
];

#[derive(Clone, Copy)]
struct Colours {
    ground: &'static str,
    box_fill: &'static str,
    marked: &'static str,
    line: &'static str,
    text: &'static str,
    faint: &'static str,
}

const THEMES: [(&str, Colours); 2] = [
    (
        "light",
        Colours {
            ground: "#ffffff",
            box_fill: "#f3f6fa",
            marked: "#d6e8ff",
            line: "#57606a",
            text: "#1f2328",
            faint: "#57606a",
        },
    ),
    (
        "dark",
        Colours {
            ground: "#0d1117",
            box_fill: "#161b22",
            marked: "#123054",
            line: "#8b949e",
            text: "#e6edf3",
            faint: "#9198a1",
        },
    ),
];

/// One diagram under way.
struct Sheet {
    colours: Colours,
    body: String,
}

impl Sheet {
    /// A box with a heading and a line below it.
    fn shape(&mut self, place: [i32; 4], is_marked: bool, heading: &str, line: &str) {
        let [left, top, width, height] = place;
        let Colours {
            box_fill,
            marked,
            line: stroke,
            ..
        } = self.colours;
        let fill = if is_marked { marked } else { box_fill };
        let _ = writeln!(
            self.body,
            r#"<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="4" fill="{fill}" stroke="{stroke}"/>"#
        );
        let middle = top + height / 2 + if line.is_empty() { 5 } else { -3 };
        self.words([left + 10, middle], 14, true, heading);
        if !line.is_empty() {
            self.words([left + 10, middle + 18], 12, false, line);
        }
    }

    fn words(&mut self, [left, base]: [i32; 2], size: u32, is_strong: bool, words: &str) {
        let colour = if is_strong {
            self.colours.text
        } else {
            self.colours.faint
        };
        let weight = if is_strong { "600" } else { "400" };
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.body,
            r#"<text x="{left}" y="{base}" font-size="{size}" font-weight="{weight}" fill="{colour}" xml:space="preserve">{words}</text>"#
        );
    }

    fn arrow(&mut self, from: [i32; 2], to: [i32; 2]) {
        let stroke = self.colours.line;
        let _ = writeln!(
            self.body,
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{stroke}" stroke-width="1.5" marker-end="url(#end)"/>"#,
            from[0], from[1], to[0], to[1]
        );
    }
}

/// File name, title, size, and what paints it.
type Diagram = (&'static str, &'static str, [i32; 2], fn(&mut Sheet));

/// Writes all diagrams, light and dark.
///
/// # Errors
///
/// A file cannot be written.
pub(crate) fn draw(folder: &Path) -> io::Result<()> {
    let diagrams: [Diagram; 4] = [
        (
            "ranks",
            "A folder names lower ranks and itself",
            [760, 500],
            ranks,
        ),
        ("turn", "One turn of the loop", [900, 230], turn),
        ("entry", "A bucket and an entry", [900, 330], entry),
        (
            "tree",
            "A large collection while a snapshot reads it",
            [900, 350],
            tree,
        ),
    ];
    for (name, title, size, paint) in diagrams {
        for (theme, colours) in THEMES {
            let mut sheet = Sheet {
                colours,
                body: String::new(),
            };
            sheet.words([16, 30], 18, true, title);
            paint(&mut sheet);
            let path = folder.join(format!("{name}-{theme}.svg"));
            let page = page(&sheet, title, size);
            std::fs::write(&path, seal::sealed(&page, &[include_str!("diagrams.rs")]))?;
            println!("{}", path.display());
        }
    }
    Ok(())
}

fn page(sheet: &Sheet, title: &str, [width, height]: [i32; 2]) -> String {
    let Colours { ground, line, .. } = sheet.colours;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" role="img" aria-label="{title}">
<!-- drawn by benches/pictures/src/diagrams.rs -->
<defs><marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="{line}"/></marker></defs>
<rect width="{width}" height="{height}" fill="{ground}"/>
{}</svg>
"##,
        sheet.body
    )
}

fn ranks(sheet: &mut Sheet) {
    for (index, (rank, folders, what)) in RANKS.iter().enumerate() {
        let top = 48 + 40 * index as i32;
        sheet.shape([60, top, 330, 32], index % 2 == 0, folders, "");
        sheet.words([24, top + 21], 14, false, rank);
        sheet.words([404, top + 21], 13, false, what);
    }
    sheet.arrow([46, 60], [46, 476]);
}

fn turn(sheet: &mut Sheet) {
    let steps = [
        ("poll", "until a socket or", "the next deadline"),
        ("serve", "who waits for one", "answer, then pipelines"),
        ("upkeep", "timers, due keys,", "what was dropped"),
        ("long work", "slices of long reads", "and of a snapshot"),
        ("write", "once a client,", "1 MiB at most"),
        ("doors", "clients that come,", "clients that go"),
    ];
    for (index, (name, first, second)) in steps.iter().enumerate() {
        let left = 16 + 147 * index as i32;
        sheet.shape([left, 60, 132, 44], *name == "serve", name, "");
        sheet.words([left + 2, 124], 12, false, first);
        sheet.words([left + 2, 140], 12, false, second);
        if index > 0 {
            sheet.arrow([left - 14, 82], [left - 1, 82]);
        }
    }
    sheet.words(
        [16, 190],
        13,
        false,
        "What is left over makes the next poll return at once.",
    );
    let bound = "Every step is bounded by a count of keys or requests; steps repeat until their slice of time is over.";
    sheet.words([16, 214], 13, false, bound);
}

fn entry(sheet: &mut Sheet) {
    let line = "A bucket is one cache line: seven tags of 8 bits, a count, and seven slots.";
    sheet.words([20, 62], 13, false, line);
    sheet.shape([20, 76, 150, 44], true, "7 tags, count", "");
    for slot in 0..7 {
        let left = 174 + 100 * slot;
        let name = if slot == 5 { "16 | 48 bit" } else { "slot" };
        sheet.shape([left, 76, 98, 44], slot == 5, name, "");
    }
    let line = "A lookup compares the tags, then 16 more bits of the hash, and only then goes to the address.";
    sheet.words([20, 146], 13, false, line);
    sheet.arrow([700, 122], [700, 196]);
    let parts = [
        (100, "header", "8 bytes"),
        (160, "heap position", "4 bytes, if it expires"),
        (200, "key", "its bytes"),
        (260, "value", "bytes, an integer, a block"),
    ];
    let mut left = 120;
    for (width, name, what) in parts {
        sheet.shape([left, 200, width, 56], name == "header", name, what);
        left += width;
    }
    let line = "An entry is one piece of memory; the heap of deadlines knows it, and it knows its place there.";
    sheet.words([120, 284], 13, false, line);
}

fn tree(sheet: &mut Sheet) {
    sheet.shape([330, 50, 200, 44], false, "root now", "");
    sheet.shape([40, 50, 200, 44], true, "root of the view", "");
    let leaves = [("a–f", 40), ("g–m", 260), ("n–s", 480), ("t–z", 700)];
    for (name, left) in leaves {
        sheet.shape([left, 170, 160, 44], true, &format!("block {name}"), "");
    }
    sheet.shape([370, 260, 200, 44], false, "block n–s, changed", "");
    for left in [120, 340, 560, 780] {
        sheet.arrow([140, 96], [left, 168]);
    }
    for left in [130, 350, 790] {
        sheet.arrow([430, 96], [left, 168]);
    }
    sheet.arrow([430, 96], [450, 258]);
    sheet.words([20, 334],
        13,
        false,
        "A change copies the block it meets, once; snapshot and long replies read the others where they are.",);
}
