//! Identities. Each is a type of its own so that none can be passed for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// The one that follows.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
    };
}

text_id! {
    /// A query for as long as its checkpoint lives (Spark's `id`): a UUID, kept in the checkpoint's `metadata`.
    QueryId
}
text_id! {
    /// One executor process; a restarted process is another executor.
    ExecutorId
}
number_id! {
    /// A micro-batch of one query, counted from 0.
    BatchId
}
number_id! {
    /// One start of a query; grows with every start, so that work of an earlier one can be refused.
    Generation
}
number_id! {
    /// One task of one batch; attempts of the same task share it.
    TaskId
}
number_id! {
    /// One stay of an executor with a driver.
    SessionId
}
