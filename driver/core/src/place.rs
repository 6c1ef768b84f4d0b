//! Which executor does what.

use std::collections::BTreeMap;

use millstream_common::domain::id::ExecutorId;

/// An executor that may be given work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub executor: ExecutorId,
    /// How many tasks it runs at once.
    pub slots: u32,
}

/// Assigns every key an executor.
///
/// Keys stay where `previous` had them while that executor is there and not overloaded, so that consumers, caches and state
/// are found where they are. Load is in proportion to slots: no executor could give one key away and both be better balanced.
/// Placing again with the result as `previous` changes nothing. Empty when there are no candidates.
#[must_use]
pub fn place<K: Ord + Clone>(
    keys: &[K],
    candidates: &[Candidate],
    previous: &BTreeMap<K, ExecutorId>,
) -> BTreeMap<K, ExecutorId> {
    let mut held: BTreeMap<&ExecutorId, (u64, Vec<&K>)> = candidates
        .iter()
        .map(|candidate| (&candidate.executor, (u64::from(candidate.slots.max(1)), Vec::new())))
        .collect();
    if held.is_empty() {
        return BTreeMap::new();
    }
    let mut homeless = Vec::new();
    for key in keys {
        match previous.get(key).and_then(|executor| held.get_mut(executor)) {
            Some((_, mine)) => mine.push(key),
            None => homeless.push(key),
        }
    }
    for key in homeless {
        if let Some(least) = least_loaded(&held)
            && let Some((_, mine)) = held.get_mut(least)
        {
            mine.push(key);
        }
    }
    // Each round moves one key to where the load stays lower than it was at its origin, so it ends.
    while let Some((from, to)) = improvement(&held) {
        let Some(key) = held.get_mut(from).and_then(|(_, mine)| mine.pop()) else {
            break;
        };
        if let Some((_, mine)) = held.get_mut(to) {
            mine.push(key);
        }
    }
    held.into_iter()
        .flat_map(|(executor, (_, mine))| mine.into_iter().map(|key| (key.clone(), executor.clone())))
        .collect()
}

type Held<'a, K> = BTreeMap<&'a ExecutorId, (u64, Vec<&'a K>)>;

/// The executor that would be least loaded with one key more; the first by id among equals.
fn least_loaded<'a, K>(held: &Held<'a, K>) -> Option<&'a ExecutorId> {
    held.iter()
        .min_by(|(_, (a_slots, a)), (_, (b_slots, b))| {
            ((a.len() as u64 + 1) * b_slots).cmp(&((b.len() as u64 + 1) * a_slots))
        })
        .map(|(executor, _)| *executor)
}

/// A move of one key after which the receiver is still less loaded than the giver was.
fn improvement<'a, K>(held: &Held<'a, K>) -> Option<(&'a ExecutorId, &'a ExecutorId)> {
    let to = least_loaded(held)?;
    let (to_slots, to_held) = held.get(to)?;
    let (from, (from_slots, from_held)) = held
        .iter()
        .max_by(|(_, (a_slots, a)), (_, (b_slots, b))| (a.len() as u64 * b_slots).cmp(&(b.len() as u64 * a_slots)))?;
    let better = (to_held.len() as u64 + 1) * from_slots < from_held.len() as u64 * to_slots;
    (better && *from != to).then_some((*from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(slots: &[u32]) -> Vec<Candidate> {
        slots
            .iter()
            .enumerate()
            .map(|(i, slots)| Candidate {
                executor: ExecutorId(format!("e{i}")),
                slots: *slots,
            })
            .collect()
    }

    fn loads(placed: &BTreeMap<u32, ExecutorId>, count: usize) -> Vec<usize> {
        (0..count)
            .map(|i| placed.values().filter(|e| e.0 == format!("e{i}")).count())
            .collect()
    }

    #[test]
    fn work_is_spread_by_slots_and_stays() {
        let keys: Vec<u32> = (0..6).collect();
        let placed = place(&keys, &candidates(&[1, 2]), &BTreeMap::new());
        assert_eq!(loads(&placed, 2), [2, 4]);
        assert_eq!(place(&keys, &candidates(&[1, 2]), &placed), placed);
        assert!(place(&keys, &[], &placed).is_empty());
    }

    #[test]
    fn a_newcomer_gets_its_share_and_only_that_moves() {
        let keys: Vec<u32> = (0..4).collect();
        let before = place(&keys, &candidates(&[1, 1]), &BTreeMap::new());
        let after = place(&keys, &candidates(&[1, 1, 1]), &before);
        assert_eq!(keys.iter().filter(|key| before[key] != after[key]).count(), 1);
    }

    proptest! {
        #[test]
        fn placing_is_total_balanced_sticky_and_idempotent(
            count in 0u32..40, slots in prop::collection::vec(1u32..5, 1..6),
            old in prop::collection::btree_map(0u32..40, 0usize..8, 0..40)
        ) {
            let keys: Vec<u32> = (0..count).collect();
            let candidates = candidates(&slots);
            let previous = old.into_iter().map(|(key, e)| (key, ExecutorId(format!("e{e}")))).collect();
            let placed = place(&keys, &candidates, &previous);
            prop_assert_eq!(placed.len(), keys.len());
            let loads = loads(&placed, slots.len());
            for (a, from) in loads.iter().enumerate() {
                for (b, to) in loads.iter().enumerate() {
                    prop_assert!((*to as u32 + 1) * slots[a] >= *from as u32 * slots[b] || a == b);
                }
            }
            prop_assert_eq!(&place(&keys, &candidates, &placed), &placed);
        }
    }
}
