//! A table in Markdown, with the mean of each column at its end.
//!
//! Not here: what the numbers are.

use std::fmt;

/// Rows of numbers, some of them absent.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Table {
        Table {
            columns: columns.iter().map(|name| (*name).to_string()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, name: &str, values: &[Option<f64>]) {
        self.rows.push((name.to_string(), values.to_vec()));
    }

    /// The mean of a column; none if a row has no value there.
    fn mean(&self, column: usize) -> Option<f64> {
        let values = self.rows.iter().map(|(_, values)| values[column]);
        let sum: f64 = values.sum::<Option<f64>>()?;
        (!self.rows.is_empty()).then_some(sum / self.rows.len() as f64)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| | {} |", self.columns.join(" | "))?;
        writeln!(formatter, "|---|{}", "---|".repeat(self.columns.len()))?;
        let means = (0..self.columns.len()).map(|column| self.mean(column));
        let means = ("mean".to_string(), means.collect());
        for (name, values) in self.rows.iter().chain([&means]) {
            write!(formatter, "| {name} |")?;
            for value in values {
                match value {
                    Some(value) => write!(formatter, " {value:.1} |")?,
                    None => write!(formatter, " |")?,
                }
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}
