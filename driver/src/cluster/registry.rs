//! Sessions and queries by name, for those who send to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use actix::Addr;
use dashmap::DashMap;
use millstream_common::domain::id::{ExecutorId, Generation, QueryId, SessionId};
use millstream_driver_core::place::Candidate;
use millstream_proto::control::v1::{DriverMessage, PrepareQuery, driver_message};
use parking_lot::RwLock;
use tokio::sync::mpsc;
use tonic::Status;

use crate::query::QueryActor;

/// What is known of an executor with a session.
#[derive(Clone, Debug)]
pub struct ExecutorInfo {
    /// Which.
    pub executor: ExecutorId,
    /// This stay of it.
    pub session: SessionId,
    /// Where its blocks can be fetched.
    pub blocks_address: String,
    /// Tasks it runs at once.
    pub slots: u32,
    /// Its process.
    pub pid: u32,
}

pub(super) struct Session {
    pub info: ExecutorInfo,
    pub to_executor: mpsc::Sender<Result<DriverMessage, Status>>,
    /// Epoch milliseconds of the last sign of life.
    pub heard_ms: AtomicI64,
    pub resident_bytes: AtomicU64,
}

/// A query that executors may report to.
#[derive(Clone)]
pub struct QueryRoute {
    /// This start of the query.
    pub generation: Generation,
    /// Who takes the reports.
    pub actor: Addr<QueryActor>,
    /// What every executor is told first.
    pub prepare: Arc<PrepareQuery>,
}

/// Shared by the gRPC service and the actors. Nothing here decides anything.
#[derive(Default)]
pub struct Registry {
    pub(super) sessions: DashMap<ExecutorId, Session>,
    queries: DashMap<QueryId, QueryRoute>,
    usable: RwLock<Vec<Candidate>>,
}

impl Registry {
    /// Sends a message to an executor; false when it has no session or does not take messages any more (its session then ends soon).
    pub fn send(&self, executor: &ExecutorId, message: driver_message::Message) -> bool {
        self.sessions.get(executor).is_some_and(|session| {
            let message = DriverMessage { message: Some(message) };
            session.to_executor.try_send(Ok(message)).is_ok()
        })
    }

    /// Sends a message to every executor.
    pub fn send_all(&self, message: &driver_message::Message) {
        for session in &self.sessions {
            let message = DriverMessage {
                message: Some(message.clone()),
            };
            // One that takes no messages is about to be found gone.
            let _ = session.to_executor.try_send(Ok(message));
        }
    }

    /// Makes a query known: to the executors that are there and to those that come.
    pub fn open_query(&self, query: QueryId, route: QueryRoute) {
        let prepare = driver_message::Message::PrepareQuery(route.prepare.as_ref().clone());
        // In this order: an executor that registers in between is told twice, never not at all.
        self.queries.insert(query, route);
        self.send_all(&prepare);
    }

    /// Forgets a query and lets executors drop what they hold for it.
    pub fn close_query(&self, query: &QueryId) {
        if let Some((query, route)) = self.queries.remove(query) {
            let release = millstream_proto::control::v1::ReleaseQuery {
                query_id: query.0,
                generation: route.generation.0,
            };
            self.send_all(&driver_message::Message::ReleaseQuery(release));
        }
    }

    /// Forgets all queries: no one is told anything any more.
    pub fn forget_queries(&self) {
        self.queries.clear();
    }

    /// The query of this name.
    #[must_use]
    pub fn query(&self, query: &QueryId) -> Option<QueryRoute> {
        self.queries.get(query).map(|route| route.clone())
    }

    pub(super) fn routes(&self) -> Vec<QueryRoute> {
        self.queries.iter().map(|route| route.clone()).collect()
    }

    pub(super) fn prepare(&self, executor: &ExecutorId) {
        for route in self.routes() {
            self.send(
                executor,
                driver_message::Message::PrepareQuery(route.prepare.as_ref().clone()),
            );
        }
    }

    pub(super) fn set_usable(&self, usable: Vec<Candidate>) {
        *self.usable.write() = usable;
    }

    /// The executors that may be given work.
    #[must_use]
    pub fn usable(&self) -> Vec<Candidate> {
        self.usable.read().clone()
    }

    /// What is known of an executor.
    #[must_use]
    pub fn executor(&self, executor: &ExecutorId) -> Option<ExecutorInfo> {
        self.sessions.get(executor).map(|session| session.info.clone())
    }

    /// All executors, by name.
    #[must_use]
    pub fn executors(&self) -> Vec<ExecutorInfo> {
        let mut all: Vec<ExecutorInfo> = self.sessions.iter().map(|session| session.info.clone()).collect();
        all.sort_by(|a, b| a.executor.cmp(&b.executor));
        all
    }

    /// The executor whose blocks are at this address.
    #[must_use]
    pub fn executor_at(&self, blocks_address: &str) -> Option<ExecutorId> {
        self.sessions
            .iter()
            .find(|session| session.info.blocks_address == blocks_address)
            .map(|session| session.key().clone())
    }

    pub(super) fn heard(&self, executor: &ExecutorId, session: SessionId, now_ms: i64, resident_bytes: u64) -> bool {
        self.sessions
            .get(executor)
            .filter(|entry| entry.info.session == session)
            .is_some_and(|entry| {
                entry.heard_ms.store(now_ms, Ordering::Relaxed);
                entry.resident_bytes.store(resident_bytes, Ordering::Relaxed);
                true
            })
    }
}
