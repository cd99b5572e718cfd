//! One file of `tests/scripts/`: cases of requests and expected replies, as data.
//!
//! ```text
//! == a title                 a new case: empty keyspace, new connections
//! > SET k "a b" EX 2         a request, in the quoting of `words.rs`
//! < +OK                      its reply, in the notation of `value.rs`, one line per element
//! @ +1500ms                  moves the clock (ms or s)
//! ! still clock              this case counts milliseconds: only where no time passes by itself
//! ! connection b             the following requests go over connection b (the first is a)
//! ! resp3                    switches this connection to RESP3
//! ! sorted                   the members of the next reply are compared in sorted order
//! ! reload                   saves the keyspace and loads it again, from here on over new connections
//! ! only evenkeel: reason    this case is not for foreign servers
//! # a comment
//! ```
//! Instead of a reply element, `<` may give a pattern: `(any)` one whole element, `(nothing)` no
//! reply at all, `(between 1 5)` an integer or decimal text, `(starts X)` a line starting with X.
//! In the file members are indented by two blanks after `< `.
//!
//! Not here: who executes the steps (`tests/scripts.rs`).

use super::value::Value;
use super::words;

/// One file.
#[derive(Debug)]
pub(crate) struct Script {
    /// File name without folder.
    pub(crate) name: String,
    /// Its cases in order.
    pub(crate) cases: Vec<Case>,
}

/// One titled sequence of steps on an empty keyspace.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its title.
    pub(crate) title: String,
    /// Why foreign servers answer differently, if they do.
    pub(crate) only_evenkeel: Option<String>,
    /// Whether the clock must stand still between its steps.
    pub(crate) needs_still_clock: bool,
    /// Its steps in order.
    pub(crate) steps: Vec<Step>,
}

/// One step and the line it stands on, counted from 1.
#[derive(Debug)]
pub(crate) struct Step {
    /// Line in the file.
    pub(crate) line: usize,
    /// What to do.
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    /// Sends a request and compares the replies.
    Request {
        /// Name of the connection.
        connection: String,
        /// The words of the request.
        words: Vec<Vec<u8>>,
        /// Expected lines, indentation kept.
        expected: Vec<String>,
        /// Whether the members of the reply have no fixed order.
        sorted: bool,
    },
    /// Moves the clock forward by milliseconds.
    Advance(u64),
    /// Saves and loads the keyspace.
    Reload,
}

impl Script {
    /// Parses a file; the error names the line.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Script, String> {
        let mut parser = Parser {
            cases: Vec::new(),
            connection: "a".to_owned(),
            sorted: false,
        };
        for (index, line) in text.lines().enumerate() {
            parser
                .line(index + 1, line)
                .map_err(|error| format!("{name}:{}: {error}", index + 1))?;
        }
        for case in &parser.cases {
            let unanswered = case.steps.iter().find(|step| {
                matches!(&step.action, Action::Request { expected, .. } if expected.is_empty())
            });
            if let Some(step) = unanswered {
                return Err(format!("{name}:{}: a request without a reply", step.line));
            }
        }
        Ok(Script {
            name: name.to_owned(),
            cases: parser.cases,
        })
    }
}

impl Case {
    /// Whether the case can run only where the clock can be moved.
    pub(crate) fn moves_the_clock(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.action, Action::Advance(_)))
    }

    /// Whether the case can run only where the keyspace can be saved and loaded.
    pub(crate) fn reloads(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.action, Action::Reload))
    }
}

struct Parser {
    cases: Vec<Case>,
    connection: String,
    sorted: bool,
}

