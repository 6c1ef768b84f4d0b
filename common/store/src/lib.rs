//! Files and objects behind one interface: a folder of the local disk or a prefix of an S3 bucket.
//!
//! Checkpoints rest on [`Store`]: whole objects, never changed in place, and [`Store::create`], which of several
//! writers lets exactly one through. [`table`] reads and writes files of rows on top of it.

mod error;
mod local;
mod location;
mod s3;
pub mod table;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use error::{Cause, Operation, StoreError};
pub use location::Location;

/// What became of a [`Store::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object did not exist and does now, with the bytes given.
    Now,
    /// The object existed before, and was left as it was.
    AlreadyExists,
}

impl Created {
    /// Whether this call made the object.
    #[must_use]
    pub fn is_new(self) -> bool {
        self == Self::Now
    }
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Path relative to the store's root, parts separated by `/`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, milliseconds since the epoch.
    pub modified_ms: i64,
}

/// The operations a kind of store implements; see [`Store`] for what they promise.
#[async_trait]
trait Backend: Send + Sync + std::fmt::Debug {
    async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError>;
    async fn list(&self, folder: &str) -> Result<Vec<ObjectInfo>, StoreError>;
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError>;
    async fn create(&self, path: &str, bytes: Bytes) -> Result<Created, StoreError>;
    async fn delete_many(&self, paths: &[String]) -> Result<(), StoreError>;
    async fn remove_all(&self) -> Result<(), StoreError>;
}

/// Objects under one location: a local folder (`dir`, `/dir`, `file:///dir`) or a bucket's prefix (`s3://bucket/dir`, `s3a://`).
///
/// Paths are relative to the location, parts separated by `/`; `..`, `.` and empty parts are refused. An object is
/// visible whole or not at all. When `put`, `create` or a delete returns, the change survives a crash of the machine
/// (locally the file and its folder are synced), unless [`Store::non_durable`] was asked for. A read sees every write
/// that returned before it began.
///
/// Cheap to clone. Needs a tokio runtime. Dropping a future may leave the operation done or not done, never half done.
#[derive(Clone, Debug)]
pub struct Store {
    location: Location,
    backend: Arc<dyn Backend>,
}

impl Store {
    /// Opens a location. Nothing is read or created yet: a missing folder is empty, and made by the first write.
    ///
    /// For S3, region, endpoint and credentials come from the `AWS_*` variables, the profile files or the instance's
    /// metadata, and are looked up at the first operation.
    ///
    /// # Errors
    /// `BadLocation` when the text names neither a path nor a supported scheme.
    pub fn open(location: &str) -> Result<Self, StoreError> {
        Ok(Self::at(Location::parse(location)?))
    }

    /// Opens a location that has been parsed before.
    #[must_use]
    pub fn at(location: Location) -> Self {
        let backend: Arc<dyn Backend> = match &location {
            Location::Local(root) => Arc::new(local::LocalFolder::new(root.clone(), true)),
            Location::S3 { bucket, prefix } => Arc::new(s3::Bucket::new(bucket.clone(), prefix.clone())),
        };
        Self { location, backend }
    }

    /// The same location without waiting for the disk: for data whose loss with the machine is no loss, such as
    /// temporary checkpoints. Writes stay atomic. No difference on S3.
    #[must_use]
    pub fn non_durable(self) -> Self {
        match &self.location {
            Location::Local(root) => Self {
                backend: Arc::new(local::LocalFolder::new(root.clone(), false)),
                location: self.location,
            },
            Location::S3 { .. } => self,
        }
    }

    /// Where the store is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The whole object, or none when there is no such object.
    ///
    /// # Errors
    /// `Failed` when it cannot be told or read.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.backend.read(self.checked(path)?).await
    }

    /// Paths of all objects below `folder` (`""`: everything), at any depth, relative to the store's root, sorted as
    /// text. `list("offsets")` gives `offsets/0`, `offsets/1`, `offsets/10`, ... A missing folder is empty.
    ///
    /// # Errors
    /// `Failed` when the folder or bucket cannot be listed.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        Ok(self
            .list_info(folder)
            .await?
            .into_iter()
            .map(|info| info.path)
            .collect())
    }

    /// As [`Store::list`], with sizes and times.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list_info(&self, folder: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        let folder = folder.trim_matches('/');
        if !folder.is_empty() {
            self.checked(folder)?;
        }
        let mut infos = self.backend.list(folder).await?;
        infos.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(infos)
    }

    /// Writes an object, replacing an earlier one of that path as a whole.
    ///
    /// # Errors
    /// `Failed`; the object is then as before or as asked, never mixed.
    pub async fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<(), StoreError> {
        self.backend.put(self.checked(path)?, bytes.into()).await
    }

    /// Writes an object unless one of that path exists: of any number of concurrent callers one hears [`Created::Now`].
    ///
    /// On S3 an answer can be lost after the object was made; the object is then read back, and equal bytes count as
    /// made by this call. Writers that must tell themselves apart put something of their own (a unique id) in the bytes.
    ///
    /// # Errors
    /// `Failed` when it cannot be told whether the object exists; calling again is safe.
    pub async fn create(&self, path: &str, bytes: impl Into<Bytes>) -> Result<Created, StoreError> {
        self.backend.create(self.checked(path)?, bytes.into()).await
    }

    /// Deletes an object; one that does not exist is deleted already.
    ///
    /// # Errors
    /// `Failed` when it may still exist.
    pub async fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.delete_many(&[path.to_owned()]).await
    }

    /// Deletes objects, in bulk where the store can; those that do not exist are deleted already.
    ///
    /// # Errors
    /// `Failed` for the first that may still exist; others may or may not.
    pub async fn delete_many(&self, paths: &[String]) -> Result<(), StoreError> {
        for path in paths {
            self.checked(path)?;
        }
        if paths.is_empty() {
            return Ok(());
        }
        self.backend.delete_many(paths).await
    }

    /// Deletes everything below the location, and locally the folder itself.
    ///
    /// # Errors
    /// `Failed` when something may be left.
    pub async fn remove_all(&self) -> Result<(), StoreError> {
        self.backend.remove_all().await
    }

    fn checked<'a>(&self, path: &'a str) -> Result<&'a str, StoreError> {
        location::check_relative(path).map_err(|reason| StoreError::BadPath {
            path: path.to_owned(),
            location: self.location.to_string(),
            reason,
        })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
