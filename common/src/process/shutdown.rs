//! The way out: the first SIGINT or SIGTERM asks to finish what is begun, the second to stop at once.

use std::io;

use tokio::sync::watch;

/// How urgently the process is asked to end. Only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not asked.
    Running,
    /// Finish the batch, commit, end with exit code 0.
    Draining,
    /// End now, with `exit::INTERRUPTED`.
    Now,
}

/// Tells parts of a process that it is to end. Cheap to clone; every clone sees every phase.
#[derive(Clone, Debug)]
pub struct Shutdown {
    phase: watch::Receiver<Phase>,
}

/// Asks for the end. Dropping it asks for nothing.
#[derive(Clone, Debug)]
pub struct ShutdownTrigger {
    phase: watch::Sender<Phase>,
}

impl ShutdownTrigger {
    /// Moves to `phase`, unless the process is further already.
    pub fn request(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let further = phase > *current;
            *current = phase.max(*current);
            further
        });
    }

    /// Moves one phase further, as a signal does.
    pub fn escalate(&self) {
        let next = if *self.phase.borrow() == Phase::Running {
            Phase::Draining
        } else {
            Phase::Now
        };
        self.request(next);
    }
}

impl Shutdown {
    /// A shutdown that the holder of the trigger asks for.
    #[must_use]
    pub fn manual() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (ShutdownTrigger { phase: sender }, Self { phase: receiver })
    }

    /// A shutdown that SIGINT and SIGTERM ask for, and the trigger too. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals() -> io::Result<(ShutdownTrigger, Self)> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (trigger, shutdown) = Self::manual();
        let signals = trigger.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = interrupt.recv() => "SIGINT",
                    Some(()) = terminate.recv() => "SIGTERM",
                    else => return,
                };
                signals.escalate();
                match *signals.phase.borrow() {
                    Phase::Running | Phase::Draining => {
                        tracing::info!(
                            signal = name,
                            "finishing the running batch; a second signal stops at once"
                        );
                    }
                    Phase::Now => tracing::warn!(signal = name, "stopping at once"),
                }
            }
        });
        Ok((trigger, shutdown))
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Completes when the process is asked to drain or to stop. Cancel safe.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Completes when the process is asked to stop at once. Cancel safe.
    pub async fn now(&self) {
        self.reached(Phase::Now).await;
    }

    async fn reached(&self, wanted: Phase) {
        let mut phase = self.phase.clone();
        if phase.wait_for(|phase| *phase >= wanted).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_drains_and_a_second_stops() {
        let (trigger, shutdown) = Shutdown::manual();
        let other = shutdown.clone();
        assert_eq!(shutdown.phase(), Phase::Running);
        trigger.escalate();
        shutdown.draining().await;
        assert_eq!(other.phase(), Phase::Draining);
        trigger.escalate();
        other.now().await;
        trigger.request(Phase::Draining);
        assert_eq!(other.phase(), Phase::Now, "it never goes back");
    }
}
