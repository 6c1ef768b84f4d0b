//! The driver's one port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix::Addr;
use millstream_common::time::SystemClock;
use millstream_driver_core::cluster::Patience;
use millstream_proto::blocks::v1::blocks_server::BlocksServer;
use millstream_proto::control::v1::driver_server::DriverServer;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::MESSAGE_BYTES_MAX;
use super::actor::ClusterActor;
use super::blocks::{BlockService, BlockStore};
use super::registry::Registry;
use super::service::{DriverEndpoint, DriverService};
use crate::error::DriverError;

/// A port taken, before anybody is served.
pub struct Listening {
    listener: TcpListener,
    /// Where others reach it.
    pub address: String,
}

/// Takes the first free port of a range; port 0 takes any.
///
/// # Errors
/// `Listen` when all are taken, or the host is not this machine's.
pub async fn listen(host: IpAddr, first: u16, last: u16) -> Result<Listening, DriverError> {
    let mut failure = None;
    for port in first..=last.max(first) {
        match TcpListener::bind(SocketAddr::new(host, port)).await {
            Ok(listener) => {
                let port = listener.local_addr().map_or(port, |address| address.port());
                let address = SocketAddr::new(host, port).to_string();
                return Ok(Listening { listener, address });
            }
            Err(error) => failure = Some(error),
        }
    }
    let ports = if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    };
    let hint = match failure.as_ref().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::AddrNotAvailable) => {
            "this machine has no such address; give one of its own by --listen, 0.0.0.0 stands for all of them"
        }
        Some(std::io::ErrorKind::PermissionDenied) => {
            "ports below 1024 are the administrator's; choose another by --port"
        }
        _ => "another program has the port; choose another by --port, or 0 for any free one",
    };
    Err(DriverError::Listen {
        address: format!("{host}:{ports}"),
        hint: hint.to_owned(),
        source: failure,
    })
}

impl Listening {
    /// Serves executors until the runtime ends.
    pub fn serve(
        self,
        registry: Arc<Registry>,
        cluster: Addr<ClusterActor>,
        blocks: Arc<BlockStore>,
        patience: Patience,
    ) {
        let service = DriverEndpoint(Arc::new(DriverService {
            registry,
            cluster,
            driver_id: uuid::Uuid::new_v4().to_string(),
            patience,
            next_session: AtomicU64::new(1),
            clock: SystemClock::new(),
        }));
        let server = Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(5)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
            .add_service(DriverServer::new(service).max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(BlocksServer::new(BlockService(blocks)));
        tokio::spawn(async move {
            // Small messages answer each other here: waiting to fill packets would cost 40 ms a batch.
            let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
            if let Err(error) = server.serve_with_incoming(incoming).await {
                tracing::error!(%error, "the driver's port is closed");
            }
        });
    }
}
