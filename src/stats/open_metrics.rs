//! Figures in the text of OpenMetrics.
//!
//! ```text
//!  # HELP evenkeel_keys_expired Keys removed because their time was up.
//!  # TYPE evenkeel_keys_expired counter
//!  evenkeel_keys_expired_total 12
//!  …
//!  # EOF
//! ```
//!
//! The older text format of Prometheus differs in one thing: there, the head of a counter has the
//! name of its sample. No type that it lacks is used, and what it does not know is a comment to it.
//!
//! Invariants: the samples of a family follow its head at once; the text ends with `# EOF`, which
//! the caller writes by [`end`].
//!
//! Cost: linear in the text. A histogram of the server has some hundred buckets and is added up to
//! at most [`BOUNDS_MAX`] of powers of two, which split none of them.
//!
//! Not here: which figures there are (`exposed.rs`, `context/exposition.rs`).

use super::exposed::{EXPOSED, Kind, base_unit};
use super::{InfoSource, MetricRow, ROWS, Unit, Value};
use crate::structures::histogram::Histogram;
use std::fmt::Write;

/// How the text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format of Prometheus, for scrapers that do not ask for the other.
    Older,
}

impl Format {
    /// The type of the text over HTTP.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Older => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Buckets of a histogram at most.
const BOUNDS_MAX: u32 = 24;

/// Bytes of a text of a client that a label shows.
const LABEL_BYTES_MAX: usize = 128;

/// The types of families that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyType {
    /// A value that goes up and down.
    Gauge,
    /// A total.
    Counter,
    /// Counts of values by size.
    Histogram,
}

impl FamilyType {
    fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// The bounds of a histogram's buckets: powers of two of the unit in which it counts.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Exponent of the first bound.
    pub first: u32,
    /// Distance of the exponents.
    pub step: u32,
    /// How many bounds there are, without the last, which is infinite.
    pub count: u32,
    /// Units of the histogram in a second.
    pub per_second: u64,
}

/// Turns of the loop, counted in microseconds: 8 µs to one second.
pub const TURN_BOUNDS: Bounds = Bounds {
    first: 3,
    step: 1,
    count: 18,
    per_second: 1_000_000,
};
/// Commands, counted in nanoseconds: 1 µs to four seconds.
pub const COMMAND_BOUNDS: Bounds = Bounds {
    first: 10,
    step: 2,
    count: 12,
    per_second: 1_000_000_000,
};
/// How late keys are removed, counted in milliseconds: 1 ms to 16 seconds.
pub const LAG_BOUNDS: Bounds = Bounds {
    first: 0,
    step: 1,
    count: 15,
    per_second: 1_000,
};

/// Begins a family whose samples follow. `unit` must be the end of its name.
pub fn push_family(
    (text, format): (&mut String, Format),
    name: &str,
    family_type: FamilyType,
    unit: Option<&str>,
    help: &str,
) {
    let is_older = format == Format::Older;
    let suffix = match family_type {
        FamilyType::Counter if is_older => "_total",
        FamilyType::Counter | FamilyType::Gauge | FamilyType::Histogram => "",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# TYPE {name}{suffix} {}", family_type.name());
    if let Some(unit) = unit.filter(|_| !is_older) {
        debug_assert!(name.ends_with(unit), "{name}");
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = write!(text, "# HELP {name}{suffix} ");
    push_escaped(text, help);
    text.push('\n');
}

/// Writes one sample: the name with its suffix, labels, a value.
pub fn push_sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: &str) {
    text.push_str(name);
    push_labels(text, labels, None);
    text.push(' ');
    text.push_str(value);
    text.push('\n');
}

/// Writes the samples of a histogram, whose values were rounded down to whole units, so that each
/// is less than the next bound.
pub fn push_histogram(
    text: &mut String,
    name: &str,
    labels: &[(&str, &str)],
    histogram: &Histogram,
    bounds: Bounds,
) {
    debug_assert!(bounds.count <= BOUNDS_MAX);
    let mut counted = histogram.iter().peekable();
    let mut sum = 0;
    for number in 0..bounds.count {
        let bound = 1 << (bounds.first + number * bounds.step);
        while let Some((_, count)) = counted.next_if(|(largest, _)| *largest < bound) {
            sum += count;
        }
        let _ = write!(text, "{name}_bucket");
        push_labels(text, labels, Some(&in_seconds(bound, bounds.per_second)));
        let _ = writeln!(text, " {sum}");
    }
    let _ = write!(text, "{name}_bucket");
    push_labels(text, labels, Some("+Inf"));
    let _ = writeln!(text, " {}", histogram.count());
    let total = in_seconds(histogram.sum(), bounds.per_second);
    push_sample(text, &format!("{name}_sum"), labels, &total);
    let count = histogram.count().to_string();
    push_sample(text, &format!("{name}_count"), labels, &count);
}

/// Writes all fields of INFO that are exposed, a family each.
pub fn push_fields((text, format): (&mut String, Format), source: &InfoSource<'_>) {
    for exposed in EXPOSED {
        let Some(row) = ROWS.iter().find(|row| row.name == exposed.field) else {
            continue;
        };
        let Some(value) = field_value(row, exposed.kind, source) else {
            continue;
        };
        let name = exposed.family(row.unit);
        let (family_type, suffix) = match exposed.kind {
            Kind::Counter => (FamilyType::Counter, "_total"),
            Kind::Gauge | Kind::Is(_) => (FamilyType::Gauge, ""),
        };
        push_family(
            (text, format),
            &name,
            family_type,
            base_unit(row.unit),
            row.doc,
        );
        push_sample(text, &format!("{name}{suffix}"), &[], &value);
    }
}

/// The names of all samples that [`push_fields`] writes.
#[cfg(feature = "internals")]
pub fn field_sample_names() -> Vec<String> {
    let names = EXPOSED.iter();
    names
        .filter_map(|exposed| field_sample_name(exposed.field))
        .collect()
}

/// The name of the sample that [`push_fields`] writes for a field of INFO.
#[cfg(feature = "internals")]
pub(super) fn field_sample_name(field: &str) -> Option<String> {
    let exposed = EXPOSED.iter().find(|exposed| exposed.field == field)?;
    let row = ROWS.iter().find(|row| row.name == field)?;
    let suffix = if exposed.kind == Kind::Counter {
        "_total"
    } else {
        ""
    };
    Some(exposed.family(row.unit) + suffix)
}

/// A text of a client as the value of a label: its first [`LABEL_BYTES_MAX`] bytes, of which those
/// that are no printable text are shown by their numbers. Texts that differ there, differ here.
pub fn label_of(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(LABEL_BYTES_MAX)];
    let mut label = String::with_capacity(shown.len());
    for chunk in shown.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => label.push_str("\\\\"),
                letter if letter.is_control() => {
                    let mut buffer = [0; 4];
                    push_numbers(&mut label, letter.encode_utf8(&mut buffer).as_bytes());
                }
                letter => label.push(letter),
            }
        }
        push_numbers(&mut label, chunk.invalid());
    }
    if shown.len() < bytes.len() {
        label.push('…');
    }
    label
}

