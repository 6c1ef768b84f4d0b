//! Immutable state rows of one batch, with marks for those that still count.

use arrow::array::{Array, ArrayRef};

use super::error::StateError;
use super::layout::Layout;
use crate::keys::KeyColumns;

/// State rows; columns never change, rows only die (and revive when a batch is undone).
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) states: Vec<ArrayRef>,
    pub(super) compare: KeyColumns,
    /// Key hash of each row.
    pub(super) hashes: Vec<u64>,
    live: Vec<bool>,
    live_rows: usize,
    /// Rows in the order their groups end; made when eviction first looks at the chunk.
    ends: Option<EndOrder>,
    bytes: usize,
}

/// Rows that have an end, earliest first.
#[derive(Debug)]
struct EndOrder {
    rows: Vec<(i64, u32)>,
    /// Everything before it is evicted or dead.
    cursor: usize,
}

impl Chunk {
    pub(super) fn new(keys: Vec<ArrayRef>, states: Vec<ArrayRef>, hashes: Vec<u64>) -> Self {
        let rows = hashes.len();
        let columns: usize = keys
            .iter()
            .chain(&states)
            .map(|column| column.get_array_memory_size())
            .sum();
        Self {
            compare: KeyColumns::new(&keys),
            keys,
            states,
            hashes,
            live: vec![true; rows],
            live_rows: rows,
            ends: None,
            bytes: columns + rows * 9,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.live.len()
    }

    pub(super) fn live_rows(&self) -> usize {
        self.live_rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn set_live(&mut self, row: usize, live: bool) {
        if let Some(mark) = self.live.get_mut(row)
            && *mark != live
        {
            *mark = live;
            if live { self.live_rows += 1 } else { self.live_rows -= 1 }
        }
    }

    /// Positions of the live rows, in order.
    pub(super) fn live(&self) -> impl Iterator<Item = usize> + '_ {
        self.live
            .iter()
            .enumerate()
            .filter_map(|(row, live)| live.then_some(row))
    }

    /// Live rows whose group ends at or before `until_us`, earliest first; later calls start behind them.
    pub(super) fn take_ended(&mut self, layout: &Layout, until_us: i64) -> Result<Vec<u32>, StateError> {
        if self.ends.is_none() {
            let mut rows = Vec::new();
            if let Some(ends) = layout.ends(&self.keys)? {
                for row in self.live() {
                    if ends.is_valid(row) {
                        rows.push((ends.value(row), position(row)?));
                    }
                }
            }
            rows.sort_unstable();
            self.ends = Some(EndOrder { rows, cursor: 0 });
        }
        let Some(order) = &mut self.ends else {
            return Ok(Vec::new());
        };
        let mut ended = Vec::new();
        while let Some((end, row)) = order.rows.get(order.cursor)
            && *end <= until_us
        {
            if usize::try_from(*row).is_ok_and(|row| self.live.get(row) == Some(&true)) {
                ended.push(*row);
            }
            order.cursor += 1;
        }
        Ok(ended)
    }

    /// Forgets the order when the cursor has to go back: rows revived by the undoing may be missing in it.
    pub(super) fn rewind(&mut self) {
        self.ends = None;
    }
}

/// A row's position in its chunk as the index keeps it.
pub(super) fn position(row: usize) -> Result<u32, StateError> {
    u32::try_from(row).map_err(|_| StateError::TooLarge {
        limit: u64::from(u32::MAX),
    })
}
