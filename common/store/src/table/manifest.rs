//! The log of a streaming file sink, in Spark's format: which files exist, batch by batch.
//!
//! `_spark_metadata/N` holds `v1` and one JSON object per file that batch N wrote; every tenth log, `9.compact`,
//! `19.compact`, ..., repeats all before it. Creating it is what makes the batch's files exist for readers who know the log.

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::{Created, Store};

/// The log's folder below the sink's.
pub(super) const LOG_FOLDER: &str = "_spark_metadata";
const VERSION: &str = "v1";
/// Every so many batches a log repeats all before it.
const COMPACT_INTERVAL: u64 = 10;
/// What Spark writes for a local file system; nobody reads it.
const BLOCK_SIZE: u64 = 33_554_432;

/// A part file that is written and not yet part of the table. Sent from task to driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// Its name, relative to the sink's folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was written, milliseconds since the epoch.
    pub modified_ms: i64,
    /// How many rows it holds.
    pub rows: u64,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    path: String,
    size: u64,
    is_dir: bool,
    modification_time: i64,
    block_replication: u32,
    block_size: u64,
    action: String,
}

/// Writes the log of `batch` unless it exists.
pub(super) async fn commit(store: &Store, batch: u64, parts: &[FilePart]) -> Result<Created, StoreError> {
    let mut entries = Vec::new();
    if is_compact(batch) {
        for earlier in since_last_compact(batch) {
            entries.extend(read_log(store, earlier).await?.unwrap_or_default());
        }
    }
    let root = url(store);
    entries.extend(parts.iter().map(|part| Entry {
        path: format!("{root}/{}", part.name),
        size: part.size,
        is_dir: false,
        modification_time: part.modified_ms,
        block_replication: 1,
        block_size: BLOCK_SIZE,
        action: "add".to_owned(),
    }));
    let mut text = VERSION.to_owned();
    for entry in &entries {
        text.push('\n');
        // The type has only texts and numbers, which always serialise.
        text.push_str(&serde_json::to_string(entry).unwrap_or_default());
    }
    store.create(&log_path(batch), text).await
}

/// The data files the log names, relative to the store's root; none when there is no log.
pub(super) async fn logged_files(store: &Store, listed: &[String]) -> Result<Option<Vec<String>>, StoreError> {
    let batches: Vec<u64> = listed.iter().filter_map(|path| batch_of(path)).collect();
    let Some(last) = batches.iter().max() else {
        return Ok(None);
    };
    let start = batches
        .iter()
        .filter(|batch| is_compact(**batch))
        .max()
        .copied()
        .unwrap_or(0);
    let mut files = Vec::new();
    for batch in start..=*last {
        let entries = read_log(store, batch).await?.unwrap_or_default();
        let names = entries.into_iter().filter(|entry| entry.action == "add");
        // Files stand directly in the folder: the name is what follows the last slash, wherever the folder was moved to.
        files.extend(names.map(|entry| entry.path.rsplit('/').next().unwrap_or_default().to_owned()));
    }
    files.sort();
    files.dedup();
    Ok(Some(files))
}

async fn read_log(store: &Store, batch: u64) -> Result<Option<Vec<Entry>>, StoreError> {
    let path = log_path(batch);
    let Some(bytes) = store.read(&path).await? else {
        return Ok(None);
    };
    let name = || store.location().join(&path);
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    if lines.next() != Some(VERSION) {
        return Err(StoreError::bad_file(
            name(),
            format!("not a sink's log of version {VERSION}"),
        ));
    }
    let mut entries = Vec::new();
    for (line, text) in lines.enumerate() {
        entries.push(serde_json::from_str(text).map_err(|error| StoreError::BadFile {
            file: name().to_string(),
            line: u64::try_from(line + 2).ok(),
            column: None,
            reason: format!("not an entry of a sink's log: {error}"),
        })?);
    }
    Ok(Some(entries))
}

fn is_compact(batch: u64) -> bool {
    (batch + 1).is_multiple_of(COMPACT_INTERVAL)
}

fn since_last_compact(batch: u64) -> std::ops::Range<u64> {
    batch.saturating_sub(COMPACT_INTERVAL)..batch
}

fn log_path(batch: u64) -> String {
    let suffix = if is_compact(batch) { ".compact" } else { "" };
    format!("{LOG_FOLDER}/{batch}{suffix}")
}

fn batch_of(path: &str) -> Option<u64> {
    let name = path.strip_prefix(LOG_FOLDER)?.strip_prefix('/')?;
    name.strip_suffix(".compact").unwrap_or(name).parse().ok()
}

fn url(store: &Store) -> String {
    match store.location() {
        crate::Location::Local(path) => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            format!("file://{}", absolute.display())
        }
        s3 @ crate::Location::S3 { .. } => s3.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_log_is_created_once_and_compacted_every_tenth() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_str().unwrap()).unwrap();
        for batch in 0..12 {
            let part = FilePart {
                name: format!("part-{batch}"),
                size: batch,
                modified_ms: 5,
                rows: 1,
            };
            assert!(
                commit(&store, batch, std::slice::from_ref(&part))
                    .await
                    .unwrap()
                    .is_new()
            );
            assert!(!commit(&store, batch, &[]).await.unwrap().is_new());
        }
        let listed = store.list("").await.unwrap();
        assert!(listed.contains(&"_spark_metadata/9.compact".to_owned()));
        let files = logged_files(&store, &listed).await.unwrap().unwrap();
        assert_eq!(files.len(), 12);
        let text = store.read("_spark_metadata/0").await.unwrap().unwrap();
        let expected = format!(
            "v1\n{{\"path\":\"file://{}/part-0\",\"size\":0,\"isDir\":false,\"modificationTime\":5,\
             \"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}}",
            folder.path().display()
        );
        assert_eq!(text, expected);
    }
}
