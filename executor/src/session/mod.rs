//! The executor's stay with a driver: it connects, registers, does what it is told, and starts over when the stream ends.
//!
//! Each driver address has a loop of its own that never gives up. What a session makes (queries, tasks, blocks, state) carries its
//! number and goes when it ends.

mod heartbeat;
mod queries;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use millstream_common::process::shutdown::{Phase, Shutdown};
use millstream_common::time::Backoff;
use millstream_proto::BUILD;
use millstream_proto::control::v1::driver_client::DriverClient;
use millstream_proto::control::v1::driver_message::Message as Order;
use millstream_proto::control::v1::executor_message::Message as Report;
use millstream_proto::control::v1::{DriverMessage, ExecutorMessage, Leaving, Register, Registered};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Status, Streaming};

use crate::actor::Executor;
use crate::shuffle::StaticTables;
use crate::task::Services;
pub use heartbeat::Heartbeats;
use queries::Queries;
pub use target::{TargetError, parse_targets};

/// How long a driver may take to accept a connection or a registration.
const REGISTER_DEADLINE: Duration = Duration::from_secs(5);
/// How often a silent connection is tried. Generous, so that a driver busy with a large result is not taken for gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Pauses between attempts: short at first, for drivers that have just started.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Pause after a driver has refused for good: another one may stand at its address later.
const PAUSE_REFUSED: Duration = Duration::from_secs(15);
/// Reports that may wait for the network before tasks wait for them.
const REPORTS: usize = 1_024;
/// How often an unreachable driver is mentioned.
const MENTION_EVERY: Duration = Duration::from_secs(60);

/// What all sessions of this process share.
pub struct Member {
    /// Names this process.
    pub executor_id: String,
    /// How many tasks run at once.
    pub slots: u32,
    /// What tasks share.
    pub services: Arc<Services>,
    /// Runs the tasks.
    pub executor: Executor,
    /// Static tables by content.
    pub tables: StaticTables,
    /// Says that this process lives.
    pub heartbeats: Heartbeats,
    /// Asks for the end.
    pub shutdown: Shutdown,
    /// Closes the sessions, when the tasks have ended.
    pub closing: watch::Receiver<bool>,
}

