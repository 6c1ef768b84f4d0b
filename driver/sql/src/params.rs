//! `${name}`, `${name:-default}`, `${env:NAME}`, `${ssm:/path}`: values from outside, put into the text before it is read as SQL.
//! `${name:-default}` has a value in any case. The value of a parameter may itself name `${env:NAME}` and `${ssm:/path}`; nothing
//! that was put in is looked at a second time.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use millstream_common::options::nearest;

use crate::error::{Fault, SqlError, SqlErrorKind};
use crate::secrets::Secrets;
use crate::text::{Segment, SourceText};
use sqlparser::tokenizer::Location;

/// The values of `${name}`, from `--conf name=value`.
#[derive(Clone, Debug, Default)]
pub struct Params {
    values: BTreeMap<String, String>,
}

impl Params {
    /// Sets `name`, replacing an earlier value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// The value of `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            values: pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect(),
        }
    }
}

/// Where `${env:NAME}` and `${ssm:/path}` come from.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The environment variable `name`; none when it is unset.
    fn env(&self, name: &str) -> Option<String>;

    /// The parameter `path` of the parameter store; none when there is no such parameter.
    ///
    /// # Errors
    /// The reason, for people, when the store could not be asked.
    async fn ssm(&self, path: &str) -> Result<Option<String>, String>;
}

/// A resolver that reads the process's environment and knows no parameter store.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvResolver;

#[async_trait]
impl Resolver for EnvResolver {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    async fn ssm(&self, _path: &str) -> Result<Option<String>, String> {
        Err("no parameter store is set up here".to_owned())
    }
}

/// What the scan is inside of: decides how a value is put in, or that nothing is.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Code,
    Quote(char),
    LineComment,
    BlockComment(usize),
}

impl Inside {
    /// What follows after the character `c` with `next` behind it, and how many characters that takes.
    fn after(self, c: char, next: Option<char>) -> (Self, usize) {
        match (self, c, next) {
            (Self::Code, '\'' | '"' | '`', _) => (Self::Quote(c), 1),
            (Self::Code, '-', Some('-')) => (Self::LineComment, 1),
            (Self::Code, '/', Some('*')) => (Self::BlockComment(1), 2),
            (Self::Quote(q), '\\', Some(_)) if q != '`' => (self, 2),
            (Self::Quote(q), _, _) if c == q => (Self::Code, 1),
            (Self::LineComment, '\n', _) => (Self::Code, 1),
            (Self::BlockComment(depth), '/', Some('*')) => (Self::BlockComment(depth + 1), 2),
            (Self::BlockComment(1), '*', Some('/')) => (Self::Code, 2),
            (Self::BlockComment(depth), '*', Some('/')) => (Self::BlockComment(depth - 1), 2),
            (now, _, _) => (now, 1),
        }
    }

    fn is_comment(self) -> bool {
        matches!(self, Self::LineComment | Self::BlockComment(_))
    }
}

/// Puts parameters into `original`. Within quotes values are escaped, so that the string has exactly the value whatever
/// characters it holds. Comments are left alone.
///
/// # Errors
/// The first parameter without a value, by name and place.
pub(crate) async fn substitute(file: &str, original: &str, look_up: &mut LookUp<'_>) -> Result<SourceText, SqlError> {
    let chars: Vec<char> = original.chars().collect();
    let plain = || SourceText::new(file, original, String::new(), Vec::new());
    let mut read = String::with_capacity(original.len());
    let mut read_len = 0;
    let segment = |read, original, value| Segment { read, original, value };
    let mut segments = vec![segment(0, 0, false)];
    let mut inside = Inside::Code;
    let mut i = 0;
    while i < chars.len() {
        let (c, next) = (chars[i], chars.get(i + 1).copied());
        if c == '$' && next == Some('{') && !inside.is_comment() {
            let end = chars[i..].iter().position(|c| *c == '}' || *c == '\n').map(|n| i + n);
            let Some(end) = end.filter(|end| chars[*end] == '}') else {
                return Err(plain().error_at(i, SqlErrorKind::Parameter, "'${' is never closed by '}'".into(), None));
            };
            let name: String = chars[i + 2..end].iter().collect();
            let value = look_up
                .value_or_default(&name)
                .await
                .map_err(|(kind, message, help)| plain().error_at(i, kind, message, help))?;
            let value = match inside {
                Inside::Quote(q) if q != '`' => escape(&value, q),
                _ => value,
            };
            segments.push(segment(read_len, i, true));
            read_len += value.chars().count();
            read.push_str(&value);
            i = end + 1;
            segments.push(segment(read_len, i, false));
            continue;
        }
        let (after, take) = inside.after(c, next);
        inside = after;
        let until = (i + take).min(chars.len());
        read.extend(&chars[i..until]);
        read_len += until - i;
        i = until;
    }
    Ok(SourceText::new(file, original, read, segments).hiding(look_up.secrets.clone()))
}

