//! State files in the checkpoint's store, called from threads that may block.

use bytes::Bytes;
use millstream_store::Store;
use tokio::runtime::Handle;

use crate::error::TaskError;
use crate::state::{FileStore, StateError};

/// Files below one location, local or in an object store.
#[derive(Debug)]
pub struct StoreFiles {
    store: Store,
    runtime: Handle,
}

impl StoreFiles {
    /// Opens `location`; its requests run on `runtime`.
    ///
    /// # Errors
    /// [`TaskError::Store`] for a location that cannot be used.
    pub fn open(location: &str, runtime: Handle) -> Result<Self, TaskError> {
        Ok(Self {
            store: Store::open(location)?,
            runtime,
        })
    }
}

impl FileStore for StoreFiles {
    fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), StateError> {
        self.runtime
            .block_on(self.store.put(path, Bytes::from(bytes)))
            .map_err(|source| StateError::File {
                path: path.to_owned(),
                source: Box::new(source),
            })
    }

    fn place(&self, path: &str) -> String {
        self.store.location().join(path).to_string()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, StateError> {
        match self.runtime.block_on(self.store.read(path)) {
            Ok(Some(bytes)) => Ok(bytes.into()),
            Ok(None) => Err(StateError::MissingFile { path: self.place(path) }),
            Err(source) => Err(StateError::File {
                path: path.to_owned(),
                source: Box::new(source),
            }),
        }
    }
}
