//! Values that are not for showing: what came from the parameter store.

use std::fmt;

/// Values that never appear in what people read.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Longest first, so that a value is hidden before a part of it.
    values: Vec<String>,
}

/// Shorter pieces are no secrets, and hiding them would spoil every text.
const SHORTEST: usize = 3;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

impl Secrets {
    /// Keeps `value` from being shown: whole, escaped as in a quoted text, and each item of it when it is a list.
    pub(crate) fn add(&mut self, value: &str) {
        let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
        let doubled = value.replace('\'', "''");
        let items = value.split(|c: char| c == ',' || c == ';' || c.is_whitespace());
        for text in [value, value.trim(), &escaped, &doubled].into_iter().chain(items) {
            if text.chars().count() >= SHORTEST && !self.values.iter().any(|v| v == text) {
                self.values.push(text.to_owned());
            }
        }
        self.values.sort_by_key(|v| std::cmp::Reverse(v.len()));
    }

    /// `text` with every secret in it hidden.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.values
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}
