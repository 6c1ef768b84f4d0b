//! Texts that name a place: plain paths, `file://`, `s3://`, `s3a://`.

use std::fmt;
use std::path::{Component, PathBuf};

use crate::error::StoreError;

/// A place that objects can be read from and written to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// A local path, relative to the working directory or absolute.
    Local(PathBuf),
    /// A bucket and a key prefix without leading or trailing `/` (empty: the whole bucket).
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
}

impl Location {
    /// Reads a location.
    ///
    /// # Errors
    /// `BadLocation` with what is accepted.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let bad = |reason: &str| StoreError::BadLocation {
            location: text.to_owned(),
            reason: reason.to_owned(),
        };
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.contains('\0') {
            return Err(bad("it is empty; give a path, file:///path or s3://bucket/prefix"));
        }
        let Some((scheme, rest)) = trimmed.split_once("://") else {
            // Hadoop also writes `file:/path`.
            let path = trimmed.strip_prefix("file:").unwrap_or(trimmed);
            return Ok(Self::Local(PathBuf::from(path)));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                if !path.starts_with('/') {
                    return Err(bad("a file URL names an absolute path, as in file:///data/checkpoint"));
                }
                Ok(Self::Local(PathBuf::from(path)))
            }
            "s3" | "s3a" | "s3n" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(bad("the bucket is missing, as in s3://bucket/prefix"));
                }
                let prefix = prefix.trim_matches('/');
                if !prefix.is_empty() {
                    check_relative(prefix).map_err(|reason| bad(&reason))?;
                }
                Ok(Self::S3 {
                    bucket: bucket.to_owned(),
                    prefix: prefix.to_owned(),
                })
            }
            _ => Err(bad("only plain paths, file://, s3:// and s3a:// are supported")),
        }
    }

    /// The place `relative` below this one.
    #[must_use]
    pub fn join(&self, relative: &str) -> Self {
        let relative = relative.trim_matches('/');
        match self {
            Self::Local(root) => Self::Local(root.join(relative)),
            Self::S3 { bucket, prefix } => Self::S3 {
                bucket: bucket.clone(),
                prefix: [prefix.as_str(), relative]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("/"),
            },
        }
    }

    /// The folder this place is in and its name there; none at a root.
    #[must_use]
    pub fn split(&self) -> Option<(Self, String)> {
        match self {
            Self::Local(path) => {
                let name = match path.components().next_back()? {
                    Component::Normal(name) => name.to_str()?.to_owned(),
                    Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
                        return None;
                    }
                };
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                Some((
                    Self::Local(parent.map_or_else(|| PathBuf::from("."), PathBuf::from)),
                    name,
                ))
            }
            Self::S3 { bucket, prefix } => {
                let (parent, name) = prefix.rsplit_once('/').unwrap_or(("", prefix));
                (!name.is_empty()).then(|| {
                    let parent = Self::S3 {
                        bucket: bucket.clone(),
                        prefix: parent.to_owned(),
                    };
                    (parent, name.to_owned())
                })
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Checks that a path stays below its root and means the same on every kind of store; gives the reason when not.
pub(crate) fn check_relative(path: &str) -> Result<(), String> {
    if path.is_empty() || path.contains('\0') {
        return Err("a path may not be empty".to_owned());
    }
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." {
            return Err(format!("part '{part}' is not allowed: no empty parts, '.' or '..'"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_location_are_read() {
        let s3 = |bucket: &str, prefix: &str| Location::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (text, expected) in [
            ("data/out", Location::Local("data/out".into())),
            ("/data/out", Location::Local("/data/out".into())),
            ("file:///data/out", Location::Local("/data/out".into())),
            ("file:/data/out", Location::Local("/data/out".into())),
            ("s3://bucket", s3("bucket", "")),
            ("s3a://bucket/a/b/", s3("bucket", "a/b")),
        ] {
            assert_eq!(Location::parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "hdfs://host/x", "s3:///x", "file://host/x", "s3://b/a/../c"] {
            let error = Location::parse(text).unwrap_err().to_string();
            assert!(error.contains("cannot be used"), "{error}");
        }
    }

    #[test]
    fn a_place_splits_into_folder_and_name() {
        for (text, folder, name) in [
            ("a.csv", ".", "a.csv"),
            ("/x/a.csv", "/x", "a.csv"),
            ("s3://b/x/a.csv", "s3://b/x", "a.csv"),
            ("s3://b/a.csv", "s3://b", "a.csv"),
        ] {
            let (parent, last) = Location::parse(text).unwrap().split().unwrap();
            assert_eq!((parent.to_string().as_str(), last.as_str()), (folder, name));
            assert_eq!(parent.join(&last).to_string().trim_start_matches("./"), text);
        }
        assert_eq!(Location::parse("s3://b").unwrap().split(), None);
        assert_eq!(Location::parse("/").unwrap().split(), None);
    }
}
