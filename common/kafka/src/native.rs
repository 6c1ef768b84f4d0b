//! The one place that speaks to librdkafka without the safe wrapper: fetching records many at a time, and handing a token
//! to an admin client.
//!
//! # Why
//! One call of the C API into a partition's own queue returns up to a thousand records; the wrapper's `poll` returns one, which
//! costs half of the throughput.
//!
//! # Invariants
//! 1. A `PartitionQueue` holds a share of the client, so the client outlives its queue handle and every record taken from it. `Drop`
//!    destroys records first, then the queue handle, and only then gives up the share.
//! 2. Each pointer in `pending[head..]` came from `rd_kafka_consume_batch_queue`, is not null, and is owned by this queue alone until
//!    `rd_kafka_message_destroy` is called on it, exactly once, when `head` moves past it or on `Drop`. Pointers before `head` are
//!    dead and never read.
//! 3. The bytes of a record (key, value, headers) belong to the record and live as long as it does. A `MessageBatch` borrows the
//!    queue, so nothing can be destroyed while one exists.
//! 4. A queue is used by one thread at a time (`&mut`), though not always by the same one: librdkafka's objects are not bound to a
//!    thread. `Message` and `MessageBatch` hold raw pointers and so stay on the thread that borrowed them, which also makes
//!    the lazy parsing of headers inside the library safe.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::{Client, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;

use crate::context::Context;

type RawMessage = sys::rd_kafka_message_t;

/// The queue of one partition's fetched records, and the records taken from it that nobody has wanted yet.
pub(crate) struct PartitionQueue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// Invariant 2.
    pending: Vec<NonNull<RawMessage>>,
    head: usize,
    /// Invariant 1. Dropped after the body of `Drop` has run.
    _client: Arc<BaseConsumer<Context>>,
}

// SAFETY: invariant 4; the client itself is `Send + Sync`.
unsafe impl Send for PartitionQueue {}

/// What stands first in a partition's queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// A record at this offset.
    Record(i64),
    /// The log ends here: this offset is the next one to be written.
    End(i64),
    /// The library or the broker reports an error, with its own words.
    Error(RDKafkaErrorCode, String),
}

impl PartitionQueue {
    /// Opens the queue of a partition and keeps its records out of the consumer's common queue. To be called before the
    /// partition is assigned, or its first records may take the other way.
    ///
    /// None when the name cannot be a topic's.
    pub(crate) fn open(client: &Arc<BaseConsumer<Context>>, topic: &str, partition: i32) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client is alive and `topic` is a terminated string, copied by the call.
        let queue =
            unsafe { sys::rd_kafka_queue_get_partition(client.client().native_ptr(), topic.as_ptr(), partition) };
        let queue = NonNull::new(queue)?;
        // SAFETY: `queue` is the valid handle just obtained; a null target turns forwarding off.
        unsafe { sys::rd_kafka_queue_forward(queue.as_ptr(), std::ptr::null_mut()) };
        Some(Self {
            queue,
            pending: Vec::new(),
            head: 0,
            _client: Arc::clone(client),
        })
    }

    /// Takes up to `max` records from the library when none are pending, waiting at most `wait` for the first one and never for
    /// more than what is there.
    pub(crate) fn fill(&mut self, max: usize, wait: Duration) {
        if self.head < self.pending.len() {
            return;
        }
        self.pending.clear();
        self.head = 0;
        self.pending.reserve(max);
        // The C call waits until it has as many as asked for: so ask without waiting, then wait for a single one.
        if self.take(max, Duration::ZERO) == 0 && !wait.is_zero() {
            self.take(1, wait);
        }
    }

    /// Appends up to `max` records; `pending` has room for them.
    fn take(&mut self, max: usize, wait: Duration) -> usize {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let room = &mut self.pending.spare_capacity_mut()[..max];
        // SAFETY: the queue handle is valid (invariant 1); `room` has space for `max` pointers, and a `NonNull` has the layout of the
        // pointer that the library writes.
        let taken = unsafe {
            sys::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                wait,
                room.as_mut_ptr().cast::<*mut RawMessage>(),
                max,
            )
        };
        let taken = usize::try_from(taken).unwrap_or(0).min(max);
        // SAFETY: the library has written `taken` non-null pointers to messages that are ours now (invariant 2).
        unsafe { self.pending.set_len(self.pending.len() + taken) };
        taken
    }

    /// What comes next, without removing it; none when nothing is pending.
    pub(crate) fn head(&self) -> Option<Head> {
        let first = self.pending.get(self.head)?;
        // SAFETY: invariant 2.
        let raw = unsafe { first.as_ref() };
        Some(match raw.err {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Head::Record(raw.offset),
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => Head::End(raw.offset),
            code => {
                // SAFETY: of an error message the payload is a terminated string, which the call returns, or a static one.
                let text = unsafe { CStr::from_ptr(sys::rd_kafka_message_errstr(first.as_ptr())) };
                Head::Error(code.into(), text.to_string_lossy().into_owned())
            }
        })
    }

    /// The pending records in order, from the first one up to an event, a record at or beyond `until`, or the end.
    pub(crate) fn batch(&self, until: i64) -> MessageBatch<'_> {
        let pending = &self.pending[self.head..];
        // SAFETY: invariant 2.
        let belongs =
            |raw: &RawMessage| raw.err == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && raw.offset < until;
        let length = pending
            .iter()
            .position(|message| {
                // SAFETY: invariant 2.
                !belongs(unsafe { message.as_ref() })
            })
            .unwrap_or(pending.len());
        MessageBatch {
            messages: &pending[..length],
        }
    }

    /// Destroys the first `count` pending records.
    pub(crate) fn discard(&mut self, count: usize) {
        let end = (self.head + count).min(self.pending.len());
        while self.head < end {
            let message = self.pending[self.head];
            self.head += 1;
            // SAFETY: invariant 2; `head` has moved past it, so it is never touched again.
            unsafe { sys::rd_kafka_message_destroy(message.as_ptr()) };
        }
    }

    /// Destroys all pending records, as after a seek.
    pub(crate) fn clear(&mut self) {
        self.discard(usize::MAX - self.head);
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        self.clear();
        // SAFETY: the handle is valid and not used again; the client is still held (invariant 1).
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// Records of one partition in offset order, borrowed from the client's buffers for the time of a call.
pub struct MessageBatch<'a> {
    messages: &'a [NonNull<RawMessage>],
}

