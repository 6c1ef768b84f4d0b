//! What can go wrong with state.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use millstream_common::domain::failure::FailureClass;
use thiserror::Error;

use crate::keys::KeyError;

/// A failure of the state store.
#[derive(Debug, Error)]
pub enum StateError {
    /// The plan named by the reduce stage is not what was agreed.
    #[error("the reduce stage's plan has the root '{found}', expected a partial aggregate")]
    NotAnAggregate {
        /// Name of the root operator.
        found: String,
    },
    /// A group key cannot be hashed.
    #[error("cannot group")]
    Key(#[from] KeyError),
    /// Event time must be a timestamp.
    #[error("the event-time group column {column} is {data_type}, expected a timestamp in microseconds")]
    EventTimeType {
        /// Position among the group columns.
        column: usize,
        /// What it is.
        data_type: DataType,
    },
    /// Partial rows of another shape.
    #[error("partial rows have {found} columns, expected {expected}")]
    PartialShape {
        /// Columns received.
        found: usize,
        /// Columns of keys and states.
        expected: usize,
    },
    /// Column work failed.
    #[error("state columns: {step}")]
    Columns {
        /// What was being done.
        step: &'static str,
        /// Arrow's reason.
        #[source]
        source: ArrowError,
    },
    /// An aggregate function failed.
    #[error("aggregate functions: {step}")]
    Aggregate {
        /// What was being done.
        step: &'static str,
        /// The function's reason.
        #[source]
        source: DataFusionError,
    },
    /// A state file cannot be read or written.
    #[error("state file '{path}'")]
    File {
        /// Where.
        path: String,
        /// The store's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A state file does not hold what was written.
    #[error("state file '{path}' is damaged; restore it or start with a new checkpoint")]
    Damaged {
        /// Where.
        path: String,
        /// What cannot be read.
        #[source]
        source: ArrowError,
    },
    /// A state file that the commit refers to is gone.
    #[error("state file '{path}' of the checkpoint does not exist; restore it or start with a new checkpoint")]
    MissingFile {
        /// Where it should be.
        path: String,
    },
    /// A state file was written for other groups or aggregates.
    #[error("state file '{path}' holds {found}, but the query needs {expected}; start with a new checkpoint")]
    OtherQuery {
        /// Where.
        path: String,
        /// Columns in the file.
        found: String,
        /// Columns of the query.
        expected: String,
    },
    /// The version asked for is neither in memory nor in files.
    #[error("state version {wanted} is asked for, version {held} is held and no files are named")]
    MissingVersion {
        /// What the task starts from.
        wanted: u64,
        /// What this process holds.
        held: u64,
    },
    /// More chunks or rows than positions can name.
    #[error("state of a reduce task exceeds {limit} rows; raise the number of reduce tasks")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
}

impl StateError {
    pub(super) fn columns(step: &'static str) -> impl FnOnce(ArrowError) -> Self {
        move |source| Self::Columns { step, source }
    }

    pub(super) fn aggregate(step: &'static str) -> impl FnOnce(DataFusionError) -> Self {
        move |source| Self::Aggregate { step, source }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            // Files are immutable and stores consistent: what is gone or damaged now will be so at the next attempt.
            Self::Key(_)
            | Self::EventTimeType { .. }
            | Self::OtherQuery { .. }
            | Self::Aggregate { .. }
            | Self::Damaged { .. }
            | Self::MissingFile { .. } => FailureClass::User,
            Self::File { .. } => FailureClass::External,
            Self::NotAnAggregate { .. }
            | Self::PartialShape { .. }
            | Self::Columns { .. }
            | Self::MissingVersion { .. }
            | Self::TooLarge { .. } => FailureClass::Internal,
        }
    }
}
