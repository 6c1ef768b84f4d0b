//! The driver as a place to run queries: its port, its actors, its executors. Several jobs may use it one after the other.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::Addr;
use millstream_driver_core::cluster::Patience;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::cluster::blocks::{BlockFetcher, BlockStore};
use crate::cluster::local::LocalExecutors;
use crate::cluster::{ClusterActor, Registry, Stage, Waited, listen};
use crate::error::DriverError;

/// Messages that may wait for the membership's actor.
const CLUSTER_MAILBOX: usize = 1024;

/// Whose executors a driver uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executors {
    /// Its own, on this machine, ended with it.
    Local {
        /// How many.
        count: usize,
        /// Tasks each runs at once; none: as the executor decides.
        slots: Option<u32>,
        /// Their program; none: the one beside the driver's.
        program: Option<String>,
    },
    /// Those that find it.
    Standalone {
        /// How many to wait for.
        count: usize,
    },
}

/// Where a driver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAt {
    /// The address; loopback unless told otherwise.
    pub host: IpAddr,
    /// The first port tried; 0: any free one.
    pub first_port: u16,
    /// The last port tried.
    pub last_port: u16,
    /// The host name executors are told to fetch from; none: `host`.
    pub advertise: Option<String>,
}

impl Default for ListenAt {
    fn default() -> Self {
        Self {
            host: IpAddr::from([127, 0, 0, 1]),
            first_port: 7077,
            last_port: 7092,
            advertise: None,
        }
    }
}

/// How a driver finds its executors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterOptions {
    /// Where it listens.
    pub listen: ListenAt,
    /// Whose executors.
    pub executors: Executors,
    /// How long to wait for them.
    pub wait: Duration,
}

/// A driver that queries can be started on.
pub struct Cluster {
    pub(super) registry: Arc<Registry>,
    pub(super) blocks: Arc<BlockStore>,
    pub(super) fetcher: Arc<BlockFetcher>,
    pub(super) stage: Stage,
    /// Where executors reach it.
    pub address: String,
    actor: Addr<ClusterActor>,
    options: ClusterOptions,
    local: Mutex<Option<LocalExecutors>>,
    queries: AtomicU64,
}

impl Cluster {
    /// Listens, and starts local executors. Does not wait for any executor. Must be called in a multi-threaded tokio runtime.
    ///
    /// # Errors
    /// No free port, a missing executor program.
    pub async fn start(options: ClusterOptions) -> Result<Self, DriverError> {
        let at = &options.listen;
        let listening = listen(at.host, at.first_port, at.last_port).await?;
        let port = listening.address.rsplit(':').next().unwrap_or_default().to_owned();
        let address = match &at.advertise {
            Some(host) => format!("{host}:{port}"),
            None => listening.address.clone(),
        };
        let registry = Arc::new(Registry::default());
        let blocks = Arc::new(BlockStore::default());
        let patience = Patience::default();
        let stage = Stage::start()?;
        let members = Arc::clone(&registry);
        let actor = stage
            .spawn(CLUSTER_MAILBOX, move |_| ClusterActor::new(members, patience))
            .await?;
        listening.serve(Arc::clone(&registry), actor.clone(), Arc::clone(&blocks), patience);
        tracing::info!(address, "listening for executors");
        let local = match &options.executors {
            Executors::Local { count, slots, program } => {
                Some(LocalExecutors::start(*count, *slots, program.as_deref(), &address)?)
            }
            Executors::Standalone { .. } => None,
        };
        Ok(Self {
            registry,
            blocks,
            fetcher: Arc::new(BlockFetcher::default()),
            stage,
            address,
            actor,
            options,
            local: Mutex::new(local),
            queries: AtomicU64::new(0),
        })
    }

