//! Fewer and fuller chunks.

use super::{Place, Table, index_of, position, spread};
use crate::state::chunk::Chunk;
use crate::state::error::StateError;

/// This many small chunks are put together: a gather looks at each chunk, and none may become long.
const MANY: usize = 8;
/// Below it, rewriting a chunk for its dead rows is not worth it.
const WORTH_ROWS: usize = 1024;

impl Table {
    /// Rewrites mostly dead chunks, and the youngest ones before they become many: each row is rewritten a logarithmic number of
    /// times in its life.
    pub(super) fn compact(&mut self) -> Result<(), StateError> {
        let mut by_size: Vec<(usize, usize, usize)> = self
            .chunks
            .iter()
            .enumerate()
            .filter_map(|(at, chunk)| chunk.as_ref().map(|chunk| (chunk.live_rows(), chunk.rows(), at)))
            .collect();
        by_size.sort_unstable();
        let mut small_rows = 0;
        let mut small = 0;
        for (live, _, _) in &by_size {
            if *live > small_rows.max(WORTH_ROWS) * 2 {
                break;
            }
            small_rows += live;
            small += 1;
        }
        let merged: Vec<usize> = by_size
            .iter()
            .enumerate()
            .filter(|(rank, (live, rows, _))| {
                *live == 0 || (*rank < small && small >= MANY) || (*rows >= WORTH_ROWS && live * 2 < *rows)
            })
            .map(|(_, (_, _, at))| *at)
            .collect();
        if merged.is_empty() {
            return Ok(());
        }
        let places: Vec<Place> = self
            .live_places()
            .into_iter()
            .filter(|place| merged.contains(&index_of(place.chunk)))
            .collect();
        let keys = self.gather(&places, |chunk| &chunk.keys)?;
        let states = self.gather(&places, |chunk| &chunk.states)?;
        let target = self.free_slot()?;
        for (row, place) in places.iter().enumerate() {
            let moved = Place {
                hash: place.hash,
                chunk: target,
                row: position(row)?,
            };
            let entry = self.index.find_mut(spread(place.hash), |other| {
                other.chunk == place.chunk && other.row == place.row
            });
            if let Some(entry) = entry {
                *entry = moved;
            }
        }
        for at in merged {
            if let Some(slot) = self.chunks.get_mut(at) {
                *slot = None;
            }
        }
        if !places.is_empty()
            && let Some(slot) = self.slot(target)
        {
            *slot = Some(Chunk::new(
                keys,
                states,
                places.iter().map(|place| place.hash).collect(),
            ));
        }
        Ok(())
    }
}
