//! Which slot runs what, and what waits. Pure: no threads, no messages.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a task is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) session: u64,
    pub(super) query: String,
    pub(super) batch: u64,
    pub(super) task: u64,
}

struct Waiting<J> {
    job: J,
    ticket: Ticket,
}

struct Ticket {
    names: Names,
    cancelled: Arc<AtomicBool>,
}

/// Slots and queue; first come, first served.
pub(super) struct Slots<J> {
    running: Vec<Option<Ticket>>,
    queue: VecDeque<Waiting<J>>,
}

impl<J> Slots<J> {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            running: (0..slots).map(|_| None).collect(),
            queue: VecDeque::new(),
        }
    }

    /// Adds a task to the queue.
    pub(super) fn submit(&mut self, job: J, names: Names, cancelled: Arc<AtomicBool>) {
        self.queue.push_back(Waiting {
            job,
            ticket: Ticket { names, cancelled },
        });
    }

    /// The next task and the free slot it gets.
    pub(super) fn next(&mut self) -> Option<(usize, J)> {
        let slot = self.running.iter().position(Option::is_none)?;
        let Waiting { job, ticket } = self.queue.pop_front()?;
        if let Some(place) = self.running.get_mut(slot) {
            *place = Some(ticket);
        }
        Some((slot, job))
    }

    /// A slot has finished its task.
    pub(super) fn freed(&mut self, slot: usize) {
        if let Some(place) = self.running.get_mut(slot) {
            *place = None;
        }
    }

    /// Calls tasks off. Waiting ones keep their place: they report when they get a slot, at once.
    pub(super) fn cancel(&self, which: impl Fn(&Names) -> bool) {
        let tickets = self
            .running
            .iter()
            .flatten()
            .chain(self.queue.iter().map(|waiting| &waiting.ticket));
        tickets
            .filter(|ticket| which(&ticket.names))
            .for_each(|ticket| ticket.cancelled.store(true, Ordering::Relaxed));
    }

    /// Calls tasks off whose reports nobody wants: waiting ones are dropped.
    pub(super) fn forget(&mut self, which: impl Fn(&Names) -> bool) {
        self.cancel(&which);
        self.queue.retain(|waiting| !which(&waiting.ticket.names));
    }

    /// Whether nothing runs and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.running.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(session: u64, task: u64) -> Names {
        Names {
            session,
            query: "q".to_owned(),
            batch: 0,
            task,
        }
    }

    #[test]
    fn tasks_wait_in_order_and_end_once() {
        let mut slots = Slots::new(1);
        let flag = || Arc::new(AtomicBool::new(false));
        slots.submit('a', names(1, 1), flag());
        slots.submit('b', names(1, 2), flag());
        slots.submit('c', names(2, 3), flag());
        assert_eq!(slots.next(), Some((0, 'a')));
        assert_eq!(slots.next(), None);
        slots.freed(0);
        slots.forget(|names| names.session == 1);
        assert_eq!(slots.next(), Some((0, 'c')), "the other session's task is forgotten");
        assert!(!slots.is_idle());
        slots.freed(0);
        assert!(slots.is_idle());
    }

    #[test]
    fn cancelling_reaches_running_and_waiting_tasks() {
        let mut slots = Slots::new(1);
        let flags: Vec<_> = (0..3).map(|_| Arc::new(AtomicBool::new(false))).collect();
        for (task, flag) in (0..).zip(&flags) {
            slots.submit(task, names(1, task), Arc::clone(flag));
        }
        slots.next();
        slots.cancel(|names| names.task != 1);
        let set: Vec<bool> = flags.iter().map(|flag| flag.load(Ordering::Relaxed)).collect();
        assert_eq!(set, [true, false, true]);
    }
}
