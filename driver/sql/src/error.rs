//! What is wrong with a job file, and where.

use std::fmt;

use millstream_common::domain::failure::FailureClass;
use thiserror::Error;

/// A place in a job file, counted from 1 in lines and characters of the text as the user wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1; 0 when the place is unknown.
    pub line: usize,
    /// Character within the line, from 1.
    pub column: usize,
}

/// What kind of mistake it is; tests and exit codes look at this, people at the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlErrorKind {
    /// The text cannot be read as SQL.
    Syntax,
    /// A `${...}` has no value.
    Parameter,
    /// A name (table, column, function, option) does not exist or is ambiguous.
    Name,
    /// An option or a setting has a value that cannot be used.
    Option,
    /// Types do not fit, or an expression is used where it cannot be.
    Type,
    /// Spark forbids it, or this engine does not do it yet.
    Unsupported,
    /// Something outside did not answer: a schema could not be read, a parameter store failed.
    External,
}

/// A mistake in a job file: `job.sql:12:8: error: ...`, the line, a caret, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct SqlError {
    /// The file as the user named it.
    pub file: String,
    /// Where.
    pub position: Position,
    /// What kind of mistake.
    pub kind: SqlErrorKind,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The source line, as written.
    pub line_text: String,
}

impl SqlError {
    /// Whose fault it is.
    #[must_use]
    pub fn failure_class(&self) -> FailureClass {
        match self.kind {
            SqlErrorKind::External => FailureClass::External,
            _ => FailureClass::User,
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        if line == 0 {
            write!(f, "{}: error: {}", self.file, self.message)?;
        } else {
            write!(f, "{}:{line}:{column}: error: {}", self.file, self.message)?;
            let text = self.line_text.replace('\t', " ");
            write!(f, "\n  {text}\n  {}^", " ".repeat(column.saturating_sub(1)))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// A mistake at a place of the substituted text; [`crate::text::SourceText`] makes a [`SqlError`] of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, in the substituted text.
    pub(crate) at: sqlparser::tokenizer::Location,
    pub(crate) kind: SqlErrorKind,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The result of everything behind the tokeniser.
pub(crate) type Checked<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(crate) fn new(kind: SqlErrorKind, at: sqlparser::tokenizer::Location, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            at,
            kind,
            message: message.into(),
            help: None,
        })
    }

    pub(crate) fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }

    /// Gives the fault a place when it has none yet.
    pub(crate) fn at_least(mut self: Box<Self>, at: sqlparser::tokenizer::Location) -> Box<Self> {
        if self.at.line == 0 {
            self.at = at;
        }
        self
    }
}
