//! The executor from its first to its last breath.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use millstream_common::process::shutdown::Shutdown;
use millstream_proto::blocks::v1::blocks_server::BlocksServer;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use uuid::Uuid;

use crate::actor::Executor;
use crate::config::ExecutorConfig;
use crate::session::{Heartbeats, Member};
use crate::shuffle::{BlockClient, BlockStore, BlocksService, StaticTables};
use crate::task::Services;

/// How long sessions may take to let their last reports out.
const FAREWELL: Duration = Duration::from_secs(2);

/// The executor cannot run.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The port is taken or the address is not of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no more threads.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// The Blocks service ended.
    #[error("the Blocks service ended")]
    Serve(#[source] tonic::transport::Error),
}

/// How an executor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All tasks had finished.
    Drained,
    /// Tasks were left behind.
    Interrupted,
}

/// Runs an executor until it is asked to end: then running tasks finish, drivers are told, and sessions close.
///
/// # Errors
/// [`ProcessError`].
pub async fn run(config: ExecutorConfig, shutdown: Shutdown) -> Result<Ended, ProcessError> {
    let address = SocketAddr::new(config.bind, config.port);
    let unusable = |source| ProcessError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(unusable)?;
    let bound = listener.local_addr().map_err(unusable)?;
    let advertised = match &config.host {
        Some(host) => format!("{host}:{}", bound.port()),
        None => bound.to_string(),
    };
    let blocks = Arc::new(BlockStore::new(config.shuffle_bytes));
    let services = Arc::new(Services {
        client: BlockClient::new(advertised.clone(), Arc::clone(&blocks)),
        blocks: Arc::clone(&blocks),
        address: advertised.clone(),
        runtime: Handle::current(),
    });
    let executor = Executor::start(usize::try_from(config.slots).unwrap_or(1)).map_err(ProcessError::Thread)?;
    let (close, closing) = watch::channel(false);
    let member = Arc::new(Member {
        executor_id: Uuid::new_v4().to_string(),
        slots: config.slots,
        services,
        executor: executor.clone(),
        tables: StaticTables::default(),
        heartbeats: Heartbeats::launch().map_err(ProcessError::Thread)?,
        shutdown: shutdown.clone(),
        closing,
    });
    tracing::info!(
        executor = member.executor_id,
        address = advertised,
        slots = config.slots,
        "executor started"
    );
    let serving = Server::builder()
        .add_service(BlocksServer::new(BlocksService::new(blocks)))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    let mut sessions = JoinSet::new();
    for driver in config.drivers {
        sessions.spawn(Arc::clone(&member).stay(driver));
    }
    tokio::select! {
        served = serving => served.map_err(ProcessError::Serve).map(|()| Ended::Interrupted),
        ended = end(&executor, &shutdown, close, sessions) => Ok(ended),
    }
}

/// Waits until the process is asked to end, then for its tasks, then for its sessions.
async fn end(executor: &Executor, shutdown: &Shutdown, close: watch::Sender<bool>, mut sessions: JoinSet<()>) -> Ended {
    shutdown.draining().await;
    let ended = tokio::select! {
        () = executor.drained() => Ended::Drained,
        () = shutdown.now() => Ended::Interrupted,
    };
    close.send_replace(true);
    let farewell = async { while sessions.join_next().await.is_some() {} };
    // Drivers that hang do not keep the process.
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
    ended
}
