//! The driver's side of the protocol, in the test's own process.

pub mod orders;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use millstream_common::process::shutdown::{Shutdown, ShutdownTrigger};
use millstream_executor::config::ExecutorConfig;
use millstream_executor::process::{Ended, ProcessError};
use millstream_proto::control::v1::driver_message::Message as Order;
use millstream_proto::control::v1::driver_server::{Driver, DriverServer};
use millstream_proto::control::v1::executor_message::Message as Report;
use millstream_proto::control::v1::{
    DriverMessage, ExecutorMessage, HeartbeatRequest, HeartbeatResponse, Register, Registered, TaskFailed, TaskFinished,
};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// Nothing here takes longer, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A driver that does what the test says.
pub struct FakeDriver {
    pub address: String,
    sessions: Mutex<mpsc::Receiver<FakeSession>>,
    pub beats: watch::Receiver<Option<HeartbeatRequest>>,
    server: JoinHandle<()>,
}

/// One executor's session.
pub struct FakeSession {
    pub register: Register,
    orders: mpsc::Sender<Result<DriverMessage, Status>>,
    reports: mpsc::Receiver<ExecutorMessage>,
}

struct Service {
    sessions: mpsc::Sender<FakeSession>,
    beats: watch::Sender<Option<HeartbeatRequest>>,
}

#[tonic::async_trait]
impl Driver for Service {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<DriverMessage, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<ExecutorMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut incoming = request.into_inner();
        let Some(Report::Register(register)) = incoming.message().await?.and_then(|first| first.message) else {
            return Err(Status::invalid_argument("not registered"));
        };
        let (orders, outgoing) = mpsc::channel(64);
        let (sender, reports) = mpsc::channel(64);
        let welcome = Registered {
            session_id: 7,
            driver_id: "fake".to_owned(),
            heartbeat_interval_ms: 20,
        };
        orders
            .send(Ok(DriverMessage {
                message: Some(Order::Registered(welcome)),
            }))
            .await
            .unwrap();
        tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        self.sessions
            .send(FakeSession {
                register,
                orders,
                reports,
            })
            .await
            .unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn heartbeat(&self, request: Request<HeartbeatRequest>) -> Result<Response<HeartbeatResponse>, Status> {
        let known = request.get_ref().session_id == 7;
        self.beats.send_replace(Some(request.into_inner()));
        Ok(Response::new(HeartbeatResponse { known }))
    }
}

impl FakeDriver {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, sessions) = mpsc::channel(8);
        let (beat, beats) = watch::channel(None);
        let service = DriverServer::new(Service {
            sessions: sender,
            beats: beat,
        });
        let server = tokio::spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
                .unwrap();
        });
        Arc::new(Self {
            address,
            sessions: Mutex::new(sessions),
            beats,
            server,
        })
    }

    /// The next executor that registers.
    pub async fn accept(&self) -> FakeSession {
        within(async { self.sessions.lock().await.recv().await })
            .await
            .expect("an executor registers")
    }
}

impl Drop for FakeDriver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeSession {
    pub async fn order(&self, order: Order) {
        self.orders
            .send(Ok(DriverMessage { message: Some(order) }))
            .await
            .unwrap();
    }

    /// The next report; none when the executor has ended the session.
    pub async fn report(&mut self) -> Option<Report> {
        within(self.reports.recv()).await.and_then(|message| message.message)
    }

    /// The next report, which must be of a task that finished.
    pub async fn finished(&mut self) -> TaskFinished {
        match self.report().await {
            Some(Report::TaskFinished(finished)) => finished,
            other => panic!("expected a finished task, got {other:?}"),
        }
    }

    /// The next report, which must be of a task that failed.
    pub async fn failed(&mut self) -> TaskFailed {
        match self.report().await {
            Some(Report::TaskFailed(failed)) => failed,
            other => panic!("expected a failed task, got {other:?}"),
        }
    }
}

/// An executor in this process.
pub struct TestExecutor {
    pub trigger: ShutdownTrigger,
    pub ended: JoinHandle<Result<Ended, ProcessError>>,
}

impl TestExecutor {
    pub fn start(drivers: &[&Arc<FakeDriver>]) -> Self {
        let config = ExecutorConfig {
            drivers: drivers.iter().map(|driver| driver.address.clone()).collect(),
            slots: 2,
            bind: "127.0.0.1".parse().unwrap(),
            port: 0,
            host: None,
            shuffle_bytes: 1 << 28,
        };
        let (trigger, shutdown) = Shutdown::manual();
        let ended = tokio::spawn(millstream_executor::process::run(config, shutdown));
        Self { trigger, ended }
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}