impl<'a> MessageBatch<'a> {
    /// How many records there are; 0 when the reader only asks whether to go on waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The records in offset order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Message<'a>> + use<'a> {
        self.messages.iter().map(|message| Message::view(*message))
    }

    /// Bytes of all keys and values together.
    #[must_use]
    pub fn byte_count(&self) -> u64 {
        self.messages
            .iter()
            .map(|message| {
                // SAFETY: invariant 3.
                let raw = unsafe { message.as_ref() };
                (raw.len + raw.key_len) as u64
            })
            .sum()
    }

    /// The last record, if there is one.
    #[must_use]
    pub fn last(&self) -> Option<Message<'a>> {
        self.messages.last().map(|message| Message::view(*message))
    }
}

/// What a record's timestamp means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The record has none.
    None,
    /// Set by the producer.
    CreateTime,
    /// Set by the broker when it appended the record.
    LogAppendTime,
}

impl TimestampType {
    /// The number Spark shows in `timestampType`: -1, 0 or 1.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::None => -1,
            Self::CreateTime => 0,
            Self::LogAppendTime => 1,
        }
    }
}

/// One record, borrowed.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Its position in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when the record has no timestamp.
    pub timestamp_ms: i64,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
    /// The key; none when it is null, which differs from empty.
    pub key: Option<&'a [u8]>,
    /// The value; none when it is null (a tombstone).
    pub value: Option<&'a [u8]>,
    raw: NonNull<RawMessage>,
    owner: PhantomData<&'a RawMessage>,
}

impl<'a> Message<'a> {
    fn view(raw: NonNull<RawMessage>) -> Self {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the caller's borrow keeps the message alive for 'a (invariant 3); `kind` is a place to write to.
        let (message, timestamp_ms) = unsafe {
            (
                raw.as_ref(),
                sys::rd_kafka_message_timestamp(raw.as_ptr(), &raw mut kind),
            )
        };
        Self {
            offset: message.offset,
            timestamp_ms,
            timestamp_type: match kind {
                sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampType::CreateTime,
                sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => TimestampType::LogAppendTime,
                _ => TimestampType::None,
            },
            key: bytes(message.key.cast(), message.key_len),
            value: bytes(message.payload.cast(), message.len),
            raw,
            owner: PhantomData,
        }
    }

    /// The headers in order: name, and value unless it is null. Empty for a record without headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + use<'a> {
        let mut headers = std::ptr::null_mut();
        // SAFETY: the message is alive (invariant 3) and this thread alone reads it (invariant 4).
        let code = unsafe { sys::rd_kafka_message_headers(self.raw.as_ptr(), &raw mut headers) };
        let headers = (code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR)
            .then(|| NonNull::new(headers))
            .flatten();
        (0..).map_while(move |index| header(headers?, index))
    }
}

/// The header at `index`, if there is one. Its name shows as empty when it is not UTF-8.
fn header<'a>(headers: NonNull<sys::rd_kafka_headers_t>, index: usize) -> Option<(&'a str, Option<&'a [u8]>)> {
    let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
    // SAFETY: `headers` belongs to a message that lives for 'a (invariant 3); the three places are written on success.
    let code =
        unsafe { sys::rd_kafka_header_get_all(headers.as_ptr(), index, &raw mut name, &raw mut value, &raw mut size) };
    if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    // SAFETY: on success `name` is a terminated string owned by the message.
    let name = unsafe { CStr::from_ptr(name) };
    Some((name.to_str().unwrap_or_default(), bytes(value.cast(), size)))
}

fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the library's pair of pointer and length describes bytes owned by a message that lives for 'a (invariant 3).
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
}

/// Hands `token` to a client whose wrapper never asks for one (the admin client).
///
/// # Errors
/// The library's words when it does not accept the token.
pub(crate) fn set_token(client: &Client<Context>, token: OAuthToken) -> Result<(), String> {
    let no_nul = |_| "the token contains a zero byte".to_owned();
    let text = CString::new(token.token).map_err(no_nul)?;
    let principal = CString::new(token.principal_name).map_err(no_nul)?;
    let mut reason = [0; 512];
    // SAFETY: the client is alive, both strings are terminated, there are no extensions, and `reason` has the size given.
    let code = unsafe {
        sys::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            text.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: the library terminates what it writes, and the buffer was zeroed.
    Err(unsafe { CStr::from_ptr(reason.as_ptr()) }
        .to_string_lossy()
        .into_owned())
}
