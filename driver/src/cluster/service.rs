//! The gRPC side of a session: decodes, hands on, encodes. No decision is taken here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use actix::Addr;
use millstream_common::domain::id::{ExecutorId, QueryId, SessionId};
use millstream_common::time::{Clock, SystemClock};
use millstream_driver_core::cluster::Patience;
use millstream_proto::control::v1::driver_server::Driver;
use millstream_proto::control::v1::{
    DriverMessage, ExecutorMessage, HeartbeatRequest, HeartbeatResponse, Register, Registered, Rejected,
    driver_message, executor_message,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::actor::{ClusterActor, Ended, Joined, LeavingSoon};
use super::registry::{ExecutorInfo, Registry, Session};
use crate::query::TaskReport;

/// Messages that may wait for one executor: a batch is a handful per query.
const SESSION_QUEUE: usize = 4096;

/// What the `Driver` service needs.
pub struct DriverService {
    pub registry: Arc<Registry>,
    pub cluster: Addr<ClusterActor>,
    pub driver_id: String,
    pub patience: Patience,
    pub next_session: AtomicU64,
    pub clock: SystemClock,
}

/// The service as tonic serves it: sessions outlive the call that opened them, so they share it.
pub struct DriverEndpoint(pub Arc<DriverService>);

type Outgoing = mpsc::Sender<Result<DriverMessage, Status>>;

#[tonic::async_trait]
impl Driver for DriverEndpoint {
    type SessionStream = ReceiverStream<Result<DriverMessage, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<ExecutorMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (to_executor, outgoing) = mpsc::channel(SESSION_QUEUE);
        let service = Arc::clone(&self.0);
        tokio::spawn(service.run_session(request.into_inner(), to_executor));
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }

    async fn heartbeat(&self, request: Request<HeartbeatRequest>) -> Result<Response<HeartbeatResponse>, Status> {
        let beat = request.into_inner();
        let known = self.0.registry.heard(
            &ExecutorId(beat.executor_id),
            SessionId(beat.session_id),
            self.0.clock.now_ms(),
            beat.resident_bytes,
        );
        Ok(Response::new(HeartbeatResponse { known }))
    }
}

impl DriverService {
    async fn run_session(self: Arc<Self>, mut incoming: Streaming<ExecutorMessage>, to_executor: Outgoing) {
        let register = match incoming.message().await {
            Ok(Some(ExecutorMessage {
                message: Some(executor_message::Message::Register(register)),
            })) => register,
            Ok(_) => {
                reject(&to_executor, "the first message has to be Register", false).await;
                return;
            }
            Err(_) => return,
        };
        let build = millstream_proto::BUILD;
        if register.build != build {
            let reason = format!(
                "executor {} is build '{}', this driver is '{build}': install the same version on both",
                register.executor_id, register.build
            );
            tracing::warn!(reason, "refused an executor");
            reject(&to_executor, &reason, false).await;
            return;
        }
        let Some((executor, session)) = self.open(register, to_executor).await else {
            return;
        };
        let reason = self.read(&executor, session, &mut incoming).await;
        let ended = Ended {
            executor,
            session,
            reason,
        };
        // A driver that ends needs no news.
        let _ = self.cluster.send(ended).await;
    }

    async fn open(&self, register: Register, to_executor: Outgoing) -> Option<(ExecutorId, SessionId)> {
        let session = SessionId(self.next_session.fetch_add(1, Ordering::Relaxed));
        let executor = ExecutorId(register.executor_id);
        let registered = driver_message::Message::Registered(Registered {
            session_id: session.0,
            driver_id: self.driver_id.clone(),
            heartbeat_interval_ms: u32::try_from(self.patience.interval_ms).unwrap_or(500),
        });
        let message = DriverMessage {
            message: Some(registered),
        };
        to_executor.send(Ok(message)).await.ok()?;
        let info = ExecutorInfo {
            executor: executor.clone(),
            session,
            blocks_address: register.blocks_address,
            slots: register.slots.max(1),
            pid: register.pid,
        };
        tracing::info!(%executor, slots = info.slots, pid = info.pid, "executor registered");
        self.registry.sessions.insert(
            executor.clone(),
            Session {
                info,
                to_executor,
                heard_ms: AtomicI64::new(self.clock.now_ms()),
                resident_bytes: AtomicU64::new(0),
            },
        );
        let joined = Joined {
            executor: executor.clone(),
            session,
        };
        self.cluster.send(joined).await.ok()?;
        Some((executor, session))
    }

    /// Hands reports on until the stream ends; says how it ended.
    async fn read(
        &self,
        executor: &ExecutorId,
        session: SessionId,
        incoming: &mut Streaming<ExecutorMessage>,
    ) -> String {
        loop {
            let message = match incoming.message().await {
                Ok(Some(message)) => message.message,
                Ok(None) => return "it closed its session".to_owned(),
                Err(status) => return format!("its session broke: {}", status.message()),
            };
            let (query, report) = match message {
                Some(executor_message::Message::TaskFinished(report)) => (
                    QueryId(report.query_id.clone()),
                    TaskReport::Finished(executor.clone(), Box::new(report)),
                ),
                Some(executor_message::Message::TaskFailed(report)) => (
                    QueryId(report.query_id.clone()),
                    TaskReport::Failed(executor.clone(), Box::new(report)),
                ),
                Some(executor_message::Message::PrepareFailed(report)) => (
                    QueryId(report.query_id.clone()),
                    TaskReport::NotPrepared(executor.clone(), Box::new(report)),
                ),
                Some(executor_message::Message::Leaving(leaving)) => {
                    tracing::info!(%executor, reason = leaving.reason, "executor is leaving");
                    let leaving = LeavingSoon {
                        executor: executor.clone(),
                        session,
                    };
                    let _ = self.cluster.send(leaving).await;
                    continue;
                }
                Some(executor_message::Message::Register(_)) | None => continue,
            };
            // A query that has ended takes no reports.
            if let Some(route) = self.registry.query(&query) {
                let _ = route.actor.send(report).await;
            }
        }
    }
}

async fn reject(to_executor: &Outgoing, reason: &str, retry: bool) {
    let rejected = driver_message::Message::Rejected(Rejected {
        reason: reason.to_owned(),
        retry,
    });
    let message = DriverMessage {
        message: Some(rejected),
    };
    // An executor that is gone already needs no refusal.
    let _ = to_executor.send(Ok(message)).await;
}
