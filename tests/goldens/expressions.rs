//! Lists of expressions, `expression TAB value TAB type`: see `driver/sql/goldens/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::spark::Spark;

/// What became of a list.
#[derive(Default)]
pub struct Outcome {
    /// Expressions Spark was asked.
    pub asked: usize,
    /// Those with another answer in the file.
    pub wrong: Vec<String>,
}

/// The lists of a folder and the folders in it.
///
/// # Errors
/// When the folder cannot be read.
pub fn lists(folder: &Path, only: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let named = |part: &str| path.display().to_string().contains(part.trim());
        if path.is_dir() {
            found.extend(lists(&path, only)?);
        } else if path.extension().is_some_and(|end| end == "tsv")
            && path.file_stem().is_none_or(|name| name != "different")
            && only.is_none_or(|only| only.split(',').any(named))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Fills the lines that are only an expression, or, checking, asks for all and compares.
///
/// # Errors
/// When Spark is gone or the file cannot be written.
pub fn answer(spark: &mut Spark, list: &Path, check: bool) -> Result<Outcome> {
    let text = fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let mut lines: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
    let mut settings = BTreeMap::new();
    let mut asked: Vec<(usize, BTreeMap<String, String>)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(setting) = line.strip_prefix("SET ") {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            settings.insert(name.trim().to_owned(), value.trim().to_owned());
        } else if !line.is_empty() && !line.starts_with("-- ") && (check || !line.contains('\t')) {
            asked.push((at, settings.clone()));
        }
    }
    let mut outcome = Outcome {
        asked: asked.len(),
        ..Outcome::default()
    };
    for group in asked.chunk_by(|(_, one), (_, other)| one == other) {
        let (Some((_, settings)), false) = (group.first(), group.is_empty()) else {
            continue;
        };
        let of = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        let expressions: Vec<String> = group
            .iter()
            .filter_map(|(at, _)| lines.get(*at))
            .map(|line| of(line))
            .collect();
        let borrowed: Vec<&str> = expressions.iter().map(String::as_str).collect();
        let answers = spark.expressions(&borrowed, settings)?;
        for (((at, _), expression), answer) in group.iter().zip(&expressions).zip(answers) {
            let Some(line) = lines.get_mut(*at) else { continue };
            let now = format!("{expression}\t{answer}");
            if check && *line != now {
                outcome
                    .wrong
                    .push(format!("{}:{}: {line}\n  Spark {answer}", list.display(), at + 1));
            } else if !check {
                *line = now;
            }
        }
    }
    if !check && outcome.asked > 0 {
        fs::write(list, lines.join("\n") + "\n").with_context(|| list.display().to_string())?;
    }
    Ok(outcome)
}
