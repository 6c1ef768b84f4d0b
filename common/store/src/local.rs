//! A folder of the local disk.
//!
//! A write goes to a temporary name in the target's folder, is synced, and gets its name by rename (`put`) or hard link
//! (`create`, which fails when the name is taken: that is what makes it exclusive). Then the folder is synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::error::{Operation, StoreError};
use crate::{Backend, Created, ObjectInfo};

/// Suffix of names that are not objects yet; with a leading dot. A crash may leave some behind: they are never listed.
const TEMPORARY: &str = ".tmp";

#[derive(Clone, Debug)]
pub(crate) struct LocalFolder {
    root: PathBuf,
    /// Whether to wait until changes are on the disk.
    durable: bool,
}

impl LocalFolder {
    pub(crate) fn new(root: PathBuf, durable: bool) -> Self {
        Self { root, durable }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        operation: Operation,
        path: PathBuf,
        work: impl FnOnce(&Self, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = self.clone();
        let shown = path.display().to_string();
        let result = tokio::task::spawn_blocking(move || work(&folder, &path)).await;
        result
            .map_err(io::Error::other)
            .and_then(|outcome| outcome)
            .map_err(|error| StoreError::io(operation, shown, error))
    }

    /// Writes `bytes` under a temporary name beside `target`, making folders that are missing.
    fn write_temporary(&self, target: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let folder = parent(target);
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.{}{TEMPORARY}", Uuid::new_v4().simple()));
        let open = || OpenOptions::new().write(true).create_new(true).open(&temporary);
        let mut file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folder(folder)?;
                open()?
            }
            opened => opened?,
        };
        let written = file
            .write_all(bytes)
            .and_then(|()| if self.durable { file.sync_all() } else { Ok(()) });
        if let Err(error) = written {
            // A half-written file helps nobody, least of all on a full disk.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(temporary)
    }

    /// Makes a folder and its missing parents, each made durable in its own parent.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let above = parent(folder);
        self.make_folder(above)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_folder(above),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.durable {
            File::open(folder)?.sync_all()
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Backend for LocalFolder {
    async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.blocking(Operation::Read, self.root.join(path), |_, path| match fs::read(path) {
            Ok(bytes) => Ok(Some(Bytes::from(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        let prefix = folder.to_owned();
        self.blocking(Operation::List, self.root.join(folder), move |_, folder| {
            let mut found = Vec::new();
            collect(folder, &prefix, &mut found)?;
            Ok(found)
        })
        .await
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.blocking(Operation::Write, self.root.join(path), move |store, path| {
            let temporary = store.write_temporary(path, &bytes)?;
            if let Err(error) = fs::rename(&temporary, path) {
                let _ = fs::remove_file(&temporary);
                return Err(error);
            }
            store.sync_folder(parent(path))
        })
        .await
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Created, StoreError> {
        self.blocking(Operation::Write, self.root.join(path), move |store, path| {
            // A look first: losing is common when a batch is replayed, and need not cost a sync.
            if path.try_exists()? {
                return Ok(Created::AlreadyExists);
            }
            let temporary = store.write_temporary(path, &bytes)?;
            let linked = fs::hard_link(&temporary, path);
            let _ = fs::remove_file(&temporary);
            match linked {
                Ok(()) => store.sync_folder(parent(path)).map(|()| Created::Now),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::AlreadyExists),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn delete_many(&self, paths: &[String]) -> Result<(), StoreError> {
        for path in paths {
            // Not synced: an object that comes back after a crash is garbage nothing refers to.
            self.blocking(Operation::Delete, self.root.join(path), |_, path| {
                absent_is_fine(fs::remove_file(path))
            })
            .await?;
        }
        Ok(())
    }

    async fn remove_all(&self) -> Result<(), StoreError> {
        self.blocking(Operation::Delete, self.root.clone(), |_, root| {
            absent_is_fine(fs::remove_dir_all(root))
        })
        .await
    }
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Adds all files below `folder`, whose path relative to the root is `prefix`. What vanishes meanwhile is left out.
fn collect(folder: &Path, prefix: &str, found: &mut Vec<ObjectInfo>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = if prefix.is_empty() {
            name.to_string()
        } else {
            format!("{prefix}/{name}")
        };
        // Follows links, so that a linked folder is a folder.
        let meta = match fs::metadata(entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            meta => meta?,
        };
        if meta.is_dir() {
            collect(&entry.path(), &path, found)?;
        } else if !(name.starts_with('.') && name.ends_with(TEMPORARY)) {
            let modified = meta
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            found.push(ObjectInfo {
                path,
                size: meta.len(),
                modified_ms: modified
                    .and_then(|age| i64::try_from(age.as_millis()).ok())
                    .unwrap_or(0),
            });
        }
    }
    Ok(())
}
