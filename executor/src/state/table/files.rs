//! State rows on their way to files and back.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::{filter_record_batch, not};
use millstream_plan::spec::KEY_GROUPS;

use super::{Place, Table, batch_of, index_of, position, spread};
use crate::keys::{hash_rows, normalised};
use crate::state::chunk::Chunk;
use crate::state::error::StateError;

/// Some of the key groups.
#[derive(Debug)]
pub(in crate::state) struct KeyGroupSet(Vec<bool>);

impl KeyGroupSet {
    /// The key groups that `chosen` accepts.
    pub(in crate::state) fn of(chosen: impl Fn(u32) -> bool) -> Self {
        Self((0..KEY_GROUPS).map(chosen).collect())
    }

    pub(in crate::state) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    fn contains(&self, group: u32) -> bool {
        self.0.get(index_of(group)).copied().unwrap_or(false)
    }
}

/// Rows to write: what is there, and keys of what is gone (their state columns are NULL).
pub(in crate::state) struct Rows {
    pub(in crate::state) live: RecordBatch,
    pub(in crate::state) gone: RecordBatch,
}

impl Table {
    /// What the staged batch changed.
    pub(in crate::state) fn changes(&self) -> Result<Rows, StateError> {
        let Some(staged) = &self.staged else {
            return self.rows_at(&[], &[]);
        };
        let mut live = Vec::new();
        if let Some(at) = staged.chunk
            && let Some(Some(chunk)) = self.chunks.get(index_of(at))
        {
            for row in chunk.live() {
                let hash = chunk.hashes.get(row).copied().unwrap_or_default();
                live.push(Place {
                    hash,
                    chunk: at,
                    row: position(row)?,
                });
            }
        }
        // A group born and evicted in this batch was in no file.
        let gone: Vec<Place> = staged
            .evicted
            .iter()
            .filter(|place| {
                Some(place.chunk) != staged.chunk
                    || staged
                        .touched
                        .get(index_of(place.row))
                        .is_some_and(|(_, old)| old.is_some())
            })
            .copied()
            .collect();
        self.rows_at(&live, &gone)
    }

    /// The whole state, the staged batch included.
    pub(in crate::state) fn everything(&self) -> Result<Rows, StateError> {
        self.rows_at(&self.live_places(), &[])
    }

    fn rows_at(&self, live: &[Place], gone: &[Place]) -> Result<Rows, StateError> {
        let schema = &self.layout.partial;
        let live = if live.is_empty() {
            RecordBatch::new_empty(Arc::clone(schema))
        } else {
            let mut columns = self.gather(live, |chunk| &chunk.keys)?;
            columns.extend(self.gather(live, |chunk| &chunk.states)?);
            batch_of(schema, columns, live.len())?
        };
        let gone = if gone.is_empty() {
            RecordBatch::new_empty(Arc::clone(schema))
        } else {
            let mut columns = self.gather(gone, |chunk| &chunk.keys)?;
            columns.extend(
                self.layout
                    .states
                    .iter()
                    .map(|field| new_null_array(field.data_type(), gone.len())),
            );
            batch_of(schema, columns, gone.len())?
        };
        Ok(Rows { live, gone })
    }

    /// Applies rows read from a file: those of the chosen key groups replace or, where `gone`, remove the group of their key.
    pub(in crate::state) fn load(
        &mut self,
        rows: &RecordBatch,
        gone: &BooleanArray,
        key_groups: &KeyGroupSet,
    ) -> Result<(), StateError> {
        let gone_rows = filter_record_batch(rows, gone).map_err(StateError::columns("reading state rows"))?;
        let stays = not(gone).map_err(StateError::columns("reading state rows"))?;
        let live_rows = filter_record_batch(rows, &stays).map_err(StateError::columns("reading state rows"))?;
        self.remove(&self.owned(&gone_rows, key_groups)?)?;
        self.upsert(&self.owned(&live_rows, key_groups)?)
    }

    fn owned(&self, rows: &RecordBatch, key_groups: &KeyGroupSet) -> Result<RecordBatch, StateError> {
        let keys = self.key_columns(rows);
        let mine: BooleanArray = hash_rows(&keys, rows.num_rows())?
            .into_iter()
            .map(|hash| Some(u32::try_from(hash % u64::from(KEY_GROUPS)).is_ok_and(|group| key_groups.contains(group))))
            .collect();
        filter_record_batch(rows, &mine).map_err(StateError::columns("choosing key groups"))
    }

    fn key_columns(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        rows.columns()
            .iter()
            .take(self.layout.keys.len())
            .map(normalised)
            .collect()
    }

    fn upsert(&mut self, rows: &RecordBatch) -> Result<(), StateError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.key_columns(rows);
        let hashes = hash_rows(&keys, rows.num_rows())?;
        let chunk = self.free_slot()?;
        self.staged = None;
        let grouped = self.group(chunk, &keys, &hashes)?;
        let staged = self.staged.take().unwrap_or_default();
        for old in staged.touched.iter().filter_map(|(_, old)| *old) {
            self.mark(old, false);
        }
        // Files hold a key once; were it there twice, the first row would count.
        let firsts: HashSet<u32> = grouped.first_rows.iter().copied().collect();
        let once: BooleanArray = (0..rows.num_rows())
            .map(|row| Some(position(row).is_ok_and(|row| firsts.contains(&row))))
            .collect();
        let rows = filter_record_batch(rows, &once).map_err(StateError::columns("reading state rows"))?;
        let states = rows.columns().iter().skip(self.layout.keys.len()).cloned().collect();
        let keys = self.key_columns(&rows);
        let hashes = staged.touched.iter().map(|(hash, _)| *hash).collect();
        if let Some(slot) = self.slot(chunk) {
            *slot = Some(Chunk::new(keys, states, hashes));
        }
        Ok(())
    }

    fn remove(&mut self, rows: &RecordBatch) -> Result<(), StateError> {
        let keys = self.key_columns(rows);
        let compare = crate::keys::KeyColumns::new(&keys);
        let mut dead = Vec::new();
        for (row, hash) in hash_rows(&keys, rows.num_rows())?.into_iter().enumerate() {
            let Self { chunks, index, .. } = self;
            let found = index.find_entry(spread(hash), |place| {
                place.hash == hash
                    && chunks
                        .get(index_of(place.chunk))
                        .and_then(Option::as_ref)
                        .is_some_and(|chunk| chunk.compare.equal(index_of(place.row), &compare, row))
            });
            if let Ok(found) = found {
                dead.push(found.remove().0);
            }
        }
        for place in dead {
            self.mark(place, false);
        }
        Ok(())
    }
}
