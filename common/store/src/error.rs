//! What can go wrong with a store: what was tried, where, why it failed, what to do.

use std::error::Error;
use std::fmt;
use std::io;

use millstream_common::domain::failure::FailureClass;
use millstream_common::options::OptionError;
use thiserror::Error;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reading a whole object.
    Read,
    /// Listing a folder.
    List,
    /// Writing or creating an object.
    Write,
    /// Deleting objects.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Delete => "delete",
        })
    }
}

/// Why an operation failed, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The file, folder, bucket or key is not there.
    NotFound,
    /// The bucket is not there.
    NoSuchBucket,
    /// The caller may not do this.
    PermissionDenied,
    /// No room, or a quota is used up.
    DiskFull,
    /// The file system is mounted read-only.
    ReadOnly,
    /// A file stands where a folder is needed, or the reverse.
    WrongKind,
    /// The process or the system has too many files open.
    TooManyFiles,
    /// No AWS credentials were found, or they are not accepted.
    NoCredentials,
    /// No AWS region is set and none can be found.
    NoRegion,
    /// The service did not answer, or answered that it cannot now.
    Unavailable,
    /// Anything else: see the source.
    Other,
}

impl Cause {
    /// The cause of an I/O error.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => Self::WrongKind,
            // EMFILE and ENFILE have no kind of their own.
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => Self::TooManyFiles,
            _ => Self::Other,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::NotFound => "it does not exist: check the path",
            Self::NoSuchBucket => "the bucket does not exist: check its name and AWS_REGION",
            Self::PermissionDenied => {
                "permission denied: check owner and mode of the path, or the role's policy for the bucket"
            }
            Self::DiskFull => "no space is left: free space there or choose another location, then start again",
            Self::ReadOnly => "the file system is read-only: choose another location",
            Self::WrongKind => "a file stands where a folder is needed, or the reverse: check the path",
            Self::TooManyFiles => "too many files are open: raise the limit (ulimit -n)",
            Self::NoCredentials => {
                "no usable AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or give the instance a role"
            }
            Self::NoRegion => "no AWS region is known: set AWS_REGION",
            Self::Unavailable => {
                "the service does not answer: check the network, AWS_ENDPOINT_URL and AWS_REGION, and try again"
            }
            Self::Other => "see the cause",
        }
    }
}

/// An operation on a store that failed. `Display` leaves out the source: print the chain.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The text is no location.
    #[error("location '{location}' cannot be used: {reason}")]
    BadLocation {
        /// The text.
        location: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The path cannot be used in a store.
    #[error("path '{path}' cannot be used in {location}: {reason}")]
    BadPath {
        /// The path.
        path: String,
        /// The store.
        location: String,
        /// What is wrong.
        reason: String,
    },
    /// The operation was tried and failed.
    #[error("cannot {operation} {path}: {}", .cause.advice())]
    Failed {
        /// What was tried.
        operation: Operation,
        /// On what: full path or URL.
        path: String,
        /// Why it failed.
        cause: Cause,
        /// The error underneath.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No file is there to be read.
    #[error("no {format} file matches '{path}': check the path; names that begin with '_' or '.' are not read")]
    NoFiles {
        /// The path, folder or pattern.
        path: String,
        /// The format asked for.
        format: &'static str,
    },
    /// What a file holds cannot be used.
    #[error("{file}{}: {reason}", place(*.line, .column.as_deref()))]
    BadFile {
        /// The file.
        file: String,
        /// The line, counted from 1, where there is one.
        line: Option<u64>,
        /// The column's name, where there is one.
        column: Option<String>,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Rows of these types cannot be written in this format.
    #[error("column '{column}' of type {data_type} cannot be written as {format}: {reason}")]
    UnsupportedType {
        /// The column's name.
        column: String,
        /// Its type in Spark's words.
        data_type: String,
        /// The format asked for.
        format: &'static str,
        /// What to do instead.
        reason: &'static str,
    },
    /// The options of a file source or sink cannot be used.
    #[error(transparent)]
    BadOption(#[from] OptionError),
    /// A folder that must be new exists.
    #[error("{path} exists and is not empty: remove it, or set mode to 'append' or 'overwrite'")]
    Exists {
        /// The folder.
        path: String,
    },
}

fn place(line: Option<u64>, column: Option<&str>) -> String {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let column = column.map(|column| format!(", column '{column}'")).unwrap_or_default();
    format!("{line}{column}")
}

impl StoreError {
    pub(crate) fn bad_file(file: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::BadFile {
            file: file.to_string(),
            line: None,
            column: None,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn io(operation: Operation, path: impl fmt::Display, error: io::Error) -> Self {
        Self::Failed {
            operation,
            path: path.to_string(),
            cause: Cause::of_io(&error),
            source: Box::new(error),
        }
    }

    /// Why the operation failed; none when it was not tried.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Failed { cause, .. } => Some(*cause),
            Self::BadLocation { .. }
            | Self::BadPath { .. }
            | Self::NoFiles { .. }
            | Self::BadFile { .. }
            | Self::UnsupportedType { .. }
            | Self::BadOption(_)
            | Self::Exists { .. } => None,
        }
    }

    /// Whose fault it is and whether another attempt can help.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self.cause() {
            None
            | Some(
                Cause::NotFound
                | Cause::NoSuchBucket
                | Cause::PermissionDenied
                | Cause::ReadOnly
                | Cause::WrongKind
                | Cause::NoCredentials
                | Cause::NoRegion,
            ) => FailureClass::User,
            Some(Cause::DiskFull | Cause::TooManyFiles | Cause::Unavailable | Cause::Other) => FailureClass::External,
        }
    }
}
