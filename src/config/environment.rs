//! Settings by environment variables: every parameter by one rule.
//!
//! ```text
//!  EVENKEEL_MAXMEMORY_POLICY=allkeys-lfu     is the line     maxmemory-policy "allkeys-lfu"
//!  ^^^^^^^^^ + the name in capitals, with _ for -
//! ```
//!
//! 1. The environment comes after the files and before the options: a later source has the last
//!    word.
//! 2. The whole text is one value, as the value of a `CONFIG SET` is; a secret may hold spaces and
//!    quotes. No error repeats it.
//! 3. A variable that resembles a parameter is an error, because a misspelt password would leave
//!    the server open. Other variables that begin with `EVENKEEL_` belong to other programs.
//! 4. Kubernetes sets `EVENKEEL_PORT=tcp://…` for a service named evenkeel; such a value is no
//!    setting of ours.
//!
//! Cost: linear in the environment and in the number of rows.
//!
//! Not here: reading the environment of the process (`cli/configuration.rs`).

use super::error::{ConfigError, Place};
use super::file::{Repeats, apply_words};
use super::notes::Notes;
use super::row::{every_row, find};
use super::suggestion::closest_parameter;
use super::table::Config;

/// What the names of variables begin with.
const PREFIX: &str = "EVENKEEL_";

/// How the addresses of services begin that Kubernetes puts into the environment of a container.
const SERVICE_LINKS: [&[u8]; 3] = [b"tcp://", b"udp://", b"sctp://"];

/// The variable that sets the parameter with this name.
#[cfg_attr(not(feature = "internals"), allow(dead_code))]
pub fn variable_of(parameter: &str) -> String {
    format!("{PREFIX}{}", parameter.replace('-', "_").to_uppercase())
}

impl Config {
    /// Applies the variables that set parameters, in the order of their names.
    ///
    /// # Errors
    /// Nothing is then changed; the error names the variable.
    pub fn apply_environment(
        &mut self,
        variables: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<Notes, ConfigError> {
        let mut settings: Vec<(String, Vec<u8>)> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((String::from_utf8(name).ok()?, value)))
            .filter(|(name, value)| name.starts_with(PREFIX) && !is_service_link(value))
            .collect();
        settings.sort();
        let mut config = self.clone();
        let mut notes = Notes::default();
        for (variable, value) in settings {
            let Some(parameter) = parameter_of(&variable) else {
                continue;
            };
            let values = [&value[..]];
            let mut repeats = Repeats::default();
            apply_words(
                &mut config,
                &mut repeats,
                &mut notes,
                parameter.as_bytes(),
                &values,
            )
            .map_err(|fault| ConfigError {
                place: Box::new(Place::Environment(variable)),
                fault,
            })?;
        }
        *self = config;
        Ok(notes)
    }
}

/// The name that a variable means: that of a parameter, or one that resembles a parameter's and is
/// refused as unknown.
fn parameter_of(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX)?;
    let name = name.replace('_', "-").to_ascii_lowercase();
    let is_known = find(every_row(), name.as_bytes()).is_some();
    (is_known || closest_parameter(name.as_bytes()).is_some()).then_some(name)
}

fn is_service_link(value: &[u8]) -> bool {
    SERVICE_LINKS.iter().any(|link| value.starts_with(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ROWS;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let mut config = Config::default();
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        match config.apply_environment(pairs) {
            Ok(_) => Ok(config),
            Err(error) => {
                assert_eq!(config, Config::default(), "an error changes nothing");
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn every_parameter_has_a_variable_of_its_own() {
        let mut variables: Vec<String> = ROWS.iter().map(|row| variable_of(row.name)).collect();
        for (row, variable) in ROWS.iter().zip(&variables) {
            assert_eq!(parameter_of(variable).as_deref(), Some(row.name));
        }
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), ROWS.len());
    }

    #[test]
    fn the_whole_text_is_one_value() {
        let config = read(&[
            ("EVENKEEL_PORT", "7000"),
            ("EVENKEEL_REQUIREPASS", "two \"words\""),
            ("EVENKEEL_SAVE", "60 1 300 10"),
            ("EVENKEEL_MAXMEMORY", "64mb"),
            ("HOME", "/"),
        ]);
        let config = config.unwrap();
        assert_eq!(config.port, 7000);
        assert_eq!(&config.requirepass[..], b"two \"words\"");
        assert_eq!(config.save.len(), 2);
    }

    #[test]
    fn an_error_names_the_variable_and_not_the_value() {
        assert_eq!(
            read(&[("EVENKEEL_PORT", "70000")]).unwrap_err(),
            "environment variable EVENKEEL_PORT: bad value for 'port': \
             argument must be between 0 and 65535 inclusive"
        );
        assert_eq!(
            read(&[("EVENKEEL_REQUIREPAS", "secret")]).unwrap_err(),
            "environment variable EVENKEEL_REQUIREPAS: unknown parameter 'requirepas', \
             did you mean 'requirepass'?"
        );
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let links = [
            ("EVENKEEL_PORT", "tcp://10.0.0.7:6379"),
            ("EVENKEEL_SERVICE_HOST", "10.0.0.7"),
            ("EVENKEEL_PORT_6379_TCP_PROTO", "tcp"),
            ("EVENKEEL_ORACLE", "skip"),
        ];
        assert_eq!(read(&links).unwrap(), Config::default());
    }
}