fn push_numbers(label: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(label, "\\x{byte:02x}");
    }
}

/// Ends the text.
pub fn end(text: &mut String) {
    text.push_str("# EOF\n");
}

/// A field's value in base units; none where the field says that there is none.
fn field_value(row: &MetricRow, kind: Kind, source: &InfoSource<'_>) -> Option<String> {
    let value = (row.value)(source);
    match (value, kind) {
        (Value::Text(word), Kind::Is(wanted)) => Some(u8::from(word == wanted).to_string()),
        (Value::Text(_), _) => None,
        (Value::Unsigned(number), _) => Some(match row.unit {
            Unit::Microseconds => in_seconds(number, 1_000_000),
            Unit::Milliseconds => in_seconds(number, 1_000),
            Unit::Text
            | Unit::Count
            | Unit::Bytes
            | Unit::Seconds
            | Unit::Days
            | Unit::PerSecond
            | Unit::KibibytesPerSecond
            | Unit::Percent
            | Unit::Ratio => number.to_string(),
        }),
        (Value::Seconds(usec), _) => Some(in_seconds(usec, 1_000_000)),
        (Value::HumanBytes(bytes), _) => Some(bytes.to_string()),
        (Value::Percent(percent), _) => Some((percent / 100.0).to_string()),
        (Value::Float2(number), _) => Some(number.to_string()),
        // A number below zero says that there is nothing to tell.
        (Value::Integer(_), _) => None,
    }
}

/// A whole number of parts of a second as seconds, exactly.
fn in_seconds(parts: u64, per_second: u64) -> String {
    let digits = per_second.ilog10() as usize;
    let (whole, rest) = (parts / per_second, parts % per_second);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:0digits$}");
    text.trim_end_matches('0').to_string()
}

fn push_labels(text: &mut String, labels: &[(&str, &str)], bound: Option<&str>) {
    if labels.is_empty() && bound.is_none() {
        return;
    }
    text.push('{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        push_escaped(text, value);
        text.push('"');
    }
    if let Some(bound) = bound {
        let comma = if labels.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}le=\"{bound}\"");
    }
    text.push('}');
}

