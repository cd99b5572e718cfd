//! A run as its file tells it: one JSON object a line (`../side_by_side/run_file.rs`).
//!
//! Lines without the figures asked for are passed over. Not here: what is drawn (`main.rs`).

use std::error::Error;
use std::path::Path;

use serde_json::Value;

/// One row: its name and the medians of redis-server and of Evenkeel.
pub(crate) struct Bars {
    /// Name of the row.
    pub(crate) row: String,
    /// The medians; none where a side has no value.
    pub(crate) values: [Option<f64>; 2],
}

/// What a file holds.
pub(crate) struct Run {
    /// The file's name and what identifies the run, in a line.
    pub(crate) source: String,
    lines: Vec<Value>,
}

impl Run {
    /// Reads a run.
    ///
    /// # Errors
    ///
    /// The file cannot be read, a line is no JSON, or there is none.
    pub(crate) fn read(path: &Path) -> Result<Run, Box<dyn Error>> {
        let text = std::fs::read_to_string(path)?;
        let lines: Vec<Value> = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        let head = lines.first().ok_or("the run is empty")?;
        let name = path.file_name().unwrap_or_default().display();
        let source = match head["label"].as_str() {
            None | Some("") => format!("run {name}"),
            Some(label) => format!("run {name}: {label}"),
        };
        Ok(Run { source, lines })
    }

    /// The rows of the figures, in the order of the run.
    pub(crate) fn bars(&self, figures: &[&str]) -> Vec<Bars> {
        let lines = self.lines.iter().filter(|line| {
            let figure = line["figure"].as_str();
            figure.is_some_and(|figure| figures.contains(&figure))
        });
        let bars = lines.map(|line| Bars {
            row: line["row"].as_str().unwrap_or_default().to_owned(),
            values: [&line["redis"], &line["evenkeel"]].map(median),
        });
        bars.filter(|bars| bars.values.iter().any(Option::is_some))
            .collect()
    }
}

/// The median of a JSON array of numbers.
fn median(values: &Value) -> Option<f64> {
    let values = values.as_array()?;
    let mut sorted: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}
