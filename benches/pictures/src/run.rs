//! A run as its file tells it: one JSON object a line (`../side_by_side/run_file.rs`).
//!
//! Lines without the figures asked for are passed over. Not here: what is drawn (`choice.rs`).

use std::error::Error;
use std::path::Path;

use serde_json::Value;

/// One row: its name and the medians of two columns.
pub(crate) struct Bars {
    /// Name of the row.
    pub(crate) row: String,
    /// The medians; none where a side has no value.
    pub(crate) values: [Option<f64>; 2],
}

/// What a file holds.
pub(crate) struct Run {
    /// The file's name.
    pub(crate) name: String,
    /// The file's name and what identifies the run, in a line.
    pub(crate) source: String,
    lines: Vec<Value>,
}

impl Run {
    /// The runs of a folder, in the order of their names, which begin with the date.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or as [`Run::read`].
    pub(crate) fn read_all(folder: &Path) -> Result<Vec<Run>, Box<dyn Error>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                files.push(path);
            }
        }
        files.sort();
        files.iter().map(|path| Run::read(path)).collect()
    }

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
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let source = match head["label"].as_str() {
            None | Some("") => format!("run {name}"),
            Some(label) => format!("run {name}: {label}"),
        };
        Ok(Run {
            name,
            source,
            lines,
        })
    }

    /// All lines; the first says what the run was.
    pub(crate) fn lines(&self) -> &[Value] {
        &self.lines
    }

    /// Whether it was a smoke run.
    pub(crate) fn is_quick(&self) -> bool {
        let arguments = self.lines[0]["arguments"].as_str().unwrap_or_default();
        arguments.split(' ').any(|argument| argument == "--quick")
    }

    /// Whether its sources are in no commit.
    pub(crate) fn is_dirty(&self) -> bool {
        let commit = self.lines[0]["evenkeel"].as_str().unwrap_or_default();
        commit.ends_with("-dirty")
    }

    /// The rows of a section's figure, in the order of the run.
    pub(crate) fn bars(&self, section: &str, figure: &str, sides: [&str; 2]) -> Vec<Bars> {
        let lines = self.lines.iter().filter(|line| {
            line["section"].as_str() == Some(section) && line["figure"].as_str() == Some(figure)
        });
        let bars = lines.map(|line| Bars {
            row: line["row"].as_str().unwrap_or_default().to_owned(),
            values: sides.map(|side| median(&line[side])),
        });
        bars.filter(|bars| bars.values.iter().any(Option::is_some))
            .collect()
    }
}

/// The median of a JSON array of numbers.
pub(crate) fn median(values: &Value) -> Option<f64> {
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
