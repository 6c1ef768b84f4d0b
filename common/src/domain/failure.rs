//! Whose fault a failure is, and whether another attempt can help.

use serde::{Deserialize, Serialize};

/// The classes of failure that decide what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureClass {
    /// The job is wrong: another attempt fails the same way.
    User,
    /// Something outside did not answer: worth another attempt.
    External,
    /// A promise of this program was broken.
    Internal,
    /// Records are gone and `failOnDataLoss` is true.
    DataLoss,
    /// The holder of a shuffle block does not answer: its map task must run again.
    LostBlock,
    /// The work belongs to an older generation.
    Fenced,
    /// The work was called off.
    Cancelled,
}

impl FailureClass {
    /// Whether the same task may succeed when run again.
    #[must_use]
    pub fn retryable(self) -> bool {
        match self {
            Self::External | Self::Internal | Self::LostBlock => true,
            Self::User | Self::DataLoss | Self::Fenced | Self::Cancelled => false,
        }
    }
}