fn push_escaped(text: &mut String, words: &str) {
    for letter in words.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Counters, Gauges};

    fn text_of(gauges: &Gauges, counters: &Counters) -> String {
        text_in(Format::OpenMetrics, gauges, counters)
    }

    fn text_in(format: Format, gauges: &Gauges, counters: &Counters) -> String {
        let mut text = String::new();
        let source = InfoSource {
            counters,
            gauges,
            commands: &[],
            command_busy_us: 1_500,
            latencies: &[],
            errors: &[],
            databases: &[],
        };
        push_fields((&mut text, format), &source);
        text
    }

    fn sample<'t>(text: &'t str, name: &str) -> Option<&'t str> {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
    }

    #[test]
    fn a_label_shows_any_bytes_and_tells_them_apart() {
        assert_eq!(label_of("größe \"1\"".as_bytes()), "größe \"1\"");
        assert_eq!(label_of(b"a\n\x00\xff\xc3"), "a\\x0a\\x00\\xff\\xc3");
        assert_eq!(label_of(b"\\x00"), "\\\\x00");
        assert_eq!(label_of("\u{85}".as_bytes()), "\\xc2\\x85");
        let long = [b'k'; LABEL_BYTES_MAX + 1];
        assert_eq!(label_of(&long[1..]), "k".repeat(LABEL_BYTES_MAX));
        assert_eq!(label_of(&long), "k".repeat(LABEL_BYTES_MAX) + "…");
        let mut text = String::new();
        push_sample(&mut text, "n", &[("key", &label_of(b"a\n\"\\"))], "1");
        assert_eq!(text, "n{key=\"a\\\\x0a\\\"\\\\\\\\\"} 1\n");
    }

    #[test]
    fn fields_are_in_base_units_with_the_words_of_info() {
        let counters = Counters {
            expired_keys: 12,
            loop_busy_usec: 2_000_001,
            ..Counters::default()
        };
        let gauges = Gauges {
            used_memory_bytes: 70_000,
            cpu_user_usec: 1_200_000,
            ..Gauges::default()
        };
        let text = text_of(&gauges, &counters);
        assert!(text.contains(
            "# TYPE evenkeel_keys_expired counter\n\
             # HELP evenkeel_keys_expired Keys removed because their time was up.\n\
             evenkeel_keys_expired_total 12\n"
        ));
        assert!(text.contains(
            "# TYPE evenkeel_memory_used_bytes gauge\n# UNIT evenkeel_memory_used_bytes bytes\n"
        ));
        assert_eq!(sample(&text, "evenkeel_memory_used_bytes"), Some("70000"));
        assert_eq!(
            sample(&text, "evenkeel_loop_busy_seconds_total"),
            Some("2.000001")
        );
        assert_eq!(
            sample(&text, "evenkeel_commands_busy_seconds_total"),
            Some("0.0015")
        );
        assert_eq!(
            sample(&text, "evenkeel_cpu_user_seconds_total"),
            Some("1.2")
        );
        assert_eq!(sample(&text, "evenkeel_snapshot_last_succeeded"), Some("1"));
        // There was none, and a number would be a lie.
        assert_eq!(
            sample(&text, "evenkeel_snapshot_last_duration_seconds"),
            None
        );
        let failed = Gauges {
            last_save_failed: true,
            ..Gauges::default()
        };
        let text = text_of(&failed, &counters);
        assert_eq!(sample(&text, "evenkeel_snapshot_last_succeeded"), Some("0"));
    }

    #[test]
    fn in_the_older_format_a_counter_has_the_name_of_its_sample() {
        let text = text_in(Format::Older, &Gauges::default(), &Counters::default());
        assert!(text.contains(
            "# TYPE evenkeel_keys_expired_total counter\n\
             # HELP evenkeel_keys_expired_total Keys removed because their time was up.\n\
             evenkeel_keys_expired_total 0\n"
        ));
        assert!(!text.contains("# UNIT"));
    }

    #[test]
    fn every_sample_follows_a_family_of_its_name() {
        let text = text_of(&Gauges::default(), &Counters::distinct(1));
        let mut family = "";
        let mut count = 0;
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                family = head.split(' ').next().expect("a name");
            } else if !line.starts_with('#') {
                let name = line.split([' ', '{']).next().expect("a name");
                assert!(
                    name == family || name.strip_suffix("_total") == Some(family),
                    "{line}"
                );
                count += 1;
            }
        }
        assert_eq!(
            count,
            EXPOSED.len() - 1,
            "all but the duration of no snapshot"
        );
    }

    #[test]
    fn a_histogram_is_added_up_at_its_bounds() {
        let mut histogram = Histogram::new();
        for turn_us in [0, 7, 8, 15, 16, 1_000, 5_000_000] {
            histogram.record(turn_us);
        }
        let mut text = String::new();
        let bounds = Bounds {
            count: 3,
            ..TURN_BOUNDS
        };
        push_histogram(
            &mut text,
            "a_seconds",
            &[("x", "q\"\\\n")],
            &histogram,
            bounds,
        );
        let label = "x=\"q\\\"\\\\\\n\"";
        let expected = format!(
            "a_seconds_bucket{{{label},le=\"0.000008\"}} 2\n\
             a_seconds_bucket{{{label},le=\"0.000016\"}} 4\n\
             a_seconds_bucket{{{label},le=\"0.000032\"}} 5\n\
             a_seconds_bucket{{{label},le=\"+Inf\"}} 7\n\
             a_seconds_sum{{{label}}} 5.001046\n\
             a_seconds_count{{{label}}} 7\n"
        );
        assert_eq!(text, expected);
    }
}