impl Parser {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        let (mark, rest) = line.split_at(line.len().min(2));
        match mark.trim_end() {
            "" | "#" => Ok(()),
            "==" => {
                self.connection = "a".to_owned();
                self.sorted = false;
                let title = rest.trim().to_owned();
                self.cases.push(Case {
                    title,
                    only_evenkeel: None,
                    needs_still_clock: false,
                    steps: Vec::new(),
                });
                Ok(())
            }
            ">" => {
                let words = words::split(rest).ok_or("unbalanced quotes")?;
                self.request(number, words, Vec::new())
            }
            "<" => self.expectation(rest),
            "@" => {
                let advance = Action::Advance(milliseconds(rest).ok_or("not a span: @ +1500ms")?);
                self.push(number, advance)
            }
            "!" => self.directive(number, rest.trim()),
            _ => Err(format!("no such mark: {line:?}")),
        }
    }

    fn directive(&mut self, number: usize, text: &str) -> Result<(), String> {
        if let Some(name) = text.strip_prefix("connection ") {
            self.connection = name.to_owned();
            return Ok(());
        }
        if let Some(reason) = text.strip_prefix("only evenkeel:") {
            self.case()?.only_evenkeel = Some(reason.trim().to_owned());
            return Ok(());
        }
        match text {
            "resp3" => {
                let words = vec![b"HELLO".to_vec(), b"3".to_vec()];
                self.request(number, words, vec!["(any)".to_owned()])
            }
            "sorted" => {
                self.sorted = true;
                Ok(())
            }
            "reload" => self.push(number, Action::Reload),
            "still clock" => {
                self.case()?.needs_still_clock = true;
                Ok(())
            }
            _ => Err(format!("no such directive: {text:?}")),
        }
    }

    fn request(
        &mut self,
        number: usize,
        words: Vec<Vec<u8>>,
        expected: Vec<String>,
    ) -> Result<(), String> {
        let connection = self.connection.clone();
        let sorted = std::mem::take(&mut self.sorted);
        self.push(
            number,
            Action::Request {
                connection,
                words,
                expected,
                sorted,
            },
        )
    }

    fn expectation(&mut self, text: &str) -> Result<(), String> {
        match self.case()?.steps.last_mut().map(|step| &mut step.action) {
            Some(Action::Request { expected, .. }) => {
                expected.push(text.trim_end().to_owned());
                Ok(())
            }
            _ => Err("a reply without a request".to_owned()),
        }
    }

    fn push(&mut self, line: usize, action: Action) -> Result<(), String> {
        self.case()?.steps.push(Step { line, action });
        Ok(())
    }

    fn case(&mut self) -> Result<&mut Case, String> {
        self.cases
            .last_mut()
            .ok_or_else(|| "a step before the first case".to_owned())
    }
}

/// `+1500ms` or `+2s` in milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim().strip_prefix('+')?;
    match text.strip_suffix("ms") {
        Some(digits) => digits.parse().ok(),
        None => text
            .strip_suffix('s')?
            .parse::<u64>()
            .ok()?
            .checked_mul(1000),
    }
}

/// How many replies these expected lines describe.
pub(crate) fn reply_count(expected: &[String]) -> usize {
    expected
        .iter()
        .filter(|line| !line.starts_with(' ') && *line != "(nothing)")
        .count()
}

/// Compares replies with the expected lines; the error shows both.
pub(crate) fn compare(expected: &[String], replies: &[Value]) -> Result<(), String> {
    let actual: Vec<String> = replies.iter().flat_map(Value::print).collect();
    let wanted: Vec<&String> = expected
        .iter()
        .filter(|line| *line != "(nothing)")
        .collect();
    let mut position = 0;
    let mut agree = true;
    for pattern in wanted {
        let Some(line) = actual.get(position) else {
            agree = false;
            break;
        };
        position += 1;
        if !line_matches(pattern, line) {
            agree = false;
            break;
        }
        if pattern.trim_start() == "(any)" {
            let depth = indentation(line);
            position += actual[position..]
                .iter()
                .take_while(|l| indentation(l) > depth)
                .count();
        }
    }
    if agree && position == actual.len() {
        return Ok(());
    }
    Err(format!(
        "expected\n  {}\ngot\n  {}",
        expected.join("\n  "),
        actual.join("\n  ")
    ))
}

fn line_matches(pattern: &str, line: &str) -> bool {
    if indentation(pattern) != indentation(line) {
        return false;
    }
    let (pattern, line) = (pattern.trim_start(), line.trim_start());
    if pattern == "(any)" {
        return true;
    }
    if let Some(prefix) = argument_of(pattern, "(starts ") {
        return line.starts_with(prefix);
    }
    if let Some(bounds) = argument_of(pattern, "(between ") {
        let bounds: Vec<f64> = bounds
            .split(' ')
            .filter_map(|bound| bound.parse().ok())
            .collect();
        let number = line
            .trim_start_matches([':', ','])
            .trim_matches('"')
            .parse::<f64>();
        return match (number, &bounds[..]) {
            (Ok(number), [low, high]) => (*low..=*high).contains(&number),
            _ => false,
        };
    }
    pattern == line
}

fn argument_of<'a>(pattern: &'a str, opening: &str) -> Option<&'a str> {
    pattern.strip_prefix(opening)?.strip_suffix(')')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
