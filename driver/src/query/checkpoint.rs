//! The checkpoint on a store: which query it is, who owns it, its logs.

use bytes::Bytes;
use millstream_common::domain::id::{BatchId, Generation, QueryId};
use millstream_common::domain::offset::PartitionOffsets;
use millstream_driver_core::checkpoint::{CommitRecord, FormatError, LastBatch, OffsetRecord, StateFile};
use millstream_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::error::DriverError;

/// Folder of state files below the checkpoint.
pub const STATE: &str = "state";

#[derive(Serialize, Deserialize)]
struct Metadata {
    id: String,
}

/// An open checkpoint that this start of the query owns.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    store: Store,
    /// Which query.
    pub query: QueryId,
    /// Which start of it.
    pub generation: Generation,
    /// Removed when the query ends.
    pub temporary: bool,
}

impl Checkpoint {
    /// Opens a checkpoint and takes it over: the query's id is read or made, and the next generation is claimed.
    ///
    /// # Errors
    /// A store that does not answer, a damaged `metadata`.
    pub async fn open(location: &str, temporary: bool) -> Result<Self, DriverError> {
        let action = || format!("opening checkpoint {location}");
        let failed = |source: StoreError| DriverError::Store {
            action: action(),
            source,
        };
        let mut store = Store::open(location).map_err(failed)?;
        if temporary {
            store = store.non_durable();
        }
        let query = Self::identify(&store, location).await?;
        let mut checkpoint = Self {
            store,
            query,
            generation: Generation(0),
            temporary,
        };
        checkpoint.generation = checkpoint.claim().await?;
        Ok(checkpoint)
    }

    async fn identify(store: &Store, location: &str) -> Result<QueryId, DriverError> {
        let failed = |source: StoreError| DriverError::Store {
            action: format!("opening checkpoint {location}"),
            source,
        };
        if store.read("metadata").await.map_err(failed)?.is_none() {
            let fresh = Metadata {
                id: uuid::Uuid::new_v4().to_string(),
            };
            let text = serde_json::to_string(&fresh).unwrap_or_default();
            // Whoever made it first names the query; it is read back below.
            store.create("metadata", text).await.map_err(failed)?;
        }
        let bytes = store.read("metadata").await.map_err(failed)?.unwrap_or_default();
        let metadata: Metadata = serde_json::from_slice(&bytes).map_err(|error| DriverError::Checkpoint {
            location: location.to_owned(),
            reason: format!("its file 'metadata' is damaged ({error}): restore it or use a new checkpoint"),
        })?;
        Ok(QueryId(metadata.id))
    }

    /// Claims the next generation. Of two that claim at the same time each gets one of its own, and the larger one owns the checkpoint.
    async fn claim(&self) -> Result<Generation, DriverError> {
        let mut next = self.newest_generation().await?.next();
        loop {
            let owner = format!("{}\n{}\n", std::process::id(), uuid::Uuid::new_v4());
            let path = format!("lease/{}", next.0);
            let created = self.store.create(&path, owner).await.map_err(|e| self.failed(e))?;
            if created.is_new() {
                let old: Vec<String> = (1..next.0)
                    .rev()
                    .take(8)
                    .skip(1)
                    .map(|g| format!("lease/{g}"))
                    .collect();
                self.store.delete_many(&old).await.map_err(|e| self.failed(e))?;
                return Ok(next);
            }
            next = next.next();
        }
    }