#[derive(Debug, Error)]
enum SessionError {
    #[error("cannot connect")]
    Connect(#[source] tonic::transport::Error),
    #[error("no answer within {} s", REGISTER_DEADLINE.as_secs())]
    Silent,
    #[error("the connection broke: {}", .0.message())]
    Broken(Status),
    #[error("the driver refused: {reason}")]
    Rejected { reason: String, retry: bool },
    #[error("the driver ended the session before it began")]
    Unregistered,
    #[error("the driver no longer knows this session")]
    Forgotten,
}

static SESSIONS: AtomicU64 = AtomicU64::new(1);

impl Member {
    /// Keeps a session with the driver at `address` until the process is asked to end.
    pub async fn stay(self: Arc<Self>, address: String) {
        let mut pauses = Backoff::new(PAUSE_FIRST, PAUSE_MAX);
        let mut mentioned = None;
        loop {
            let mut registered = false;
            let result = self.session(&address, &mut registered).await;
            if self.is_closing() {
                return;
            }
            if registered {
                pauses.reset();
                mentioned = None;
            }
            let mut pause = pauses.next().unwrap_or(PAUSE_MAX);
            match &result {
                Ok(()) => tracing::info!(driver = address, "the driver ended the session"),
                Err(error) => {
                    // News at once, the same again only now and then.
                    let kind = std::mem::discriminant(error);
                    if mentioned.is_none_or(|(last, at): (_, Instant)| last != kind || at.elapsed() >= MENTION_EVERY) {
                        let reason = crate::error::chain(error);
                        tracing::warn!(driver = address, reason, "no session with the driver, trying on");
                        mentioned = Some((kind, Instant::now()));
                    }
                    if matches!(error, SessionError::Rejected { retry: false, .. }) {
                        pause = PAUSE_REFUSED;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closed() => return,
            }
        }
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow() || self.shutdown.phase() != Phase::Running
    }

    async fn closed(&self) {
        let mut closing = self.closing.clone();
        // A sender that is gone closes, too.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// One session, from connecting to its end.
    async fn session(self: &Arc<Self>, address: &str, registered: &mut bool) -> Result<(), SessionError> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(SessionError::Connect)?
            .connect_timeout(REGISTER_DEADLINE)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE * 2)
            .keep_alive_while_idle(true);
        let channel = tokio::select! {
            channel = endpoint.connect() => channel.map_err(SessionError::Connect)?,
            () = self.closed() => return Ok(()),
        };
        let (reports, outgoing) = mpsc::channel(REPORTS);
        let register = Register {
            executor_id: self.executor_id.clone(),
            blocks_address: self.services.address.clone(),
            slots: self.slots,
            build: BUILD.to_owned(),
            pid: std::process::id(),
        };
        // The channel is new and has room.
        let _ = reports.try_send(ExecutorMessage {
            message: Some(Report::Register(register)),
        });
        let mut client = DriverClient::new(channel);
        let opening = async {
            let mut orders = client
                .session(ReceiverStream::new(outgoing))
                .await
                .map_err(SessionError::Broken)?
                .into_inner();
            let first = orders.message().await.map_err(SessionError::Broken)?;
            Ok((first, orders))
        };
        let (first, orders) = tokio::time::timeout(REGISTER_DEADLINE, opening)
            .await
            .map_err(|_| SessionError::Silent)??;
        match first.and_then(|first| first.message) {
            Some(Order::Registered(welcome)) => {
                *registered = true;
                tracing::info!(driver = address, session = welcome.session_id, "registered");
                self.serve(address, &welcome, orders, reports).await
            }
            Some(Order::Rejected(refusal)) => Err(SessionError::Rejected {
                reason: refusal.reason,
                retry: refusal.retry,
            }),
            _ => Err(SessionError::Unregistered),
        }
    }

    /// Does what the driver says until the stream ends; then releases all that was the session's.
    async fn serve(
        self: &Arc<Self>,
        address: &str,
        welcome: &Registered,
        mut orders: Streaming<DriverMessage>,
        reports: mpsc::Sender<ExecutorMessage>,
    ) -> Result<(), SessionError> {
        let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let queries = Arc::new(Queries::new(session, Arc::clone(self), reports.clone()));
        let mut beat = self.heartbeats.start(address, welcome, Arc::clone(self), &queries);
        let mut leaving = false;
        let result = loop {
            tokio::select! {
                order = orders.message() => match order {
                    Ok(Some(DriverMessage { message: Some(order) })) => {
                        if let Order::Rejected(refusal) = order {
                            break Err(SessionError::Rejected { reason: refusal.reason, retry: refusal.retry });
                        }
                        queries.obey(order).await;
                    }
                    // An order this build does not know is not for it.
                    Ok(Some(DriverMessage { message: None })) => {}
                    Ok(None) => break Ok(()),
                    Err(status) => break Err(SessionError::Broken(status)),
                },
                () = beat.forgotten() => break Err(SessionError::Forgotten),
                () = self.shutdown.draining(), if !leaving => {
                    leaving = true;
                    let message = Report::Leaving(Leaving { reason: "the executor was asked to end".to_owned() });
                    // A driver that takes no reports learns it from the end of the stream.
                    let _ = reports.try_send(ExecutorMessage { message: Some(message) });
                }
                () = self.closed() => break Ok(()),
            }
        };
        drop(beat);
        self.executor.end_session(session).await;
        self.services.blocks.release_session(session);
        if *self.closing.borrow() && self.shutdown.phase() != Phase::Now {
            self.flush(reports, queries, orders).await;
        }
        result
    }

    /// Lets the last reports out: the driver ends its side when ours has ended.
    async fn flush(
        &self,
        reports: mpsc::Sender<ExecutorMessage>,
        queries: Arc<Queries>,
        mut orders: Streaming<DriverMessage>,
    ) {
        drop((reports, queries));
        let ended = async { while let Ok(Some(_)) = orders.message().await {} };
        // A driver that keeps its side open does not keep us.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    }
}
