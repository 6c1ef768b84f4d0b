//! Where state files live.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::StateError;

/// A folder of immutable files, local or in an object store. Called from slot threads: blocking.
pub trait FileStore: Send + Sync + std::fmt::Debug {
    /// Writes a file that does not exist yet; durable when it returns.
    ///
    /// # Errors
    /// [`StateError::File`].
    fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), StateError>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`StateError::MissingFile`] or [`StateError::File`].
    fn read(&self, path: &str) -> Result<Vec<u8>, StateError>;

    /// The whole path or address of a file, for messages.
    fn place(&self, path: &str) -> String;
}

/// Files under a local folder.
#[derive(Debug)]
pub struct LocalFiles {
    root: PathBuf,
}

impl LocalFiles {
    /// Files under `root`, which is made when the first is written.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

impl FileStore for LocalFiles {
    fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), StateError> {
        Self::write_durably(&self.root.join(path), &bytes).map_err(|source| StateError::File {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    fn place(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, StateError> {
        match fs::read(self.root.join(path)) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StateError::MissingFile { path: self.place(path) })
            }
            Err(source) => Err(StateError::File {
                path: path.to_owned(),
                source: Box::new(source),
            }),
        }
    }
}
