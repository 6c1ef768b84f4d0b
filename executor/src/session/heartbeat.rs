//! Heartbeats, on a runtime of their own: a busy process must not look dead.

use std::sync::{Arc, Weak};
use std::time::Duration;

use millstream_proto::control::v1::driver_client::DriverClient;
use millstream_proto::control::v1::{HeartbeatRequest, Registered};
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tonic::transport::Endpoint;

use super::Member;
use super::queries::Queries;

/// When the driver names none.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long an answer may take; the next beat is due anyway.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// The thread that beats for all sessions.
#[derive(Clone, Debug)]
pub struct Heartbeats {
    runtime: Handle,
}

/// One session's heartbeat; dropping it ends it.
pub(super) struct Beat {
    forgotten: watch::Receiver<bool>,
    _alive: watch::Sender<()>,
}

impl Beat {
    /// Completes when the driver says that it does not know the session. Cancel safe.
    pub(super) async fn forgotten(&mut self) {
        if self.forgotten.wait_for(|forgotten| *forgotten).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Heartbeats {
    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn launch() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        Ok(Self { runtime: handle })
    }

    /// Beats for a session until the result is dropped.
    pub(super) fn start(
        &self,
        address: &str,
        welcome: &Registered,
        member: Arc<Member>,
        queries: &Arc<Queries>,
    ) -> Beat {
        let (forget, forgotten) = watch::channel(false);
        let (alive, ended) = watch::channel(());
        let interval = match welcome.heartbeat_interval_ms {
            0 => INTERVAL,
            millis => Duration::from_millis(millis.into()),
        };
        let beating = beat(
            address.to_owned(),
            welcome.session_id,
            interval,
            member,
            Arc::downgrade(queries),
            forget,
        );
        self.runtime.spawn(async move {
            let mut ended = ended;
            tokio::select! {
                () = beating => {}
                // Fails as soon as the session drops its end.
                _ = ended.changed() => {}
            }
        });
        Beat {
            forgotten,
            _alive: alive,
        }
    }
}

async fn beat(
    address: String,
    session_id: u64,
    interval: Duration,
    member: Arc<Member>,
    queries: Weak<Queries>,
    forget: watch::Sender<bool>,
) {
    let Ok(endpoint) = Endpoint::from_shared(format!("http://{address}")) else {
        return;
    };
    // A connection of its own: a large report must not stand before a heartbeat.
    let mut client = DriverClient::new(
        endpoint
            .connect_timeout(ANSWER_DEADLINE)
            .tcp_nodelay(true)
            .connect_lazy(),
    );
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(queries) = queries.upgrade() else { return };
        let request = HeartbeatRequest {
            executor_id: member.executor_id.clone(),
            session_id,
            running_tasks: member.executor.running(),
            resident_bytes: resident_bytes(),
            state_bytes: queries.state_bytes(),
        };
        drop(queries);
        // A missed answer is no reason to end: the session's own stream tells whether the driver is gone.
        if let Ok(Ok(answer)) = tokio::time::timeout(ANSWER_DEADLINE, client.heartbeat(request)).await
            && !answer.get_ref().known
        {
            forget.send_replace(true);
            return;
        }
    }
}

/// Memory of this process as the system counts it; 0 where it does not say.
fn resident_bytes() -> u64 {
    /// The kernel counts in pages of this size on all supported machines.
    const PAGE_BYTES: u64 = 4_096;
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}
