//! The chunks, the index over them, and what one batch does to both.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat, concat_batches, filter_record_batch, take};
use arrow::datatypes::SchemaRef;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as IndexEntry;
use millstream_plan::spec::OutputMode;

use super::accumulators::{Accumulators, empty_states};
use super::chunk::{Chunk, position};
use super::error::StateError;
use super::layout::Layout;
use crate::keys::{KeyColumns, hash_rows, normalised};

/// What decides a batch's rows beside its input.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Which rows are emitted.
    pub mode: OutputMode,
    /// Groups that end at or before this are late: their partial rows are dropped. Microseconds.
    pub late_before_us: i64,
    /// Groups that end at or before this are evicted. Microseconds.
    pub evict_before_us: i64,
}

/// What a staged batch made.
#[derive(Debug)]
pub struct Outcome {
    /// Emitted rows: group columns, then one column per aggregate.
    pub rows: RecordBatch,
    /// Partial rows dropped as late.
    pub late_rows: u64,
    /// Groups the batch touched.
    pub updated: u64,
    /// Groups evicted.
    pub removed: u64,
}

/// Where a group's row is. The hash is kept to grow the index without touching the chunks.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    chunk: u32,
    row: u32,
}

/// State rows of one range of key groups. At most one batch is staged.
#[derive(Debug)]
pub struct Table {
    layout: Arc<Layout>,
    chunks: Vec<Option<Chunk>>,
    index: HashTable<Place>,
    staged: Option<Staged>,
}

/// How to undo a batch, and what it changed.
#[derive(Debug, Default)]
struct Staged {
    /// Its chunk, once it has one.
    chunk: Option<u32>,
    /// Touched groups in the order of the chunk's rows: the hash and the place they had.
    touched: Vec<(u64, Option<Place>)>,
    /// Groups evicted: where they were.
    evicted: Vec<Place>,
}

/// Groups of some rows: a number for each row, and the first row of each number.
struct Grouped {
    ids: Vec<usize>,
    first_rows: Vec<u32>,
}

/// The index's hash: the low byte of a key's hash is its key group, nearly constant within one table.
fn spread(hash: u64) -> u64 {
    hash.rotate_right(16)
}

