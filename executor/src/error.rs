//! Why a task failed, and whose fault it is.

use datafusion::error::DataFusionError;
use millstream_common::domain::failure::FailureClass;
use millstream_common::options::OptionError;
use millstream_kafka::KafkaError;
use millstream_proto::control::v1::{BlockRef, Failure, FailureKind};
use millstream_store::StoreError;
use thiserror::Error;

use crate::keys::KeyError;
use crate::shuffle::{FetchError, IpcError, StoreFull};
use crate::state::StateError;

/// A failure of one task, or of setting up a query.
#[derive(Debug, Error)]
pub enum TaskError {
    /// A plan cannot be decoded or run.
    #[error("{step}")]
    Plan {
        /// What was being done.
        step: &'static str,
        /// DataFusion's reason.
        #[source]
        source: DataFusionError,
    },
    /// The specification of the query cannot be read.
    #[error("the query's specification is of another build")]
    Specification(#[source] serde_json::Error),
    /// The specification or a task names something that is not there.
    #[error("the {what} {index} is not part of the query")]
    Unknown {
        /// What is named.
        what: &'static str,
        /// Its number.
        index: u64,
    },
    /// The session time zone is unknown here.
    #[error("unknown time zone '{name}'")]
    TimeZone {
        /// As given.
        name: String,
    },
    /// An option cannot be used.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The columns of a source cannot be made.
    #[error("column '{column}' cannot be read from the source: {reason}")]
    Column {
        /// Its name.
        column: String,
        /// Why not.
        reason: String,
    },
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// State.
    #[error("state")]
    State(#[from] StateError),
    /// Group keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Too many shuffle bytes.
    #[error(transparent)]
    StoreFull(#[from] StoreFull),
    /// Rows as bytes.
    #[error(transparent)]
    Ipc(#[from] IpcError),
    /// Files of a sink.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block or static table did not come.
    #[error("fetching rows")]
    Fetch {
        /// Which block, when it was one.
        block: Option<Box<BlockRef>>,
        /// Why not.
        #[source]
        source: FetchError,
    },
    /// The rows do not suit the sink.
    #[error("the sink needs {expected}, but {found}")]
    SinkRows {
        /// What it takes.
        expected: &'static str,
        /// What is there instead.
        found: String,
    },
    /// The task was called off.
    #[error("the task was called off")]
    Cancelled,
    /// A newer start of the query owns it.
    #[error("generation {generation} of the query is not set up here")]
    Fenced {
        /// The generation the work belongs to.
        generation: u64,
    },
    /// A defect.
    #[error("the task panicked: {message}")]
    Panicked {
        /// The panic's words.
        message: String,
    },
}

impl TaskError {
    /// Names the step in which DataFusion failed; an error of ours that travelled through the plan is itself again.
    pub fn plan(step: &'static str) -> impl FnOnce(DataFusionError) -> Self {
        move |source| match source {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(inner) => Self::Plan {
                    step,
                    source: DataFusionError::External(inner),
                },
            },
            source => Self::Plan { step, source },
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Plan { source, .. } => plan_class(source),
            Self::Option(_) | Self::TimeZone { .. } | Self::Column { .. } | Self::Key(_) | Self::SinkRows { .. } => {
                FailureClass::User
            }
            Self::Kafka(error) => error.class(),
            Self::State(error) => match error {
                StateError::Aggregate { source, .. } => plan_class(source),
                other => other.class(),
            },
            Self::Store(error) => error.class(),
            Self::StoreFull(_) => FailureClass::External,
            Self::Fetch {
                block: Some(_),
                source: FetchError::Gone { .. },
            } => FailureClass::LostBlock,
            Self::Fetch { .. } => FailureClass::External,
            Self::Cancelled => FailureClass::Cancelled,
            Self::Fenced { .. } => FailureClass::Fenced,
            Self::Specification(_) | Self::Unknown { .. } | Self::Ipc(_) | Self::Panicked { .. } => {
                FailureClass::Internal
            }
        }
    }

    /// The failure as it is reported.
    #[must_use]
    pub fn to_wire(&self) -> Failure {
        let lost_block = match self {
            Self::Fetch { block: Some(block), .. } if self.class() == FailureClass::LostBlock => {
                Some(BlockRef::clone(block))
            }
            _ => None,
        };
        Failure {
            kind: kind(self.class()).into(),
            message: chain(self),
            lost_block,
        }
    }
}

/// Errors of ours travel through a plan as external ones; what DataFusion says by itself while running is about the data, unless
/// it calls itself a defect.
fn plan_class(error: &DataFusionError) -> FailureClass {
    match error.find_root() {
        DataFusionError::External(inner) => inner
            .downcast_ref::<TaskError>()
            .map_or(FailureClass::User, TaskError::class),
        DataFusionError::Internal(_) => FailureClass::Internal,
        DataFusionError::ResourcesExhausted(_) | DataFusionError::IoError(_) => FailureClass::External,
        _ => FailureClass::User,
    }
}

fn kind(class: FailureClass) -> FailureKind {
    match class {
        FailureClass::User => FailureKind::User,
        FailureClass::External => FailureKind::External,
        FailureClass::Internal => FailureKind::Internal,
        FailureClass::DataLoss => FailureKind::DataLoss,
        FailureClass::LostBlock => FailureKind::LostBlock,
        FailureClass::Fenced => FailureKind::Fenced,
        FailureClass::Cancelled => FailureKind::Cancelled,
    }
}

/// An error with all its causes, each once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_travelled_through_a_plan_speaks_for_itself() {
        let ours = DataFusionError::External(Box::new(TaskError::TimeZone {
            name: "Mars".to_owned(),
        }));
        let error = TaskError::plan("running the plan")(ours);
        assert_eq!(chain(&error), "unknown time zone 'Mars'");
        assert_eq!(error.class(), FailureClass::User);
        let other = TaskError::plan("running the plan")(DataFusionError::Execution("no".to_owned()));
        assert_eq!(chain(&other), "running the plan: Execution error: no");
    }
}
