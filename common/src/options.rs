//! `OPTIONS (...)` of a source or sink: case-insensitive names, checked values, secrets kept out of sight.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An option whose name or value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionError {
    /// The option has to be given and is not.
    #[error("option '{name}' is required: {hint}")]
    Missing {
        /// The option's name as documented.
        name: String,
        /// What to write.
        hint: String,
    },
    /// The value does not fit.
    #[error("option '{name}' is '{value}', expected {expected}")]
    Invalid {
        /// The option's name as documented.
        name: String,
        /// The value given; secrets show as `***`.
        value: String,
        /// What would have been accepted.
        expected: String,
    },
    /// No such option here.
    #[error("unknown option '{name}'{}", did_you_mean(.near.as_deref()))]
    Unknown {
        /// The name given.
        name: String,
        /// The closest documented name.
        near: Option<String>,
    },
    /// The option exists and may not be set.
    #[error("option '{name}' is not allowed: {reason}")]
    Forbidden {
        /// The option's name.
        name: String,
        /// Why.
        reason: String,
    },
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|name| format!(", did you mean '{name}'?")).unwrap_or_default()
}

/// Options by name; look-up ignores case, the given spelling is kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Lower-case name to (name as given, value).
    entries: BTreeMap<String, (String, String)>,
}

impl Options {
    /// Sets `name`, replacing an earlier value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.entries.insert(name.to_ascii_lowercase(), (name, value.into()));
    }

    /// The value of `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries
            .get(&name.to_ascii_lowercase())
            .map(|(_, value)| value.as_str())
    }

    /// All options as given, ordered by lower-case name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .values()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of `name`.
    ///
    /// # Errors
    /// `Missing` when it is not set.
    pub fn require(&self, name: &str, hint: &str) -> Result<&str, OptionError> {
        self.get(name).ok_or_else(|| OptionError::Missing {
            name: name.to_owned(),
            hint: hint.to_owned(),
        })
    }

    /// The value of `name` read as a `T`, or none when it is not set.
    ///
    /// # Errors
    /// `Invalid` when the text is not a `T`; `expected` names what would be.
    pub fn parse<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, OptionError> {
        self.get(name)
            .map(|text| text.trim().parse().map_err(|_| self.invalid(name, expected)))
            .transpose()
    }

    /// The value of `name` as a boolean: `true` or `false` in any case.
    ///
    /// # Errors
    /// `Invalid` for any other text.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, OptionError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(self.invalid(name, "true or false")),
        }
    }

    /// The error that `name` has a value which is not `expected`.
    #[must_use]
    pub fn invalid(&self, name: &str, expected: &str) -> OptionError {
        let value = self.get(name).unwrap_or_default();
        OptionError::Invalid {
            name: name.to_owned(),
            value: if is_secret(name) {
                "***".to_owned()
            } else {
                value.to_owned()
            },
            expected: expected.to_owned(),
        }
    }

    /// Checks that every option is one of `known` or begins with one of `prefixes`.
    ///
    /// # Errors
    /// `Unknown` for the first that is not, with the closest known name.
    pub fn check_known(&self, known: &[&str], prefixes: &[&str]) -> Result<(), OptionError> {
        for (lower, (name, _)) in &self.entries {
            let is_known = known.iter().any(|k| k.eq_ignore_ascii_case(lower))
                || prefixes.iter().any(|p| lower.starts_with(&p.to_ascii_lowercase()));
            if !is_known {
                return Err(OptionError::Unknown {
                    name: name.clone(),
                    near: nearest(lower, known).map(str::to_owned),
                });
            }
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Options {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut options = Self::default();
        for (name, value) in pairs {
            options.set(name, value);
        }
        options
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name, if is_secret(name) { "***" } else { value })),
            )
            .finish()
    }
}

/// Whether an option of this name may hold a secret and so is never shown.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "secret",
        "token",
        "jaas",
        "ssl.key.pem",
        "credential",
        "private",
    ]
    .iter()
    .any(|part| name.contains(part))
}

/// The candidate closest to `name` by edit distance, if one is close enough to be a slip of the pen.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = (name.len() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substitution = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_slips_are_named() {
        let options: Options = [("StartingOffsets", "earliest"), ("subscirbe", "t")]
            .into_iter()
            .collect();
        assert_eq!(options.get("startingoffsets"), Some("earliest"));
        let error = options.check_known(&["startingOffsets", "subscribe"], &["kafka."]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "unknown option 'subscirbe', did you mean 'subscribe'?"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let options: Options = [("kafka.sasl.password", "hunter2"), ("a", "b")].into_iter().collect();
        assert_eq!(format!("{options:?}"), r#"{"a": "b", "kafka.sasl.password": "***"}"#);
        assert!(
            !options
                .invalid("kafka.sasl.password", "text")
                .to_string()
                .contains("hunter2")
        );
    }
}
