//! The driver's blocks: static tables by content, merged rows for write tasks; and fetching those of executors.

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use dashmap::DashMap;
use millstream_proto::blocks::v1::blocks_client::BlocksClient;
use millstream_proto::blocks::v1::blocks_server::Blocks;
use millstream_proto::blocks::v1::{FetchRequest, FetchResponse, fetch_request};
use millstream_proto::control::v1::{BlockId, BlockRef};
use thiserror::Error;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use super::MESSAGE_BYTES_MAX;

/// Size of one piece of a block on its way. Bytes.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces on their way to one reader: bounds what a slow reader keeps in memory beside the block.
const PIECES: usize = 4;
/// How long connecting to an executor, or the next piece of a block, may take.
const FETCH_DEADLINE: Duration = Duration::from_secs(20);

/// Rows that could not be had.
#[derive(Debug, Error)]
pub enum BlockError {
    /// The holder does not answer or no longer has them.
    #[error("cannot fetch rows from {address}: {reason}")]
    Lost {
        /// The holder.
        address: String,
        /// What it, or the connection, says.
        reason: String,
    },
    /// The bytes are no Arrow stream.
    #[error("rows are not a valid Arrow stream")]
    Malformed(#[from] arrow::error::ArrowError),
}

/// Whole blocks in memory, as Arrow IPC streams.
#[derive(Default)]
pub struct BlockStore {
    tables: DashMap<String, Bytes>,
    rows: DashMap<String, (u64, Bytes)>,
}

impl BlockStore {
    /// Keeps a static table; returns its content's hash and its size.
    ///
    /// # Errors
    /// When Arrow cannot write it.
    pub fn put_table(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(String, u64), BlockError> {
        let bytes = to_ipc(schema, batches)?;
        let hash = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes));
        let size = bytes.len() as u64;
        self.tables.insert(hash.clone(), bytes);
        Ok((hash, size))
    }

    /// Keeps `rows` rows for a write task.
    pub fn put_rows(&self, block: &BlockId, rows: u64, bytes: Bytes) {
        self.rows.insert(name(block), (rows, bytes));
    }

    /// How many rows and bytes a block of merged rows has; none when it is not there.
    #[must_use]
    pub fn size(&self, block: &BlockId) -> Option<(u64, u64)> {
        self.rows.get(&name(block)).map(|entry| (entry.0, entry.1.len() as u64))
    }

    /// Drops the rows of a query's batches.
    pub fn drop_rows(&self, query: &str) {
        let prefix = format!("{query}/");
        self.rows.retain(|name, _| !name.starts_with(&prefix));
    }

    fn find(&self, request: FetchRequest) -> Result<Bytes, Status> {
        match request.what {
            Some(fetch_request::What::ContentHash(hash)) => self
                .tables
                .get(&hash)
                .map(|bytes| bytes.clone())
                .ok_or_else(|| Status::not_found(format!("no table with content {hash}"))),
            Some(fetch_request::What::Block(block)) => self
                .rows
                .get(&name(&block))
                .map(|entry| entry.1.clone())
                .ok_or_else(|| Status::not_found(format!("no rows {}", name(&block)))),
            None => Err(Status::invalid_argument("nothing was asked for")),
        }
    }
}

fn name(block: &BlockId) -> String {
    format!(
        "{}/{}/{}/{}/{}/{}",
        block.query_id, block.batch_id, block.stage, block.task_index, block.attempt, block.partition
    )
}

/// The `Blocks` service over a store.
pub struct BlockService(pub std::sync::Arc<BlockStore>);

#[tonic::async_trait]
impl Blocks for BlockService {
    type FetchStream = ReceiverStream<Result<FetchResponse, Status>>;

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let bytes = self.0.find(request.into_inner())?;
        let (pieces, reader) = tokio::sync::mpsc::channel(PIECES);
        tokio::spawn(async move {
            let mut from = 0;
            while from < bytes.len() {
                let until = (from + PIECE_BYTES).min(bytes.len());
                let chunk = bytes.slice(from..until);
                if pieces.send(Ok(FetchResponse { chunk })).await.is_err() {
                    return;
                }
                from = until;
            }
        });
        Ok(Response::new(ReceiverStream::new(reader)))
    }
}

/// Connections to executors' blocks, kept open.
#[derive(Default)]
pub struct BlockFetcher {
    channels: DashMap<String, Channel>,
}

impl BlockFetcher {
    /// Fetches a block whole.
    ///
    /// # Errors
    /// `Lost` when its holder does not give it.
    pub async fn fetch(&self, block: &BlockRef) -> Result<Bytes, BlockError> {
        let lost = |reason: String| BlockError::Lost {
            address: block.blocks_address.clone(),
            reason,
        };
        let channel = self.channel(&block.blocks_address).map_err(lost)?;
        let mut client = BlocksClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let request = FetchRequest {
            what: block.block.clone().map(fetch_request::What::Block),
        };
        let silent = |_| lost(format!("no answer within {} s", FETCH_DEADLINE.as_secs()));
        let answer = tokio::time::timeout(FETCH_DEADLINE, client.fetch(request))
            .await
            .map_err(silent)?;
        let mut pieces = answer.map_err(|status| lost(status.message().to_owned()))?.into_inner();
        let mut bytes = Vec::with_capacity(usize::try_from(block.bytes).unwrap_or(0));
        loop {
            let piece = tokio::time::timeout(FETCH_DEADLINE, pieces.message())
                .await
                .map_err(silent)?;
            match piece.map_err(|status| lost(status.message().to_owned()))? {
                Some(piece) => bytes.extend_from_slice(&piece.chunk),
                None => return Ok(bytes.into()),
            }
        }
    }

    fn channel(&self, address: &str) -> Result<Channel, String> {
        if let Some(channel) = self.channels.get(address) {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
        let channel = endpoint
            .connect_timeout(FETCH_DEADLINE)
            .tcp_nodelay(true)
            .connect_lazy();
        self.channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }
}

/// Writes rows as one Arrow IPC stream.
///
/// # Errors
/// When Arrow cannot write them.
pub fn to_ipc(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Bytes, BlockError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?.into())
}

/// Reads the rows of an Arrow IPC stream; no bytes are no rows.
///
/// # Errors
/// When it is none.
pub fn from_ipc(bytes: &[u8]) -> Result<Vec<RecordBatch>, BlockError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(StreamReader::try_new(bytes, None)?.collect::<Result<_, _>>()?)
}