    /// Waits until the executors asked for are there.
    ///
    /// # Errors
    /// `TooFewExecutors` when they are not in time, or a local one ended.
    pub async fn ready(&self) -> Result<(), DriverError> {
        let (wanted, hint) = match &self.options.executors {
            Executors::Local { count, .. } => (*count, "see what they wrote above".to_owned()),
            Executors::Standalone { count } => (
                *count,
                format!("start executors with --driver {}, or use --local N", self.address),
            ),
        };
        let (done, mut arrived) = oneshot::channel();
        let message = Waited {
            executors: wanted,
            done,
        };
        self.actor.send(message).await.map_err(|_| DriverError::Broken {
            part: "coordination thread",
        })?;
        let deadline = tokio::time::Instant::now() + self.options.wait;
        loop {
            let step = (tokio::time::Instant::now() + Duration::from_millis(100)).min(deadline);
            match tokio::time::timeout_at(step, &mut arrived).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(_)) => {
                    return Err(DriverError::Broken {
                        part: "coordination thread",
                    });
                }
                Err(_) => {}
            }
            let (ended, how) = self.local.lock().as_ref().map(LocalExecutors::lost).unwrap_or_default();
            let present = self.registry.usable().len();
            // The job runs on those that are left, as it would had the others ended later.
            if ended > 0 && ended < wanted && present >= wanted - ended {
                tracing::warn!(ended, present, "going on with fewer executors");
                return Ok(());
            }
            if (ended > 0 && ended >= wanted) || tokio::time::Instant::now() >= deadline {
                return Err(DriverError::TooFewExecutors {
                    present,
                    wanted,
                    waited_s: self.options.wait.as_secs(),
                    hint: match how {
                        Some(how) => format!("an executor ended again and again with {how}"),
                        None => hint,
                    },
                });
            }
        }
    }

    /// Slots of all executors that may be given work.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.registry.usable().iter().map(|candidate| candidate.slots).sum()
    }

    /// The number of the next query of this driver, from 0.
    pub(super) fn next_query(&self) -> u64 {
        self.queries.fetch_add(1, Ordering::Relaxed)
    }

    /// Local executors that die from now on are not started again: the job only finishes what it has begun.
    pub(super) fn drain(&self) {
        if let Some(local) = self.local.lock().as_ref() {
            local.drain();
        }
    }

    /// Ends local executors; standalone ones go on without this driver.
    pub async fn stop(self) {
        // A query that is left behind has no use for the news that its executors end.
        self.registry.forget_queries();
        let local = self.local.lock().take();
        if let Some(local) = local {
            local.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use millstream_common::process::exit;
    use millstream_proto::BUILD;
    use millstream_proto::control::v1::driver_client::DriverClient;
    use millstream_proto::control::v1::{ExecutorMessage, Register, driver_message, executor_message};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_executor_of_another_version_is_refused_with_both_versions() {
        let cluster = Cluster::start(ClusterOptions {
            listen: ListenAt {
                first_port: 0,
                last_port: 0,
                ..ListenAt::default()
            },
            executors: Executors::Standalone { count: 1 },
            wait: Duration::from_millis(300),
        })
        .await
        .unwrap();
        let mut client = DriverClient::connect(format!("http://{}", cluster.address))
            .await
            .unwrap();
        let register = Register {
            executor_id: "old-one".to_owned(),
            blocks_address: "127.0.0.1:1".to_owned(),
            slots: 1,
            build: "0.0.1-other".to_owned(),
            pid: 1,
        };
        let hello = ExecutorMessage {
            message: Some(executor_message::Message::Register(register)),
        };
        let mut orders = client.session(tokio_stream::iter([hello])).await.unwrap().into_inner();
        let answer = orders.message().await.unwrap().unwrap().message;
        assert!(
            matches!(&answer, Some(driver_message::Message::Rejected(refusal))
                if !refusal.retry
                    && ["old-one", "0.0.1-other", BUILD, "install"].iter().all(|word| refusal.reason.contains(word))),
            "{answer:?}"
        );
        let error = cluster.ready().await.unwrap_err();
        assert_eq!(error.exit_code(), exit::UNAVAILABLE);
        assert!(
            error.to_string().contains(&format!("--driver {}", cluster.address)),
            "{error}"
        );
        cluster.stop().await;
    }
}
