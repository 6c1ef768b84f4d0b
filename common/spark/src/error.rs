//! What can go wrong in this crate. Data never does: a value Spark cannot convert becomes NULL.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::DataFusionError;

/// A failure of a Spark function, cast or rendering.
#[derive(Debug, thiserror::Error)]
pub enum SparkError {
    /// Spark has no cast between these types.
    #[error(
        "cannot cast {} to {}",
        crate::type_name::spark_type(from),
        crate::type_name::spark_type(to)
    )]
    NoCast {
        /// Type of the value.
        from: DataType,
        /// Type asked for.
        to: DataType,
    },
    /// Text or a number is no value of a type whose casts fail instead of giving NULL.
    #[error("{text:?} is not a value of {}", crate::type_name::spark_type(to))]
    BadValue {
        /// The value as given.
        text: String,
        /// Type asked for.
        to: DataType,
    },
    /// A result does not fit its type, of which this is the name.
    #[error("the result does not fit {0}")]
    Overflow(String),
    /// A time zone name is neither a region nor an offset.
    #[error("unknown time zone {name:?}: use a region such as Europe/Berlin, UTC or an offset such as +03:30")]
    UnknownZone {
        /// The name as given.
        name: String,
    },
    /// Arrow refused to build or combine arrays.
    #[error("could not build a column: {0}")]
    Arrow(#[from] ArrowError),
    /// The engine refused a plan, a registration or a call.
    #[error("engine: {0}")]
    Engine(#[from] Box<DataFusionError>),
}

impl From<DataFusionError> for SparkError {
    fn from(cause: DataFusionError) -> Self {
        Self::Engine(Box::new(cause))
    }
}

impl From<SparkError> for DataFusionError {
    fn from(error: SparkError) -> Self {
        match error {
            SparkError::Engine(cause) => *cause,
            SparkError::Arrow(cause) => DataFusionError::ArrowError(Box::new(cause), None),
            other @ SparkError::NoCast { .. } => DataFusionError::Plan(other.to_string()),
            other @ (SparkError::BadValue { .. } | SparkError::Overflow(_)) => {
                DataFusionError::Execution(other.to_string())
            }
            other @ SparkError::UnknownZone { .. } => DataFusionError::Configuration(other.to_string()),
        }
    }
}
