//! A thread that serves a client's callbacks: errors, log lines, token requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;

use crate::context::Context;

/// Serves one consumer's main queue until dropped.
///
/// The consumer's partitions have queues of their own, so nothing but events ever comes out of the main one.
pub(crate) struct Poller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    /// Starts to serve `client`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(client: &Arc<BaseConsumer<Context>>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("kafka-events".to_owned()).spawn({
            let (client, stop) = (Arc::clone(client), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    // Errors were handed to the context already.
                    let _ = client.poll(Duration::from_millis(250));
                }
            }
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Not joined: it ends within one poll and then drops its share of the client, whose closing may take a while.
        drop(self.thread.take());
    }
}
