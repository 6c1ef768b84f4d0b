//! A job file's text: as written, with parameters put in, and the way back from the second to the first.

use sqlparser::tokenizer::Location;

use crate::error::{Fault, Position, SqlError, SqlErrorKind};
use crate::secrets::Secrets;

/// The text as written and as read, with a map between positions.
#[derive(Debug)]
pub(crate) struct SourceText {
    file: String,
    original: Vec<char>,
    /// The text with parameters put in: what is tokenised.
    pub(crate) read: String,
    /// Ordered by `read`: from that character on, positions are `original + (position - read)`, or exactly `original` inside
    /// a value that was put in.
    segments: Vec<Segment>,
    /// Character index of each line's first character in `read`.
    read_lines: Vec<usize>,
    /// What messages must not show.
    secrets: Secrets,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) read: usize,
    pub(crate) original: usize,
    /// The segment is a parameter's value: all of it stands for one place.
    pub(crate) value: bool,
}

impl SourceText {
    pub(crate) fn new(file: &str, original: &str, read: String, segments: Vec<Segment>) -> Self {
        let mut read_lines = vec![0];
        read_lines.extend(read.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(i, _)| i + 1));
        Self {
            file: file.to_owned(),
            original: original.chars().collect(),
            read,
            segments,
            read_lines,
            secrets: Secrets::default(),
        }
    }

    /// Keeps `secrets` out of messages about this text.
    pub(crate) fn hiding(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// The character index of `at` in the text that is read.
    pub(crate) fn index(&self, at: Location) -> usize {
        let line = usize::try_from(at.line).unwrap_or(1).max(1);
        let column = usize::try_from(at.column).unwrap_or(1).max(1);
        self.read_lines.get(line - 1).copied().unwrap_or(0) + column - 1
    }

    /// The text between two places of the text that is read.
    pub(crate) fn between(&self, from: Location, until: Location) -> String {
        let (from, until) = (self.index(from), self.index(until));
        self.read.chars().skip(from).take(until.saturating_sub(from)).collect()
    }

    /// Where `at` was written.
    pub(crate) fn position(&self, at: Location) -> Position {
        if at.line == 0 {
            return Position::default();
        }
        self.position_of(self.original_index(at))
    }

    /// The text between two places as it was written.
    pub(crate) fn written(&self, from: Location, until: Location) -> String {
        let (from, until) = (self.original_index(from), self.original_index(until));
        self.original
            .iter()
            .skip(from)
            .take(until.saturating_sub(from))
            .collect::<String>()
            .trim()
            .to_owned()
    }

    fn original_index(&self, at: Location) -> usize {
        let read = self.index(at);
        let next = self.segments.partition_point(|s| s.read <= read);
        match next.checked_sub(1).and_then(|i| self.segments.get(i)) {
            Some(segment) if segment.value => segment.original,
            Some(segment) => segment.original + (read - segment.read),
            None => read,
        }
    }

    fn position_of(&self, original: usize) -> Position {
        let before = &self.original[..original.min(self.original.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        Position { line, column }
    }

    fn line_text(&self, line: usize) -> String {
        let text: String = self.original.iter().collect();
        text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned()
    }

    /// The user's view of a fault.
    pub(crate) fn error(&self, fault: Fault) -> SqlError {
        let position = self.position(fault.at);
        SqlError {
            file: self.file.clone(),
            line_text: self.line_text(position.line),
            position,
            kind: fault.kind,
            message: self.secrets.redact(&fault.message),
            help: fault.help.map(|help| self.secrets.redact(&help)),
        }
    }

    /// The error that the character `original` of the text as written is wrong.
    pub(crate) fn error_at(
        &self,
        original: usize,
        kind: SqlErrorKind,
        message: String,
        help: Option<String>,
    ) -> SqlError {
        let position = self.position_of(original);
        SqlError {
            file: self.file.clone(),
            line_text: self.line_text(position.line),
            position,
            kind,
            message,
            help,
        }
    }
}