impl Table {
    /// An empty state.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Self {
        Self {
            layout,
            chunks: Vec::new(),
            index: HashTable::new(),
            staged: None,
        }
    }

    /// How many groups there are, the staged batch included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.index.len()
    }

    /// Memory held by columns and index.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.chunks.iter().flatten().map(Chunk::bytes).sum::<usize>() + self.index.allocation_size()
    }

    /// Merges the partial rows `inputs` (group columns, then state columns) of one batch and emits its rows. The batch is staged:
    /// [`Self::commit`] keeps it, [`Self::abort`] undoes it; an earlier staged batch is undone first. After an error nothing is
    /// staged and the state is as before.
    ///
    /// A global aggregate (no group columns) always has its one row, also without input.
    ///
    /// # Errors
    /// When rows do not have the layout's columns, a key's type cannot be grouped, or an aggregate function fails.
    pub fn stage(&mut self, inputs: &[RecordBatch], rules: Rules) -> Result<Outcome, StateError> {
        self.abort();
        self.compact()?;
        self.staged = Some(Staged::default());
        let outcome = self.run(inputs, rules);
        if outcome.is_err() {
            self.abort();
        }
        outcome
    }

    /// Makes the staged batch part of the state. Nothing happens when there is none.
    pub fn commit(&mut self) {
        self.staged = None;
    }

    /// Undoes the staged batch. Nothing happens when there is none.
    pub fn abort(&mut self) {
        let Some(staged) = self.staged.take() else { return };
        for place in staged.evicted.iter().rev() {
            self.index
                .insert_unique(spread(place.hash), *place, |place| spread(place.hash));
            self.mark(*place, true);
        }
        if let Some(chunk) = staged.chunk {
            for (row, (hash, old)) in staged.touched.iter().enumerate() {
                let entry = self.index.find_entry(spread(*hash), |place| {
                    place.chunk == chunk && usize::try_from(place.row).is_ok_and(|at| at == row)
                });
                if let Ok(mut entry) = entry {
                    match old {
                        Some(old) => *entry.get_mut() = *old,
                        None => drop(entry.remove()),
                    }
                }
                if let Some(old) = old {
                    self.mark(*old, true);
                }
            }
            if let Some(slot) = self.slot(chunk) {
                *slot = None;
            }
        }
        // Revived rows may be missing in an order of ends that was made meanwhile.
        self.chunks.iter_mut().flatten().for_each(Chunk::rewind);
    }

    fn run(&mut self, inputs: &[RecordBatch], rules: Rules) -> Result<Outcome, StateError> {
        let layout = Arc::clone(&self.layout);
        let mut accepted = Vec::with_capacity(inputs.len());
        let mut late_rows = 0;
        for batch in inputs {
            let batch = self.checked(batch)?;
            let batch = if rules.mode == OutputMode::Complete {
                batch
            } else {
                let kept = in_time(&layout, &batch, rules.late_before_us)?;
                late_rows += batch.num_rows() - kept.num_rows();
                kept
            };
            if batch.num_rows() > 0 {
                accepted.push(batch);
            }
        }
        let touched_values = self.merge(&layout, &accepted, rules.mode == OutputMode::Update)?;
        let rows = match rules.mode {
            OutputMode::Update => {
                let rows = self.touched_rows(&layout, touched_values)?;
                self.evict(&layout, rules.evict_before_us)?;
                rows
            }
            OutputMode::Append => {
                let ended = self.evict(&layout, rules.evict_before_us)?;
                self.evaluate(&layout, &ended)?
            }
            OutputMode::Complete => {
                let all = self.live_places();
                self.evaluate(&layout, &all)?
            }
        };
        let (updated, removed) = self
            .staged
            .as_ref()
            .map_or((0, 0), |s| (s.touched.len(), s.evicted.len()));
        Ok(Outcome {
            rows,
            late_rows: count(late_rows),
            updated: count(updated),
            removed: count(removed),
        })
    }

    /// Partial rows under the layout's own schema (names and nullability of the sender's do not matter), keys canonical.
    fn checked(&self, batch: &RecordBatch) -> Result<RecordBatch, StateError> {
        let expected = self.layout.partial.fields().len();
        if batch.num_columns() != expected {
            return Err(StateError::PartialShape {
                found: batch.num_columns(),
                expected,
            });
        }
        let keys = self.layout.keys.len();
        let columns = batch
            .columns()
            .iter()
            .enumerate()
            .map(|(at, column)| {
                if at < keys {
                    normalised(column)
                } else {
                    Arc::clone(column)
                }
            })
            .collect();
        batch_of(&self.layout.partial, columns, batch.num_rows())
    }

    /// Merges accepted rows into the touched groups and appends their new chunk; the groups' values when `values` asks.
    fn merge(
        &mut self,
        layout: &Layout,
        accepted: &[RecordBatch],
        values: bool,
    ) -> Result<Option<Vec<ArrayRef>>, StateError> {
        let mut rows =
            concat_batches(&layout.partial, accepted).map_err(StateError::columns("joining partial rows"))?;
        if layout.keys.is_empty() && rows.num_rows() == 0 {
            rows = batch_of(&layout.partial, empty_states(layout)?, 1)?;
        }
        let (keys, states) = rows.columns().split_at(layout.keys.len());
        let hashes = hash_rows(keys, rows.num_rows())?;
        let chunk = self.free_slot()?;
        let grouped = self.group(chunk, keys, &hashes)?;
        let groups = grouped.first_rows.len();
        if groups == 0 {
            return Ok(None);
        }
        let (mut ids, places): (Vec<usize>, Vec<Place>) = self.old_places().into_iter().unzip();
        let mut merging = Accumulators::fresh(layout)?;
        if places.is_empty() {
            merging.merge(states, &grouped.ids, groups)?;
        } else {
            // Old and new rows in one call: a call that leaves groups out makes some functions take them for seen, and a
            // sum that must be NULL becomes 0.
            let old = self.gather(&places, |chunk| &chunk.states)?;
            let joined = old
                .iter()
                .zip(states)
                .map(|(old, new)| concat(&[old.as_ref(), new.as_ref()]))
                .collect::<Result<Vec<_>, _>>()
                .map_err(StateError::columns("joining old and new state rows"))?;
            ids.extend(&grouped.ids);
            merging.merge(&joined, &ids, groups)?;
            for place in places {
                self.mark(place, false);
            }
        }
        let new_states = merging.into_states()?;
        let firsts = UInt32Array::from(grouped.first_rows);
        let new_keys = keys
            .iter()
            .map(|key| take(key, &firsts, None))
            .collect::<Result<Vec<_>, _>>()
            .map_err(StateError::columns("taking new keys"))?;
        let values = if values {
            let mut reading = Accumulators::fresh(layout)?;
            reading.merge(&new_states, &(0..groups).collect::<Vec<_>>(), groups)?;
            Some(reading.into_values()?)
        } else {
            None
        };
        let hashes = self
            .staged
            .iter()
            .flat_map(|staged| staged.touched.iter().map(|(hash, _)| *hash))
            .collect();
        if let Some(slot) = self.slot(chunk) {
            *slot = Some(Chunk::new(new_keys, new_states, hashes));
        }
        Ok(values)
    }

    /// Finds or makes the group of each row; found ones are moved to `chunk`, which does not exist yet.
    fn group(&mut self, chunk: u32, keys: &[ArrayRef], hashes: &[u64]) -> Result<Grouped, StateError> {
        let compare = KeyColumns::new(keys);
        let Self {
            chunks, index, staged, ..
        } = self;
        let staged = staged.get_or_insert_default();
        staged.chunk = Some(chunk);
        let mut ids = Vec::with_capacity(hashes.len());
        let mut first_rows: Vec<u32> = Vec::new();
        for (row, hash) in hashes.iter().enumerate() {
            let same_group = |place: &Place| {
                place.hash == *hash && {
                    let at = index_of(place.row);
                    if place.chunk == chunk {
                        first_rows
                            .get(at)
                            .is_some_and(|first| compare.equal(index_of(*first), &compare, row))
                    } else {
                        chunks
                            .get(index_of(place.chunk))
                            .and_then(Option::as_ref)
                            .is_some_and(|chunk| chunk.compare.equal(at, &compare, row))
                    }
                }
            };
            let id = first_rows.len();
            let new = Place {
                hash: *hash,
                chunk,
                row: position(id)?,
            };
            match index.entry(spread(*hash), same_group, |place| spread(place.hash)) {
                IndexEntry::Occupied(mut found) if found.get().chunk != chunk => {
                    staged.touched.push((*hash, Some(*found.get())));
                    *found.get_mut() = new;
                    first_rows.push(position(row)?);
                    ids.push(id);
                }
                IndexEntry::Occupied(found) => ids.push(index_of(found.get().row)),
                IndexEntry::Vacant(free) => {
                    free.insert(new);
                    staged.touched.push((*hash, None));
                    first_rows.push(position(row)?);
                    ids.push(id);
                }
            }
        }
        Ok(Grouped { ids, first_rows })
    }

    /// Touched groups that existed: their number in the new chunk, and their old place.
    fn old_places(&self) -> Vec<(usize, Place)> {
        let touched = self.staged.iter().flat_map(|staged| staged.touched.iter().enumerate());
        touched
            .filter_map(|(id, (_, old))| old.map(|place| (id, place)))
            .collect()
    }

    /// Removes the groups that ended; where they were.
    fn evict(&mut self, layout: &Layout, until_us: i64) -> Result<Vec<Place>, StateError> {
        if layout.event_time.is_none() {
            return Ok(Vec::new());
        }
        let mut evicted = Vec::new();
        for (at, chunk) in self.chunks.iter_mut().enumerate() {
            let Some(chunk) = chunk else { continue };
            let at = position(at)?;
            for row in chunk.take_ended(layout, until_us)? {
                let hash = chunk.hashes.get(index_of(row)).copied().unwrap_or_default();
                evicted.push(Place { hash, chunk: at, row });
            }
        }
        for place in &evicted {
            let entry = self.index.find_entry(spread(place.hash), |other| {
                other.chunk == place.chunk && other.row == place.row
            });
            if let Ok(entry) = entry {
                entry.remove();
            }
            self.mark(*place, false);
        }
        if let Some(staged) = &mut self.staged {
            staged.evicted.clone_from(&evicted);
        }
        Ok(evicted)
    }

    fn mark(&mut self, place: Place, live: bool) {
        if let Some(Some(chunk)) = self.chunks.get_mut(index_of(place.chunk)) {
            chunk.set_live(index_of(place.row), live);
        }
    }

    fn slot(&mut self, chunk: u32) -> Option<&mut Option<Chunk>> {
        self.chunks.get_mut(index_of(chunk))
    }

    fn free_slot(&mut self) -> Result<u32, StateError> {
        let at = self
            .chunks
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.chunks.len());
        if at == self.chunks.len() {
            self.chunks.push(None);
        }
        position(at)
    }
}

mod compact;
mod files;
mod read;

pub(in crate::state) use files::{KeyGroupSet, Rows};

/// Drops rows whose group ended at or before `late_before_us`.
fn in_time(layout: &Layout, batch: &RecordBatch, late_before_us: i64) -> Result<RecordBatch, StateError> {
    let (keys, _) = batch.columns().split_at(layout.keys.len());
    let Some(ends) = layout.ends(keys)? else {
        return Ok(batch.clone());
    };
    let keep: BooleanArray = ends
        .iter()
        .map(|end| Some(end.is_none_or(|end| end > late_before_us)))
        .collect();
    filter_record_batch(batch, &keep).map_err(StateError::columns("dropping late rows"))
}

fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, StateError> {
    let options = RecordBatchOptions::new()
        .with_row_count(Some(rows))
        .with_match_field_names(false);
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(StateError::columns("assembling rows"))
}

fn index_of(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
