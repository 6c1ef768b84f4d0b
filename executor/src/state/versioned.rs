//! One reduce task's state through the batches: which version is held, what is staged, which files make it up.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use uuid::Uuid;

use super::error::StateError;
use super::file;
use super::layout::Layout;
use super::store::FileStore;
use super::table::{KeyGroupSet, Outcome, Rules, Table};

/// Deltas since the last snapshot from which on a snapshot is considered.
const DELTAS_MIN: usize = 10;
/// Deltas since the last snapshot at which one is written whatever it costs: it bounds a restart's work.
const DELTAS_MAX: usize = 100;

/// One immutable file of a state, for a range of key groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFileRef {
    /// Below the state location.
    pub path: String,
    /// The version it leads to.
    pub version: u64,
    /// Whether it holds the whole state of its key groups, not the change of one batch.
    pub snapshot: bool,
    /// Its key groups, half-open.
    pub key_groups: Range<u32>,
    /// Groups written, those gone included.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// The state of one reduce task, version by version. Version 0 is empty, version N is the state after batch N - 1.
#[derive(Debug)]
pub struct ReduceState {
    layout: Arc<Layout>,
    key_groups: Range<u32>,
    table: Table,
    version: u64,
    /// Batch whose result is staged.
    staged: Option<u64>,
    /// Files are written here; none: memory only.
    files: Option<Arc<dyn FileStore>>,
}

impl ReduceState {
    /// An empty state for `key_groups`.
    #[must_use]
    pub fn new(layout: Arc<Layout>, key_groups: Range<u32>, files: Option<Arc<dyn FileStore>>) -> Self {
        let table = Table::new(Arc::clone(&layout));
        Self {
            layout,
            key_groups,
            table,
            version: 0,
            staged: None,
            files,
        }
    }

    /// Groups held, the staged batch included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// The committed version held.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Brings the state to `version`: kept when it is held, else read from `files`. A staged batch that led to `version` is
    /// committed by this (its message may be late), any other is undone.
    ///
    /// # Errors
    /// [`StateError::MissingVersion`], [`StateError::MissingFile`], [`StateError::OtherQuery`] or another reading failure; the
    /// state is then empty at version 0.
    pub fn open(&mut self, version: u64, files: &[StateFileRef]) -> Result<(), StateError> {
        match self.staged.take() {
            Some(batch) if batch + 1 == version => {
                self.table.commit();
                self.version = version;
            }
            Some(_) => self.table.abort(),
            None => {}
        }
        if self.version == version {
            return Ok(());
        }
        let held = self.version;
        self.table = Table::new(Arc::clone(&self.layout));
        self.version = 0;
        if version == 0 {
            return Ok(());
        }
        let Some(store) = &self.files else {
            return Err(StateError::MissingVersion { wanted: version, held });
        };
        let mut mine: Vec<&StateFileRef> = files.iter().filter(|file| self.overlaps(file)).collect();
        mine.sort_by_key(|file| (file.version, !file.snapshot));
        let mut table = Table::new(Arc::clone(&self.layout));
        for file in &mine {
            // A snapshot stands for all earlier rows of its key groups, whatever files the list still names.
            let wanted = KeyGroupSet::of(|group| {
                self.key_groups.contains(&group)
                    && file.key_groups.contains(&group)
                    && !mine
                        .iter()
                        .any(|other| replaces(other, file) && other.key_groups.contains(&group))
            });
            if wanted.is_empty() {
                continue;
            }
            let bytes = store.read(&file.path)?;
            for (rows, gone) in file::decode(&self.layout, &store.place(&file.path), &bytes)? {
                table.load(&rows, &gone, &wanted)?;
            }
        }
        self.table = table;
        self.version = version;
        Ok(())
    }

