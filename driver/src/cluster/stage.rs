//! The thread the actors live on: coordination only, so that a long computation never delays a heartbeat.

use actix::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::error::DriverError;

type Job = Box<dyn FnOnce() + Send>;

/// Starts actors on a thread of their own; they end with the last handle of this.
#[derive(Clone)]
pub struct Stage {
    jobs: mpsc::Sender<Job>,
}

impl Stage {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread or no event loop.
    pub fn start() -> Result<Self, DriverError> {
        let broken = || DriverError::Broken {
            part: "coordination thread",
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| broken())?;
        let (jobs, mut queue) = mpsc::channel::<Job>(16);
        std::thread::Builder::new()
            .name("actors".to_owned())
            .spawn(move || {
                // Actors are polled once more when they are dropped with `local`, which may set timers.
                let _timers = runtime.enter();
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, async move {
                    while let Some(job) = queue.recv().await {
                        job();
                    }
                });
            })
            .map_err(|_| broken())?;
        Ok(Self { jobs })
    }

    /// Starts the actor that `make` builds.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn spawn<A, F>(&self, mailbox: usize, make: F) -> Result<Addr<A>, DriverError>
    where
        A: Actor<Context = Context<A>>,
        F: FnOnce(&mut Context<A>) -> A + Send + 'static,
    {
        let broken = || DriverError::Broken {
            part: "coordination thread",
        };
        let (answer, started) = oneshot::channel();
        let job = Box::new(move || {
            let address = A::create(|context| {
                context.set_mailbox_capacity(mailbox);
                make(context)
            });
            // Nobody waits any more when this fails.
            let _ = answer.send(address);
        });
        self.jobs.send(job).await.map_err(|_| broken())?;
        started.await.map_err(|_| broken())
    }
}