    async fn newest_generation(&self) -> Result<Generation, DriverError> {
        let leases = self.store.list("lease").await.map_err(|e| self.failed(e))?;
        Ok(Generation(
            leases.iter().filter_map(|path| number(path)).max().unwrap_or(0),
        ))
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> String {
        self.store.location().to_string()
    }

    /// Where state files go.
    #[must_use]
    pub fn state_location(&self) -> String {
        self.store.location().join(STATE).to_string()
    }

    fn failed(&self, source: StoreError) -> DriverError {
        DriverError::Store {
            action: format!("checkpoint {}", self.location()),
            source,
        }
    }

    fn damaged(&self, path: &str, error: &FormatError) -> DriverError {
        DriverError::Checkpoint {
            location: self.location(),
            reason: format!("its file '{path}' is damaged: {}", crate::error::chain(error)),
        }
    }

    /// Reads what is known of the last batches.
    ///
    /// # Errors
    /// A store that does not answer, damaged entries.
    pub async fn last_batch(&self) -> Result<LastBatch, DriverError> {
        let planned = self.newest("offsets").await?;
        let committed = self.newest("commits").await?;
        let mut last = LastBatch::default();
        if let Some(id) = planned {
            last.planned = self.offsets(id).await?.map(|record| (id, record));
            if let Some(before) = id.0.checked_sub(1) {
                last.before = self.offsets(BatchId(before)).await?;
            }
        }
        if let Some(id) = committed {
            let path = format!("commits/{id}");
            if let Some(text) = self.text(&path).await? {
                let record = CommitRecord::parse(&text).map_err(|error| self.damaged(&path, &error))?;
                last.committed = Some((id, record));
            }
        }
        Ok(last)
    }

    async fn offsets(&self, batch: BatchId) -> Result<Option<OffsetRecord>, DriverError> {
        let path = format!("offsets/{batch}");
        let text = self.text(&path).await?;
        text.map(|text| OffsetRecord::parse(&text).map_err(|error| self.damaged(&path, &error)))
            .transpose()
    }

    async fn newest(&self, folder: &str) -> Result<Option<BatchId>, DriverError> {
        let paths = self.store.list(folder).await.map_err(|e| self.failed(e))?;
        Ok(paths.iter().filter_map(|path| number(path)).max().map(BatchId))
    }

    async fn text(&self, path: &str) -> Result<Option<String>, DriverError> {
        let bytes = self.store.read(path).await.map_err(|e| self.failed(e))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The position source number `source` began at, if one was kept.
    ///
    /// # Errors
    /// A store that does not answer, a damaged file.
    pub async fn initial(&self, source: usize) -> Result<Option<PartitionOffsets>, DriverError> {
        let path = format!("sources/{source}/0");
        let Some(text) = self.text(&path).await? else {
            return Ok(None);
        };
        let json = text.trim_start_matches('\0').strip_prefix("v1\n").unwrap_or(&text);
        serde_json::from_str(json)
            .map(Some)
            .map_err(|error| DriverError::Checkpoint {
                location: self.location(),
                reason: format!("its file '{path}' is damaged: {error}"),
            })
    }

    /// Keeps the position source number `source` begins at.
    ///
    /// # Errors
    /// A store that does not answer; `Fenced` when another start kept one meanwhile.
    pub async fn set_initial(&self, source: usize, position: &PartitionOffsets) -> Result<(), DriverError> {
        let json = serde_json::to_string(position).unwrap_or_default();
        self.create(&format!("sources/{source}/0"), format!("\0v1\n{json}"))
            .await
    }

    /// When generated source number `source` started at first: `now_ms` if it never did before. Epoch milliseconds.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn first_start(&self, source: usize, now_ms: i64) -> Result<i64, DriverError> {
        let path = format!("sources/{source}/start");
        let created = self.store.create(&path, now_ms.to_string()).await;
        created.map_err(|e| self.failed(e))?;
        let text = self.text(&path).await?.unwrap_or_default();
        Ok(text.trim().parse().unwrap_or(now_ms))
    }

    /// Writes the log entry of a batch.
    ///
    /// # Errors
    /// `Fenced` when it exists.
    pub async fn log(&self, batch: BatchId, record: &OffsetRecord) -> Result<(), DriverError> {
        self.create(&format!("offsets/{batch}"), record.to_text()).await
    }

    /// Writes the commit record of a batch.
    ///
    /// # Errors
    /// `Fenced` when it exists.
    pub async fn commit(&self, batch: BatchId, record: &CommitRecord) -> Result<(), DriverError> {
        self.create(&format!("commits/{batch}"), record.to_text()).await
    }

    async fn create(&self, path: &str, text: String) -> Result<(), DriverError> {
        let created = self
            .store
            .create(path, Bytes::from(text))
            .await
            .map_err(|e| self.failed(e))?;
        if created.is_new() {
            return Ok(());
        }
        Err(DriverError::Fenced {
            location: self.location(),
            generation: self.newest_generation().await?.0,
        })
    }

    /// Whether a newer start has taken the checkpoint over.
    ///
    /// # Errors
    /// `Fenced` when one has; a store that does not answer.
    pub async fn check_owner(&self) -> Result<(), DriverError> {
        let newest = self.newest_generation().await?;
        if newest > self.generation {
            return Err(DriverError::Fenced {
                location: self.location(),
                generation: newest.0,
            });
        }
        Ok(())
    }

    /// Deletes log entries below `below` that are within reach of the last purge, and state files nobody refers to.
    ///
    /// # Errors
    /// A store that does not answer; what is left over does no harm.
    pub async fn purge(&self, below: BatchId, files: &[StateFile]) -> Result<(), DriverError> {
        let mut paths: Vec<String> = Vec::new();
        if let Some(batch) = below.0.checked_sub(1) {
            paths.extend([format!("offsets/{batch}"), format!("commits/{batch}")]);
        }
        self.store.delete_many(&paths).await.map_err(|e| self.failed(e))?;
        if files.is_empty() {
            return Ok(());
        }
        let state = Store::open(&self.state_location()).map_err(|e| self.failed(e))?;
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        state.delete_many(&paths).await.map_err(|e| self.failed(e))
    }

    /// Removes a temporary checkpoint.
    pub async fn close(&self) {
        if self.temporary
            && let Err(error) = self.store.remove_all().await
        {
            tracing::warn!(
                error = crate::error::chain(&error),
                "temporary checkpoint is left behind"
            );
        }
    }
}

/// The number a log entry's path ends in.
fn number(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use millstream_common::domain::offset::TopicPartition;

    use super::*;

    #[tokio::test]
    async fn a_checkpoint_keeps_its_query_its_logs_and_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("c").display().to_string();
        let first = Checkpoint::open(&location, false).await.unwrap();
        assert_eq!(first.generation, Generation(1));
        assert_eq!(first.last_batch().await.unwrap(), LastBatch::default());
        let position: PartitionOffsets = [(TopicPartition::new("t", 0), 7)].into_iter().collect();
        first.set_initial(0, &position).await.unwrap();
        assert_eq!(first.initial(0).await.unwrap(), Some(position.clone()));
        let record = OffsetRecord {
            ends: vec![Some(position)],
            ..OffsetRecord::default()
        };
        first.log(BatchId(0), &record).await.unwrap();
        first.commit(BatchId(0), &CommitRecord::default()).await.unwrap();
        first.check_owner().await.unwrap();

        let second = Checkpoint::open(&location, false).await.unwrap();
        assert_eq!((&second.query, second.generation), (&first.query, Generation(2)));
        let last = second.last_batch().await.unwrap();
        assert_eq!(last.planned, Some((BatchId(0), record.clone())));
        assert_eq!(last.committed.map(|(batch, _)| batch), Some(BatchId(0)));
        assert!(matches!(
            first.check_owner().await,
            Err(DriverError::Fenced { generation: 2, .. })
        ));
        second.log(BatchId(1), &record).await.unwrap();
        let late = first.log(BatchId(1), &record).await.unwrap_err();
        assert_eq!(late.exit_code(), millstream_common::process::exit::FENCED);
    }
}
