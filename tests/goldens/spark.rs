//! A conversation with `tests/cases/spark.py`, which holds a Spark: questions out, answers in, records put where it wants them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context as _, Result, bail};
use millstream_tests::broker::Broker;
use millstream_tests::case::Case;
use millstream_tests::spark::Installation;
use serde_json::{Value, json};
use xtask::workspace;

/// What Spark said to a case.
pub struct Answer {
    /// Golden files by name.
    pub files: BTreeMap<String, String>,
    /// Whether it refused or failed.
    pub failed: bool,
}

/// A running Spark. Dropping it ends it.
pub struct Spark {
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    broker: Broker,
    /// Those that are there, and whether a batch's records are in them.
    topics: BTreeMap<String, bool>,
}

impl Spark {
    /// Starts Spark beside a broker.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(installation: &Installation, broker: &Broker) -> Result<Self> {
        let mut command = installation.script(&workspace::root().join("tests/cases/spark.py"))?;
        command.arg("--bootstrap").arg(broker.servers());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| workspace::shown(&command))?;
        let requests = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self {
            child,
            requests,
            replies,
            broker: broker.clone(),
            topics: BTreeMap::new(),
        })
    }

    /// Has a case answered. Its topics stay until [`clear`](Self::clear), so that it can be asked again.
    ///
    /// # Errors
    /// When the case could not be run, for a reason that is not Spark's answer.
    pub fn case(&mut self, case: &Case) -> Result<Answer> {
        self.say(&json!({
            "case": case.spec,
            "query": case.query,
            "folder": case.folder.display().to_string(),
            "groups": case.groups,
            "name": case.name,
        }))?;
        loop {
            let reply = self.reply()?;
            if let Some(topic) = reply["create"].as_str() {
                if !self.topics.contains_key(topic) {
                    let partitions = reply["partitions"].as_i64().context("no count of partitions")?;
                    self.broker.create(topic, i32::try_from(partitions)?)?;
                    self.topics.insert(topic.to_owned(), false);
                }
                self.say(&json!({}))?;
            } else if let Some(topic) = reply["produce"].as_str() {
                // A batch that is asked again finds its records there.
                let whole = reply["count"].is_null();
                if !(whole && self.topics.insert(topic.to_owned(), whole) == Some(true)) {
                    self.produce(case, topic, &reply)?;
                }
                self.say(&json!({}))?;
            } else if let Some(files) = reply["files"].as_object() {
                let text =
                    |(name, text): (&String, &Value)| (name.clone(), text.as_str().unwrap_or_default().to_owned());
                return Ok(Answer {
                    files: files.iter().map(text).collect(),
                    failed: reply["failed"] == true,
                });
            } else {
                bail!(
                    "{}",
                    reply["broken"].as_str().unwrap_or("an answer that makes no sense")
                );
            }
        }
    }

    fn produce(&self, case: &Case, topic: &str, reply: &Value) -> Result<()> {
        let number = |name: &str| reply[name].as_u64().and_then(|number| usize::try_from(number).ok());
        let from = number("from").unwrap_or(0);
        let until = number("count").map_or(case.records.len(), |count| from + count);
        let records = case
            .records
            .get(from..until)
            .context("batches.json counts more records")?;
        self.broker.produce(topic, records)
    }

    /// Removes the topics of the cases asked so far.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn clear(&mut self) -> Result<()> {
        while let Some((topic, _)) = self.topics.pop_first() {
            self.broker.delete(&topic)?;
        }
        Ok(())
    }

    /// Value and type of each expression in a session with `settings`.
    ///
    /// # Errors
    /// When Spark does not answer.
    pub fn expressions(&mut self, expressions: &[&str], settings: &BTreeMap<String, String>) -> Result<Vec<String>> {
        self.say(&json!({"expressions": expressions, "settings": settings}))?;
        let reply = self.reply()?;
        let answers = reply["answers"].as_array().context("no answers")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(answers
            .iter()
            .map(|answer| format!("{}\t{}", text(&answer[0]), text(&answer[1])))
            .collect())
    }

    fn say(&mut self, message: &Value) -> Result<()> {
        let requests = self.requests.as_mut().context("Spark is closed")?;
        writeln!(requests, "{message}").context("Spark is gone")?;
        Ok(requests.flush()?)
    }

    fn reply(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            bail!("Spark ended: {:?}", self.child.try_wait()?);
        }
        serde_json::from_str(&line).with_context(|| format!("not an answer: {line}"))
    }
}

impl Drop for Spark {
    fn drop(&mut self) {
        // The end of its input ends it, and with it the JVM.
        self.requests.take();
        let _ = self.child.wait();
    }
}