    /// Runs `batch` on the opened version and stages the result; see [`Table::stage`].
    ///
    /// # Errors
    /// Those of [`Table::stage`]; nothing is staged then.
    pub fn stage(&mut self, batch: u64, inputs: &[RecordBatch], rules: Rules) -> Result<Outcome, StateError> {
        self.staged = None;
        // A global aggregate's one group belongs to the first task only; the others have nothing to say.
        if self.layout.key_count() == 0 && self.key_groups.start > 0 {
            self.table.abort();
            return Ok(Outcome {
                rows: RecordBatch::new_empty(Arc::clone(self.layout.output())),
                late_rows: 0,
                updated: 0,
                removed: 0,
            });
        }
        let outcome = self.table.stage(inputs, rules)?;
        self.staged = Some(batch);
        Ok(outcome)
    }

    /// Writes the staged batch's change, or now and then a snapshot, under a name no other attempt uses. `known` are the files
    /// of the version it started from. Nothing is written when nothing changed or no location is set.
    ///
    /// # Errors
    /// [`StateError::File`].
    pub fn save(&self, known: &[StateFileRef]) -> Result<Option<StateFileRef>, StateError> {
        let (Some(store), Some(batch)) = (&self.files, self.staged) else {
            return Ok(None);
        };
        let changes = self.table.changes()?;
        if changes.live.num_rows() + changes.gone.num_rows() == 0 {
            return Ok(None);
        }
        let snapshot = self.snapshot_is_due(known);
        let rows = if snapshot { self.table.everything()? } else { changes };
        let bytes = file::encode(&self.layout, &rows)?;
        let version = batch + 1;
        let kind = if snapshot { "snapshot" } else { "delta" };
        let Range { start, end } = self.key_groups;
        let path = format!(
            "{version:020}/{start:03}-{end:03}-{}.{kind}.arrow",
            Uuid::new_v4().simple()
        );
        let file = StateFileRef {
            path: path.clone(),
            version,
            snapshot,
            key_groups: self.key_groups.clone(),
            rows: (rows.live.num_rows() + rows.gone.num_rows()) as u64,
            bytes: bytes.len() as u64,
        };
        store.write(&path, bytes)?;
        Ok(Some(file))
    }

    /// `batch` exists: its staged result is the next version.
    pub fn commit(&mut self, batch: u64) {
        if self.staged == Some(batch) {
            self.staged = None;
            self.table.commit();
            self.version = batch + 1;
        }
    }

    /// `batch` is undone.
    pub fn abort(&mut self, batch: u64) {
        if self.staged == Some(batch) {
            self.staged = None;
            self.table.abort();
        }
    }

    fn overlaps(&self, file: &StateFileRef) -> bool {
        file.key_groups.start < self.key_groups.end && self.key_groups.start < file.key_groups.end
    }

    /// After some deltas, as soon as they outweigh the snapshot they follow; at the latest after [`DELTAS_MAX`].
    fn snapshot_is_due(&self, known: &[StateFileRef]) -> bool {
        let mine: Vec<&StateFileRef> = known.iter().filter(|file| self.overlaps(file)).collect();
        let last_snapshot = mine
            .iter()
            .filter(|file| file.snapshot)
            .map(|file| file.version)
            .max()
            .unwrap_or(0);
        let deltas: Vec<&&StateFileRef> = mine
            .iter()
            .filter(|file| !file.snapshot && file.version > last_snapshot)
            .collect();
        let delta_rows: u64 = deltas.iter().map(|file| file.rows).sum();
        let state_rows = self.table.rows() as u64;
        // Files cut for another number of tasks are left behind by the first snapshot.
        let foreign = mine.iter().any(|file| file.key_groups != self.key_groups);
        (deltas.len() + 1 >= DELTAS_MIN && (delta_rows >= state_rows || foreign)) || deltas.len() + 1 >= DELTAS_MAX
    }
}

/// Whether `other` is a snapshot that stands for `file`'s rows of the key groups both have.
fn replaces(other: &StateFileRef, file: &StateFileRef) -> bool {
    other.snapshot && (other.version > file.version || (other.version == file.version && !file.snapshot))
}
