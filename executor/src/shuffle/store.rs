//! Blocks this process holds for others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use dashmap::DashMap;
use millstream_proto::control::v1::BlockId;
use thiserror::Error;

/// Names a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockKey {
    /// The query.
    pub query: String,
    /// The batch.
    pub batch: u64,
    /// The stage whose task made it.
    pub stage: u32,
    /// The task.
    pub task: u32,
    /// The task's attempt.
    pub attempt: u32,
    /// For which task of the next stage.
    pub partition: u32,
}

impl From<&BlockId> for BlockKey {
    fn from(id: &BlockId) -> Self {
        Self {
            query: id.query_id.clone(),
            batch: id.batch_id,
            stage: id.stage,
            task: id.task_index,
            attempt: id.attempt,
            partition: id.partition,
        }
    }
}

impl From<&BlockKey> for BlockId {
    fn from(key: &BlockKey) -> Self {
        Self {
            query_id: key.query.clone(),
            batch_id: key.batch,
            stage: key.stage,
            task_index: key.task,
            attempt: key.attempt,
            partition: key.partition,
        }
    }
}

/// The blocks of this process take all the memory they may.
#[derive(Debug, Error)]
#[error(
    "shuffle blocks need {wanted} bytes where {held} of {budget} are in use; lower maxOffsetsPerTrigger or raise \
     the executor's shuffle memory"
)]
pub struct StoreFull {
    /// Bytes of the block that did not fit.
    pub wanted: u64,
    /// Bytes held.
    pub held: u64,
    /// The limit.
    pub budget: u64,
}

struct Block {
    batches: Arc<[RecordBatch]>,
    bytes: u64,
    session: u64,
}

/// Blocks by name, within a budget of bytes. Each belongs to the session that made it.
pub struct BlockStore {
    blocks: DashMap<BlockKey, Block>,
    held: AtomicU64,
    budget: u64,
}

impl std::fmt::Debug for BlockStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockStore")
            .field("blocks", &self.blocks.len())
            .field("held", &self.bytes())
            .finish()
    }
}

impl BlockStore {
    /// An empty store of at most `budget` bytes.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        Self {
            blocks: DashMap::new(),
            held: AtomicU64::new(0),
            budget,
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Keeps a block, replacing one of the same name; its size in memory.
    ///
    /// # Errors
    /// [`StoreFull`] when the budget does not allow it; then nothing is kept.
    pub fn put(&self, session: u64, key: BlockKey, batches: Vec<RecordBatch>) -> Result<u64, StoreFull> {
        let size: usize = batches.iter().map(sliced_size).sum();
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let held = self.held.fetch_add(bytes, Ordering::Relaxed);
        if held.saturating_add(bytes) > self.budget {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            return Err(StoreFull {
                wanted: bytes,
                held,
                budget: self.budget,
            });
        }
        if let Some(old) = self.blocks.insert(
            key,
            Block {
                batches: batches.into(),
                bytes,
                session,
            },
        ) {
            self.held.fetch_sub(old.bytes, Ordering::Relaxed);
        }
        Ok(bytes)
    }

    /// The batches of a block.
    #[must_use]
    pub fn get(&self, key: &BlockKey) -> Option<Arc<[RecordBatch]>> {
        self.blocks.get(key).map(|block| Arc::clone(&block.batches))
    }

    /// Drops the blocks `session` made for the batches of `query` that `done` accepts.
    pub fn release(&self, session: u64, query: &str, done: impl Fn(u64) -> bool) {
        self.drop_where(|key, block| block.session == session && key.query == query && done(key.batch));
    }

    /// Drops all blocks of a session.
    pub fn release_session(&self, session: u64) {
        self.drop_where(|_, block| block.session == session);
    }

    fn drop_where(&self, gone: impl Fn(&BlockKey, &Block) -> bool) {
        self.blocks.retain(|key, block| {
            let gone = gone(key, block);
            if gone {
                self.held.fetch_sub(block.bytes, Ordering::Relaxed);
            }
            !gone
        });
    }
}

/// Bytes of the rows themselves: a slice of a large batch counts as the slice.
fn sliced_size(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            column
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum()
}