fn escape(value: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if c == quote || c == '\\' {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

type LookUpError = (SqlErrorKind, String, Option<String>);

/// Finds values; asks the store once for each of its parameters, and keeps what came from there as a secret.
pub(crate) struct LookUp<'a> {
    params: &'a Params,
    resolver: &'a dyn Resolver,
    asked: HashMap<String, String>,
    pub(crate) secrets: Secrets,
}

impl<'a> LookUp<'a> {
    pub(crate) fn new(params: &'a Params, resolver: &'a dyn Resolver) -> Self {
        Self {
            params,
            resolver,
            asked: HashMap::new(),
            secrets: Secrets::default(),
        }
    }

    /// Settings with `${env:..}` and `${ssm:..}` in their values resolved.
    ///
    /// # Errors
    /// The first reference without a value; `file` is what the message names.
    pub(crate) async fn settings(
        &mut self,
        file: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, SqlError> {
        let mut out = BTreeMap::new();
        for (name, value) in given {
            let value = self.expanded(value).await.map_err(|(kind, message, help)| {
                let mut fault = Fault::new(kind, Location::new(0, 0), format!("setting '{name}': {message}"));
                fault.help = help;
                SourceText::new(file, "", String::new(), Vec::new()).error(*fault)
            })?;
            out.insert(name.clone(), value);
        }
        Ok(out)
    }

    /// The value of what stands between the braces: `name`, or `name:-value if it has none`.
    async fn value_or_default(&mut self, written: &str) -> Result<String, LookUpError> {
        let (name, default) = match written.split_once(":-") {
            Some((name, default)) => (name.trim(), Some(default)),
            None => (written.trim(), None),
        };
        match (self.value(name).await, default) {
            (Err((SqlErrorKind::Parameter, ..)), Some(default)) => Ok(default.to_owned()),
            (found, _) => found,
        }
    }

    async fn value(&mut self, name: &str) -> Result<String, LookUpError> {
        if let Some(variable) = name.strip_prefix("env:") {
            return self.env(variable);
        }
        if let Some(path) = name.strip_prefix("ssm:") {
            return self.ssm(path).await;
        }
        let params = self.params;
        match params.get(name) {
            Some(value) => self
                .expanded(value)
                .await
                .map_err(|(kind, message, help)| (kind, format!("parameter '{name}': {message}"), help)),
            None => Err(self.unknown(name)),
        }
    }

    /// A parameter's value with the references to environment and store in it resolved. Other `${..}` are text.
    async fn expanded(&mut self, value: &str) -> Result<String, LookUpError> {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = rest.find("${") {
            let (before, reference) = rest.split_at(start);
            out.push_str(before);
            let inner = reference[2..].find('}').map(|end| &reference[2..2 + end]);
            let taken = match inner {
                Some(name) if name.starts_with("env:") => {
                    out.push_str(&self.env(name[4..].trim())?);
                    name.len() + 3
                }
                Some(name) if name.starts_with("ssm:") => {
                    out.push_str(&self.ssm(name[4..].trim()).await?);
                    name.len() + 3
                }
                _ => {
                    out.push_str("${");
                    2
                }
            };
            rest = &reference[taken..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn env(&self, variable: &str) -> Result<String, LookUpError> {
        self.resolver.env(variable).ok_or_else(|| {
            let message = format!("environment variable '{variable}' is not set");
            let help = format!("set it before the start: export {variable}=...");
            (SqlErrorKind::Parameter, message, Some(help))
        })
    }

    async fn ssm(&mut self, path: &str) -> Result<String, LookUpError> {
        if let Some(value) = self.asked.get(path) {
            return Ok(value.clone());
        }
        match self.resolver.ssm(path).await {
            Ok(Some(value)) => {
                self.secrets.add(&value);
                self.asked.insert(path.to_owned(), value.clone());
                Ok(value)
            }
            Ok(None) => {
                let message = format!("parameter '{path}' does not exist in the parameter store");
                let help = format!("create it: aws ssm put-parameter --name {path} --type String --value ...");
                Err((SqlErrorKind::Parameter, message, Some(help)))
            }
            Err(reason) => {
                let message = format!("parameter '{path}' could not be read from the parameter store: {reason}");
                Err((SqlErrorKind::External, message, None))
            }
        }
    }

    fn unknown(&self, name: &str) -> LookUpError {
        let known: Vec<&str> = self.params.values.keys().map(String::as_str).collect();
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean '${{{near}}}'?"),
            None => format!("give it on the command line: --conf {name}=..."),
        };
        let message = format!("parameter '{name}' has no value");
        (SqlErrorKind::Parameter, message, Some(help))
    }
}
