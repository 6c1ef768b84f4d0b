//! Membership: takes registrations and silence, tells every query who is usable.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::prelude::*;
use millstream_common::domain::id::{ExecutorId, SessionId};
use millstream_common::time::{Clock, SystemClock};
use millstream_driver_core::batch::Event;
use millstream_driver_core::cluster::{Change, Members, Patience};
use millstream_driver_core::place::Candidate;
use tokio::sync::oneshot;

use super::registry::Registry;
use crate::query::Happened;

/// How often silence is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Keeps the membership. One per driver.
pub struct ClusterActor {
    registry: Arc<Registry>,
    members: Members,
    patience: Patience,
    clock: SystemClock,
    waiting: Vec<(usize, oneshot::Sender<()>)>,
}

impl ClusterActor {
    /// An actor without members.
    #[must_use]
    pub fn new(registry: Arc<Registry>, patience: Patience) -> Self {
        Self {
            registry,
            members: Members::default(),
            patience,
            clock: SystemClock::new(),
            waiting: Vec::new(),
        }
    }

    fn carry_out(&mut self, changes: Vec<Change>, ctx: &mut Context<Self>) {
        if changes.is_empty() {
            return;
        }
        let mut usable = self.registry.usable();
        for change in changes {
            match change {
                Change::Usable(executor) => {
                    if let Some(info) = self.registry.executor(&executor)
                        && !usable.iter().any(|candidate| candidate.executor == executor)
                    {
                        usable.push(Candidate {
                            executor,
                            slots: info.slots,
                        });
                    }
                }
                Change::Unusable(executor) => {
                    tracing::info!(%executor, "executor is silent or leaving: nothing new is placed there");
                    usable.retain(|candidate| candidate.executor != executor);
                }
                Change::Gone {
                    executor,
                    session,
                    reason,
                } => {
                    // Without a query nothing is lost with it.
                    if self.registry.routes().is_empty() {
                        tracing::info!(%executor, %session, reason, "executor is gone");
                    } else {
                        tracing::warn!(%executor, %session, reason, "executor is gone");
                    }
                    usable.retain(|candidate| candidate.executor != executor);
                    self.registry
                        .sessions
                        .remove_if(&executor, |_, entry| entry.info.session == session);
                    self.tell_queries(&Event::ExecutorGone(executor), ctx);
                }
            }
        }
        usable.sort_by(|a, b| a.executor.cmp(&b.executor));
        self.registry.set_usable(usable.clone());
        let present = usable.len();
        self.tell_queries(&Event::Executors(usable), ctx);
        for (wanted, waiting) in std::mem::take(&mut self.waiting) {
            if present >= wanted {
                // Who waited may have given up.
                let _ = waiting.send(());
            } else {
                self.waiting.push((wanted, waiting));
            }
        }
    }

    /// Delivers now, or as soon as a mailbox has room.
    fn tell_queries(&self, event: &Event, ctx: &mut Context<Self>) {
        for route in self.registry.routes() {
            if let Err(SendError::Full(message)) = route.actor.try_send(Happened(event.clone())) {
                let delivery = route.actor.send(message);
                ctx.spawn(actix::fut::wrap_future::<_, Self>(async move {
                    // A query that has ended needs no news.
                    let _ = delivery.await;
                }));
            }
        }
    }
}

impl Actor for ClusterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(TICK, |actor, ctx| {
            let now_ms = actor.clock.now_ms();
            let mut changes = Vec::new();
            for entry in &actor.registry.sessions {
                let heard_ms = entry.heard_ms.load(Ordering::Relaxed);
                changes.extend(actor.members.heard(entry.key(), entry.info.session, heard_ms));
            }
            changes.extend(actor.members.tick(&actor.patience, now_ms));
            actor.carry_out(changes, ctx);
        });
    }
}

/// An executor registered; its session is in the registry.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Joined {
    /// Which.
    pub executor: ExecutorId,
    /// This stay of it.
    pub session: SessionId,
}

impl Handler<Joined> for ClusterActor {
    type Result = ();

    fn handle(&mut self, message: Joined, ctx: &mut Self::Context) {
        self.registry.prepare(&message.executor);
        let changes = self
            .members
            .registered(message.executor, message.session, self.clock.now_ms());
        self.carry_out(changes, ctx);
    }
}

/// A session's stream ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Ended {
    /// Whose.
    pub executor: ExecutorId,
    /// Which.
    pub session: SessionId,
    /// How.
    pub reason: String,
}

impl Handler<Ended> for ClusterActor {
    type Result = ();

    fn handle(&mut self, message: Ended, ctx: &mut Self::Context) {
        let change = self.members.ended(&message.executor, message.session, &message.reason);
        self.carry_out(change.into_iter().collect(), ctx);
    }
}

/// An executor says that it is about to end.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LeavingSoon {
    /// Which.
    pub executor: ExecutorId,
    /// This stay of it.
    pub session: SessionId,
}

impl Handler<LeavingSoon> for ClusterActor {
    type Result = ();

    fn handle(&mut self, message: LeavingSoon, ctx: &mut Self::Context) {
        let change = self.members.leaving(&message.executor, message.session);
        self.carry_out(change.into_iter().collect(), ctx);
    }
}

/// Asks to be told when this many executors are usable.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Waited {
    /// How many.
    pub executors: usize,
    /// Told once they are there.
    pub done: oneshot::Sender<()>,
}

impl Handler<Waited> for ClusterActor {
    type Result = ();

    fn handle(&mut self, message: Waited, _ctx: &mut Self::Context) {
        if self.registry.usable().len() >= message.executors {
            // Who waited may have given up.
            let _ = message.done.send(());
        } else {
            self.waiting.push((message.executors, message.done));
        }
    }
}
