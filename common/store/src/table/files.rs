//! Which files a path means, and their bytes.

use std::collections::BTreeSet;
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use millstream_plan::spec::FileSource;

use super::{LoadedFile, format_name, manifest};
use crate::error::{Cause, StoreError};
use crate::{Location, Store};

/// Reads all files of a source, in the order of their names.
pub(super) async fn load(source: &FileSource) -> Result<Vec<LoadedFile>, StoreError> {
    let no_files = || StoreError::NoFiles {
        path: source.path.clone(),
        format: format_name(source.format),
    };
    let (store, paths) = resolve(&source.path).await?;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let name = store.location().join(&path).to_string();
        // A file that went away between listing and reading is as one that was never there.
        let bytes = match store.read(&path).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            // An empty folder.
            Err(error) if error.cause() == Some(Cause::WrongKind) => continue,
            Err(error) => return Err(error),
        };
        let bytes = if path.to_ascii_lowercase().ends_with(".gz") {
            unzip(&name, &bytes)?
        } else {
            bytes
        };
        files.push(LoadedFile { name, bytes });
    }
    if files.is_empty() { Err(no_files()) } else { Ok(files) }
}

/// The store and the paths in it that a file, folder or pattern means.
async fn resolve(text: &str) -> Result<(Store, Vec<String>), StoreError> {
    let wildcard = text.find(['*', '?', '[', '{']);
    if let Some(at) = wildcard {
        let base = text[..at].rfind('/').map_or(0, |slash| slash + 1);
        let folder = if base == 0 { "." } else { &text[..base] };
        let store = Store::open(folder)?;
        let pattern = &text[base..];
        let paths = store.list("").await?;
        let paths = paths
            .into_iter()
            .filter(|path| is_visible(path) && matches_or_is_below(pattern, path));
        return Ok((store.clone(), paths.collect()));
    }
    let location = Location::parse(text)?;
    let store = Store::at(location.clone());
    let listed = match store.list("").await {
        Err(error) if error.cause() == Some(Cause::WrongKind) => Vec::new(),
        listed => listed?,
    };
    if listed.is_empty() {
        // No folder: a single file, or nothing.
        return Ok(match location.split() {
            Some((folder, name)) => (Store::at(folder), vec![name]),
            None => (store, Vec::new()),
        });
    }
    if let Some(logged) = manifest::logged_files(&store, &listed).await? {
        let names: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        let paths = logged
            .into_iter()
            .filter(|path| names.contains(path.as_str()))
            .collect();
        return Ok((store, paths));
    }
    let paths = listed.into_iter().filter(|path| is_visible(path)).collect();
    Ok((store, paths))
}

/// Whether no part of a path begins with `_` or `.`: such names are not data.
fn is_visible(path: &str) -> bool {
    !path
        .split('/')
        .any(|part| part.starts_with('.') || (part.starts_with('_') && !part.contains('=')))
}

/// Whether a pattern means a path or one of the folders it is in.
fn matches_or_is_below(pattern: &str, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    alternatives(pattern).iter().any(|pattern| {
        ends.clone()
            .any(|end| matches(pattern.as_bytes(), &path.as_bytes()[..end]))
    })
}

/// A pattern without `{a,b}`: one for each alternative.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('{') else {
        return vec![pattern.to_owned()];
    };
    let Some(close) = pattern[open..].find('}').map(|at| open + at) else {
        return vec![pattern.to_owned()];
    };
    let (before, after) = (&pattern[..open], &pattern[close + 1..]);
    let choices = pattern[open + 1..close].split(',');
    choices
        .flat_map(|choice| alternatives(&format!("{before}{choice}{after}")))
        .collect()
}

/// Matches `*` (any run without `/`), `?` (one character but `/`) and `[a-z]`, `[!a-z]`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), first) => {
            matches(&pattern[1..], text) || first.is_some_and(|byte| *byte != b'/' && matches(pattern, &text[1..]))
        }
        (Some(b'?'), Some(byte)) => *byte != b'/' && matches(&pattern[1..], &text[1..]),
        (Some(b'['), Some(byte)) => match class(&pattern[1..], *byte) {
            Some((inside, length)) => inside && matches(&pattern[1 + length..], &text[1..]),
            None => *byte == b'[' && matches(&pattern[1..], &text[1..]),
        },
        (Some(expected), Some(byte)) => expected == byte && matches(&pattern[1..], &text[1..]),
        _ => false,
    }
}

/// Whether a byte is in the class that begins here, and the length of the class with its `]`; none without one.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let end = pattern.iter().skip(1).position(|found| *found == b']')? + 1;
    let (negated, members) = match &pattern[..end] {
        [b'!' | b'^', members @ ..] => (true, members),
        members => (false, members),
    };
    let mut inside = false;
    let mut rest = members;
    while let [first, tail @ ..] = rest {
        if let [b'-', last, after @ ..] = tail {
            inside |= (*first..=*last).contains(&byte);
            rest = after;
        } else {
            inside |= *first == byte;
            rest = tail;
        }
    }
    Some((inside != negated, end + 1))
}

fn unzip(name: &str, bytes: &[u8]) -> Result<Bytes, StoreError> {
    let mut plain = Vec::with_capacity(bytes.len().saturating_mul(4));
    MultiGzDecoder::new(bytes).read_to_end(&mut plain).map_err(|error| {
        StoreError::bad_file(
            name,
            format!("not a whole gzip file ({error}): it may be truncated, copy it again"),
        )
    })?;
    Ok(Bytes::from(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_a_shell_means() {
        for (pattern, path, expected) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "b/a.csv", false),
            ("*/a.csv", "b/a.csv", true),
            ("day=*", "day=1/part-0", true),
            ("part-0?.{csv,json}", "part-01.json", true),
            ("part-0?.{csv,json}", "part-01.txt", false),
            ("[a-c]x[!0-9]", "bxy", true),
            ("[a-c]x[!0-9]", "bx7", false),
            ("[a-c]x", "dx", false),
        ] {
            assert_eq!(matches_or_is_below(pattern, path), expected, "{pattern} {path}");
        }
        assert!(!is_visible("_SUCCESS") && !is_visible("a/.part.crc") && is_visible("_day=1/a"));
    }
}
