//! Which executors are there, as far as their heartbeats tell.

use std::collections::BTreeMap;

use millstream_common::domain::id::{ExecutorId, SessionId};

/// How long silence may last. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often an executor is asked to report.
    pub interval_ms: i64,
    /// After this silence nothing new is given to it.
    pub suspect_ms: i64,
    /// After this silence its work is done elsewhere.
    pub gone_ms: i64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            interval_ms: 500,
            suspect_ms: 2_000,
            gone_ms: 6_000,
        }
    }
}

/// What is thought of one executor.
///
/// ```text
/// (registers) -> Joining --heartbeat--> Live <--heartbeat-- Suspect
///                   |                    |  --silence-->       |
///                   +----- silence, leaving or session end ----+--> (gone: forgotten)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Registered, not yet heard of since.
    Joining,
    /// Heard of lately.
    Live,
    /// Silent for a while.
    Suspect,
    /// About to end by its own word: finishes what it runs, gets nothing new.
    Leaving,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    session: SessionId,
    standing: Standing,
    heard_ms: i64,
}

/// What happened to an executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It may be given work.
    Usable(ExecutorId),
    /// It should not be given new work.
    Unusable(ExecutorId),
    /// Its work and all it held are lost.
    Gone {
        /// Which.
        executor: ExecutorId,
        /// Which stay of it.
        session: SessionId,
        /// How that is known.
        reason: String,
    },
}

/// The executors of one driver.
#[derive(Clone, Debug, Default)]
pub struct Members {
    members: BTreeMap<ExecutorId, Member>,
}

impl Members {
    /// An executor registered. The same process registering again ends its earlier session.
    pub fn registered(&mut self, executor: ExecutorId, session: SessionId, now_ms: i64) -> Vec<Change> {
        let member = Member {
            session,
            standing: Standing::Joining,
            heard_ms: now_ms,
        };
        let mut changes = Vec::new();
        if let Some(old) = self.members.insert(executor.clone(), member) {
            changes.push(Change::Gone {
                executor: executor.clone(),
                session: old.session,
                reason: "it registered again".to_owned(),
            });
        }
        changes.push(Change::Usable(executor));
        changes
    }

    /// An executor was heard of at `heard_ms`. Sessions that ended are ignored.
    pub fn heard(&mut self, executor: &ExecutorId, session: SessionId, heard_ms: i64) -> Option<Change> {
        let member = self
            .members
            .get_mut(executor)
            .filter(|member| member.session == session)?;
        member.heard_ms = member.heard_ms.max(heard_ms);
        match member.standing {
            Standing::Joining => {
                member.standing = Standing::Live;
                None
            }
            Standing::Suspect => {
                member.standing = Standing::Live;
                Some(Change::Usable(executor.clone()))
            }
            Standing::Live | Standing::Leaving => None,
        }
    }

    /// An executor says that it is about to end.
    pub fn leaving(&mut self, executor: &ExecutorId, session: SessionId) -> Option<Change> {
        let member = self
            .members
            .get_mut(executor)
            .filter(|member| member.session == session)?;
        member.standing = Standing::Leaving;
        Some(Change::Unusable(executor.clone()))
    }

    /// A session's stream ended.
    pub fn ended(&mut self, executor: &ExecutorId, session: SessionId, reason: &str) -> Option<Change> {
        self.members.get(executor).filter(|member| member.session == session)?;
        self.members.remove(executor);
        Some(Change::Gone {
            executor: executor.clone(),
            session,
            reason: reason.to_owned(),
        })
    }

    /// Time has passed.
    pub fn tick(&mut self, patience: &Patience, now_ms: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        self.members.retain(|executor, member| {
            let silence_ms = now_ms - member.heard_ms;
            if silence_ms >= patience.gone_ms {
                changes.push(Change::Gone {
                    executor: executor.clone(),
                    session: member.session,
                    reason: format!("no heartbeat for {silence_ms} ms"),
                });
                return false;
            }
            if silence_ms >= patience.suspect_ms && matches!(member.standing, Standing::Joining | Standing::Live) {
                member.standing = Standing::Suspect;
                changes.push(Change::Unusable(executor.clone()));
            }
            true
        });
        changes
    }

    /// What is thought of an executor; none: not a member.
    #[must_use]
    pub fn standing(&self, executor: &ExecutorId) -> Option<Standing> {
        self.members.get(executor).map(|member| member.standing)
    }

    /// How many there are, whatever their standing.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        interval_ms: 10,
        suspect_ms: 30,
        gone_ms: 100,
    };

    fn member() -> (Members, ExecutorId) {
        let mut members = Members::default();
        let id = ExecutorId::from("e1");
        assert_eq!(
            members.registered(id.clone(), SessionId(1), 0),
            [Change::Usable(id.clone())]
        );
        (members, id)
    }

    #[test]
    fn silence_makes_suspect_then_gone_and_a_heartbeat_clears_it() {
        let (mut members, id) = member();
        assert_eq!(members.standing(&id), Some(Standing::Joining));
        assert_eq!(members.heard(&id, SessionId(1), 5), None);
        assert_eq!(members.standing(&id), Some(Standing::Live));
        assert_eq!(members.tick(&PATIENCE, 34), []);
        assert_eq!(members.tick(&PATIENCE, 35), [Change::Unusable(id.clone())]);
        assert_eq!(members.tick(&PATIENCE, 36), []);
        assert_eq!(members.heard(&id, SessionId(1), 40), Some(Change::Usable(id.clone())));
        assert_eq!(members.tick(&PATIENCE, 80), [Change::Unusable(id.clone())]);
        assert!(matches!(members.tick(&PATIENCE, 140)[..], [Change::Gone { .. }]));
        assert!(members.is_empty());
    }

    #[test]
    fn an_earlier_session_has_no_say() {
        let (mut members, id) = member();
        assert_eq!(members.registered(id.clone(), SessionId(2), 1).len(), 2);
        assert_eq!(members.heard(&id, SessionId(1), 9), None);
        assert_eq!(members.ended(&id, SessionId(1), "closed"), None);
        assert_eq!(members.leaving(&id, SessionId(1)), None);
        assert_eq!(members.len(), 1);
        assert!(members.ended(&id, SessionId(2), "closed").is_some());
    }

    #[test]
    fn one_that_leaves_gets_nothing_new_whatever_it_says() {
        let (mut members, id) = member();
        assert_eq!(members.leaving(&id, SessionId(1)), Some(Change::Unusable(id.clone())));
        assert_eq!(members.heard(&id, SessionId(1), 5), None);
        assert_eq!(members.standing(&id), Some(Standing::Leaving));
    }
}
