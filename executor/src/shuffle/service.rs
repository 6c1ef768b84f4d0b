//! The Blocks service: hands blocks to other processes.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use millstream_proto::blocks::v1::blocks_server::Blocks;
use millstream_proto::blocks::v1::fetch_request::What;
use millstream_proto::blocks::v1::{FetchRequest, FetchResponse};
use tonic::{Request, Response, Status};

use super::ipc;
use super::store::{BlockKey, BlockStore};

/// Serves the blocks of one store.
#[derive(Debug)]
pub struct BlocksService {
    store: Arc<BlockStore>,
}

impl BlocksService {
    /// Serves `store`.
    #[must_use]
    pub fn new(store: Arc<BlockStore>) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl Blocks for BlocksService {
    type FetchStream = Pin<Box<dyn Stream<Item = Result<FetchResponse, Status>> + Send>>;

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let block = match request.into_inner().what {
            Some(What::Block(block)) => BlockKey::from(&block),
            Some(What::ContentHash(_)) => return Err(Status::not_found("executors serve no static tables")),
            None => return Err(Status::invalid_argument("the request names no block")),
        };
        let batches = self
            .store
            .get(&block)
            .ok_or_else(|| Status::not_found(format!("no block {block:?} here")))?;
        let pieces = futures::stream::iter(ipc::pieces(batches)).map(|piece| match piece {
            Ok(chunk) => Ok(FetchResponse { chunk }),
            Err(error) => Err(Status::internal(error.to_string())),
        });
        Ok(Response::new(Box::pin(pieces)))
    }
}
