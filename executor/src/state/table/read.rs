//! Rows out of the chunks.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave;

use super::{Place, Table, batch_of, index_of, position};
use crate::state::accumulators::Accumulators;
use crate::state::chunk::Chunk;
use crate::state::error::StateError;
use crate::state::layout::Layout;

impl Table {
    pub(super) fn touched_rows(
        &self,
        layout: &Layout,
        values: Option<Vec<ArrayRef>>,
    ) -> Result<RecordBatch, StateError> {
        let staged = self.staged.as_ref().and_then(|staged| staged.chunk);
        let chunk = staged
            .and_then(|chunk| self.chunks.get(index_of(chunk)))
            .and_then(Option::as_ref);
        match (chunk, values) {
            (Some(chunk), Some(values)) => batch_of(
                &layout.output,
                chunk.keys.iter().cloned().chain(values).collect(),
                chunk.rows(),
            ),
            _ => Ok(RecordBatch::new_empty(Arc::clone(&layout.output))),
        }
    }

    pub(super) fn live_places(&self) -> Vec<Place> {
        let mut places = Vec::with_capacity(self.index.len());
        for (at, chunk) in self.chunks.iter().enumerate() {
            let (Some(chunk), Ok(at)) = (chunk, position(at)) else {
                continue;
            };
            for row in chunk.live() {
                let hash = chunk.hashes.get(row).copied().unwrap_or_default();
                if let Ok(row) = position(row) {
                    places.push(Place { hash, chunk: at, row });
                }
            }
        }
        places
    }

    /// Group columns and values of the rows at `places`.
    pub(super) fn evaluate(&self, layout: &Layout, places: &[Place]) -> Result<RecordBatch, StateError> {
        if places.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(&layout.output)));
        }
        let states = self.gather(places, |chunk| &chunk.states)?;
        let keys = self.gather(places, |chunk| &chunk.keys)?;
        let mut reading = Accumulators::fresh(layout)?;
        reading.merge(&states, &(0..places.len()).collect::<Vec<_>>(), places.len())?;
        batch_of(
            &layout.output,
            keys.into_iter().chain(reading.into_values()?).collect(),
            places.len(),
        )
    }

    /// Columns of the rows at `places`, in that order.
    pub(super) fn gather(
        &self,
        places: &[Place],
        columns: fn(&Chunk) -> &Vec<ArrayRef>,
    ) -> Result<Vec<ArrayRef>, StateError> {
        let present: Vec<&Chunk> = self.chunks.iter().flatten().collect();
        // Chunk numbers have holes where compaction freed them; `interleave` wants a dense list.
        let mut dense = 0;
        let positions: Vec<usize> = self
            .chunks
            .iter()
            .map(|chunk| {
                let at = dense;
                dense += usize::from(chunk.is_some());
                at
            })
            .collect();
        let at = |place: &Place| {
            (
                positions.get(index_of(place.chunk)).copied().unwrap_or_default(),
                index_of(place.row),
            )
        };
        let rows: Vec<(usize, usize)> = places.iter().map(at).collect();
        let width = present.first().map_or(0, |chunk| columns(chunk).len());
        (0..width)
            .map(|column| {
                let arrays: Vec<&dyn Array> = present
                    .iter()
                    .filter_map(|chunk| columns(chunk).get(column))
                    .map(|a| a.as_ref())
                    .collect();
                interleave(&arrays, &rows).map_err(StateError::columns("gathering state rows"))
            })
            .collect()
    }
}
