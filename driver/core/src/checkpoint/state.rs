//! Which state files count.

use super::log::StateFile;

/// The files that reduce task of key groups `from..until` has to read, in the order they apply: those of its range that no later
/// snapshot replaces there.
#[must_use]
pub fn files_for(files: &[StateFile], from: u32, until: u32) -> Vec<StateFile> {
    let mut needed: Vec<StateFile> = files
        .iter()
        .filter(|file| file.from < until && from < file.until)
        .filter(|file| !replaced(file, file.from.max(from), file.until.min(until), files))
        .cloned()
        .collect();
    needed.sort_by(|a, b| (a.version, !a.snapshot, &a.path).cmp(&(b.version, !b.snapshot, &b.path)));
    needed
}

/// The files of the next version: those before and the new ones, less what new snapshots replace altogether.
#[must_use]
pub fn merge(before: &[StateFile], new: &[StateFile]) -> Vec<StateFile> {
    let mut all: Vec<StateFile> = before.to_vec();
    all.extend(new.iter().filter(|file| !before.contains(file)).cloned());
    all.iter()
        .filter(|file| !replaced(file, file.from, file.until, &all))
        .cloned()
        .collect()
}

/// Whether later snapshots cover `from..until` of `file`. A snapshot also replaces the change of its own version, which it contains.
fn replaced(file: &StateFile, from: u32, until: u32, files: &[StateFile]) -> bool {
    let mut reached = from;
    while reached < until {
        let next = files
            .iter()
            .filter(|other| other.snapshot && other.from <= reached && reached < other.until)
            .filter(|other| (other.version, other.snapshot) > (file.version, file.snapshot))
            .map(|other| other.until)
            .max();
        match next {
            Some(end) => reached = end,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u64, snapshot: bool, from: u32, until: u32) -> StateFile {
        StateFile {
            path: format!("{version}-{snapshot}-{from}-{until}"),
            version,
            snapshot,
            from,
            until,
            rows: 1,
            bytes: 1,
        }
    }

    #[test]
    fn a_task_reads_its_range_from_the_last_snapshot_on() {
        let files = [
            file(1, false, 0, 256),
            file(2, false, 0, 256),
            file(3, true, 0, 128),
            file(3, false, 128, 256),
        ];
        let versions = |from, until| {
            files_for(&files, from, until)
                .iter()
                .map(|f| f.version)
                .collect::<Vec<_>>()
        };
        assert_eq!(versions(0, 128), [3]);
        assert_eq!(versions(128, 256), [1, 2, 3]);
        assert_eq!(versions(64, 192), [1, 2, 3, 3]);
    }

    #[test]
    fn replaced_files_leave_the_record_when_nobody_needs_them() {
        let before = [file(1, false, 0, 256)];
        let half = merge(&before, &[file(2, true, 0, 128), file(2, false, 128, 256)]);
        assert_eq!(half.len(), 3);
        let whole = merge(&half, &[file(3, false, 0, 128), file(3, true, 128, 256)]);
        assert_eq!(whole.iter().map(|f| f.version).collect::<Vec<_>>(), [2, 3, 3]);
        assert_eq!(merge(&whole, &whole), whole);
    }
}
