//! One case: a folder with records, a query, and what Spark made of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::broker::Record;

/// A case as its folder describes it.
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// `case.json`.
    pub spec: Value,
    /// `query.sql`.
    pub query: String,
    /// `input.jsonl`.
    pub records: Vec<Record>,
    /// Records per group, of a stream.
    pub groups: Vec<usize>,
    /// `expected.json`.
    pub expected: Value,
    /// Of a case that differs on purpose: `expected_millstream.json`, which counts instead.
    pub own: Option<Value>,
}

/// A view over the stream of records.
pub struct View<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its query; none: all of `events`.
    pub sql: Option<&'a str>,
    /// Event time column and delay.
    pub watermark: Option<(&'a str, &'a str)>,
    /// The columns by which it drops duplicates, with state.
    pub dedup: Option<Vec<&'a str>>,
}

impl Case {
    /// All cases of a folder by name; `only` takes a comma list of prefixes (`012`) or, not starting with a digit, parts of names.
    ///
    /// # Errors
    /// A folder without cases, a case that cannot be read or has no answer.
    pub fn all(folder: &Path, only: Option<&str>) -> Result<Vec<Self>> {
        let answered = Self::questions(folder, only)?.into_iter().map(|mut case| {
            case.read_answers().with_context(|| case.folder.display().to_string())?;
            Ok(case)
        });
        answered.collect()
    }

    /// The same without Spark's answers, which may be missing.
    ///
    /// # Errors
    /// A folder without cases, a case that cannot be read.
    pub fn questions(folder: &Path, only: Option<&str>) -> Result<Vec<Self>> {
        // The folder of the cases, or the one that holds it.
        let inner = folder.join("cases");
        let folder = if inner.is_dir() { inner } else { folder.to_path_buf() };
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.join("case.json").is_file() && wanted(path, only))
            .collect();
        found.sort();
        if found.is_empty() {
            bail!(
                "no such case in {}: a case is a folder with case.json, query.sql and input.jsonl",
                folder.display()
            );
        }
        found
            .iter()
            .map(|path| Self::read(path).with_context(|| path.display().to_string()))
            .collect()
    }

    fn read(folder: &Path) -> Result<Self> {
        let spec = json(folder, "case.json")?;
        let groups = match spec["kind"].as_str() {
            Some("stream") => serde_json::from_value(json(folder, "batches.json")?)?,
            Some("batch") => Vec::new(),
            other => bail!("kind is {other:?}, expected batch or stream"),
        };
        Ok(Self {
            name: file_name(folder),
            own: None,
            query: text(folder, "query.sql")?,
            records: text(folder, "input.jsonl")?
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(record)
                .collect::<Result<_>>()?,
            groups,
            expected: Value::Null,
            spec,
            folder: folder.to_path_buf(),
        })
    }

    fn read_answers(&mut self) -> Result<()> {
        self.expected = json(&self.folder, "expected.json")?;
        self.own = match self.spec.get("different") {
            None => None,
            Some(reason) if reason.as_str().is_some_and(|reason| !reason.trim().is_empty()) => {
                Some(json(&self.folder, "expected_millstream.json")?)
            }
            Some(_) => bail!("'different' in case.json has to say why"),
        };
        Ok(())
    }

    /// Whether it is a stream.
    pub fn is_stream(&self) -> bool {
        self.spec["kind"] == "stream"
    }

    /// Whether rows are compared in order.
    pub fn ordered(&self) -> bool {
        self.spec["ordered"] == true
    }

    /// The golden that holds the text of `file` (`expected_show.txt`): of a case that differs on purpose, its own where there is one.
    pub fn text_golden(&self, file: &str) -> PathBuf {
        let own = self.folder.join(file.replace("expected_", "expected_millstream_"));
        if self.own.is_some() && own.is_file() {
            own
        } else {
            self.folder.join(file)
        }
    }

    /// Session time zone.
    pub fn zone(&self) -> &str {
        self.spec["timezone"].as_str().unwrap_or("UTC")
    }

    /// Partitions of the topic.
    pub fn partitions(&self) -> i32 {
        self.spec["partitions"]
            .as_i64()
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or(1)
    }

    /// Settings of the session.
    pub fn conf(&self) -> Vec<(String, String)> {
        let mut conf = vec![
            ("spark.sql.session.timeZone".to_owned(), self.zone().to_owned()),
            ("spark.sql.shuffle.partitions".to_owned(), "2".to_owned()),
        ];
        for (name, value) in self.spec["conf"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            conf.push((name.clone(), value));
        }
        conf
    }

    /// Views of a stream.
    pub fn views(&self) -> Vec<View<'_>> {
        let Some(views) = self.spec["views"].as_array() else {
            return vec![View {
                name: "events_wm",
                sql: None,
                watermark: None,
                dedup: None,
            }];
        };
        views
            .iter()
            .map(|view| View {
                name: view["name"].as_str().unwrap_or("events_wm"),
                sql: view["sql"].as_str(),
                watermark: view["watermark"]["column"]
                    .as_str()
                    .zip(view["watermark"]["delay"].as_str()),
                dedup: view["dedup"].as_object().map(|dedup| {
                    let columns = dedup.get("columns").and_then(Value::as_array);
                    columns.into_iter().flatten().filter_map(Value::as_str).collect()
                }),
            })
            .collect()
    }

    /// Whether the query is stopped before group `index` and started again behind it.
    pub fn restarts_before(&self, index: usize) -> bool {
        let groups = self.spec["restart_before"].as_array();
        groups.is_some_and(|groups| groups.iter().any(|group| group.as_u64() == Some(index as u64)))
    }
}

fn text(folder: &Path, name: &str) -> Result<String> {
    fs::read_to_string(folder.join(name)).with_context(|| name.to_owned())
}

fn json(folder: &Path, name: &str) -> Result<Value> {
    serde_json::from_str(&text(folder, name)?).with_context(|| name.to_owned())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn wanted(path: &Path, only: Option<&str>) -> bool {
    let name = file_name(path);
    only.is_none_or(|only| {
        only.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .any(|part| {
                name.starts_with(part) || (!part.starts_with(|c: char| c.is_ascii_digit()) && name.contains(part))
            })
    })
}

fn record(line: &str) -> Result<Record> {
    let record: Value = serde_json::from_str(line).with_context(|| format!("record {line}"))?;
    let bytes = |name: &str| -> Result<Option<Vec<u8>>> {
        if let Some(encoded) = record[format!("{name}_b64")].as_str() {
            return Ok(Some(STANDARD.decode(encoded)?));
        }
        Ok(record[name].as_str().map(|text| text.as_bytes().to_vec()))
    };
    let headers = record["headers"].as_array().into_iter().flatten().map(|header| {
        (
            header[0].as_str().unwrap_or_default().to_owned(),
            header[1].as_str().map(|text| text.as_bytes().to_vec()),
        )
    });
    Ok(Record {
        partition: Some(i32::try_from(record["partition"].as_i64().unwrap_or(0))?),
        key: bytes("key")?,
        value: bytes("value")?,
        timestamp_ms: Some(record["timestamp_ms"].as_i64().unwrap_or(0)),
        headers: headers.collect(),
        offset: 0,
    })
}
