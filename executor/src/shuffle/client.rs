//! Pulls blocks from other processes, or takes them straight from the own store.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use dashmap::DashMap;
use millstream_proto::blocks::v1::FetchRequest;
use millstream_proto::blocks::v1::blocks_client::BlocksClient;
use millstream_proto::blocks::v1::fetch_request::What;
use millstream_proto::control::v1::BlockRef;
use thiserror::Error;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::ipc::{IpcError, Pieces};
use super::store::{BlockKey, BlockStore};

const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// How long a stream may be silent before its sender counts as gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A block that did not come.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address cannot be used.
    #[error("'{address}' is not the address of a blocks service, expected host:port")]
    Address {
        /// As given.
        address: String,
    },
    /// The holder does not answer, or no longer has it.
    #[error("'{address}' did not give the block: {reason}")]
    Gone {
        /// The holder.
        address: String,
        /// Its words, or the deadline.
        reason: String,
    },
    /// What came is not what was asked for.
    #[error("'{address}' sent a broken block")]
    Broken {
        /// The holder.
        address: String,
        /// What is wrong with it.
        #[source]
        source: IpcError,
    },
    /// The request names nothing.
    #[error("a block reference without a block")]
    Nameless,
}

/// Fetches blocks; one connection per holder, kept and shared.
#[derive(Debug)]
pub struct BlockClient {
    own_address: String,
    own: Arc<BlockStore>,
    channels: DashMap<String, Channel>,
}

impl BlockClient {
    /// A client of a process whose own blocks, at `own_address`, are in `own`.
    #[must_use]
    pub fn new(own_address: String, own: Arc<BlockStore>) -> Self {
        Self {
            own_address,
            own,
            channels: DashMap::new(),
        }
    }

    /// The rows of a shuffle block, in the order they were made.
    ///
    /// # Errors
    /// [`FetchError`]; `Gone` means that its task has to run again.
    pub async fn block(&self, block: &BlockRef) -> Result<Vec<RecordBatch>, FetchError> {
        let id = block.block.as_ref().ok_or(FetchError::Nameless)?;
        if block.rows == 0 {
            return Ok(Vec::new());
        }
        if block.blocks_address == self.own_address {
            let batches = self.own.get(&BlockKey::from(id)).ok_or_else(|| FetchError::Gone {
                address: block.blocks_address.clone(),
                reason: "not held here".to_owned(),
            })?;
            return Ok(batches.to_vec());
        }
        self.fetch(&block.blocks_address, What::Block(id.clone())).await
    }

    /// The rows of a static table, by the hash of its content.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub async fn table(&self, address: &str, content_hash: &str) -> Result<Vec<RecordBatch>, FetchError> {
        self.fetch(address, What::ContentHash(content_hash.to_owned())).await
    }

    async fn fetch(&self, address: &str, what: What) -> Result<Vec<RecordBatch>, FetchError> {
        let result = self.try_fetch(address, what).await;
        if matches!(result, Err(FetchError::Gone { .. })) {
            // The next fetch may find another process at this address.
            self.channels.remove(address);
        }
        result
    }

    async fn try_fetch(&self, address: &str, what: What) -> Result<Vec<RecordBatch>, FetchError> {
        let gone = |reason: String| FetchError::Gone {
            address: address.to_owned(),
            reason,
        };
        let refused = |status: Status| gone(describe(&status));
        let silent = || gone(format!("nothing came for {} s", SILENCE_MAX.as_secs()));
        let mut client = BlocksClient::new(self.channel(address)?);
        let mut stream = tokio::time::timeout(SILENCE_MAX, client.fetch(FetchRequest { what: Some(what) }))
            .await
            .map_err(|_| silent())?
            .map_err(refused)?
            .into_inner();
        let mut pieces = Pieces::default();
        let mut batches = Vec::new();
        let broken = |source| FetchError::Broken {
            address: address.to_owned(),
            source,
        };
        while let Some(response) = tokio::time::timeout(SILENCE_MAX, stream.message())
            .await
            .map_err(|_| silent())?
            .map_err(refused)?
        {
            batches.extend(pieces.push(response.chunk).map_err(broken)?);
        }
        batches.extend(pieces.finish().map_err(broken)?);
        Ok(batches)
    }

    fn channel(&self, address: &str) -> Result<Channel, FetchError> {
        if let Some(channel) = self.channels.get(address) {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|_| FetchError::Address {
                address: address.to_owned(),
            })?
            .connect_timeout(CONNECT_DEADLINE)
            .tcp_nodelay(true);
        let channel = endpoint.connect_lazy();
        self.channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }
}

fn describe(status: &Status) -> String {
    match status.code() {
        Code::NotFound => status.message().to_owned(),
        code => format!("{} ({code:?})", status.message()),
    }
}
