//! `${name}`, `${name:-default}`, `${env:NAME}`, `${ssm:/path}`: values from outside, put into the text before it is read as SQL.
//! `${name:-default}` has a value in any case.

use std::collections::BTreeMap;

use async_trait::async_trait;
use millstream_common::options::nearest;

use crate::error::{SqlError, SqlErrorKind};
use crate::text::{Segment, SourceText};

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

/// Puts parameters into `original`. Values are not looked at again for `${`; within quotes they are escaped, so that the string
/// has exactly the value whatever characters it holds. Comments are left alone.
///
/// # Errors
/// The first parameter without a value, by name and place.
pub(crate) async fn substitute(
    file: &str,
    original: &str,
    params: &Params,
    resolver: &dyn Resolver,
) -> Result<SourceText, SqlError> {
    let chars: Vec<char> = original.chars().collect();
    let plain = || SourceText::new(file, original, String::new(), Vec::new());
    let mut read = String::with_capacity(original.len());
    let mut read_len = 0;
    let mut segments = vec![Segment {
        read: 0,
        original: 0,
        value: false,
    }];
    let mut inside = Inside::Code;
    let mut i = 0;
    while i < chars.len() {
        let (c, next) = (chars[i], chars.get(i + 1).copied());
        let commented = matches!(inside, Inside::LineComment | Inside::BlockComment(_));
        if c == '$' && next == Some('{') && !commented {
            let Some(end) = chars[i..].iter().position(|c| *c == '}' || *c == '\n').map(|n| i + n) else {
                return Err(plain().error_at(i, SqlErrorKind::Parameter, "'${' is never closed by '}'".into(), None));
            };
            if chars[end] != '}' {
                return Err(plain().error_at(i, SqlErrorKind::Parameter, "'${' is never closed by '}'".into(), None));
            }
            let name: String = chars[i + 2..end].iter().collect();
            let (name, default) = match name.split_once(":-") {
                Some((name, default)) => (name.trim(), Some(default)),
                None => (name.trim(), None),
            };
            let value = match (look_up(name, params, resolver).await, default) {
                (Ok(value), _) => value,
                (Err((SqlErrorKind::Parameter, ..)), Some(default)) => default.to_owned(),
                (Err((kind, message, help)), _) => return Err(plain().error_at(i, kind, message, help)),
            };
            let value = match inside {
                Inside::Quote(q) if q != '`' => escape(&value, q),
                _ => value,
            };
            segments.push(Segment {
                read: read_len,
                original: i,
                value: true,
            });
            read_len += value.chars().count();
            read.push_str(&value);
            i = end + 1;
            segments.push(Segment {
                read: read_len,
                original: i,
                value: false,
            });
            continue;
        }
        let mut take = 1;
        inside = match (inside, c, next) {
            (Inside::Code, '\'' | '"' | '`', _) => Inside::Quote(c),
            (Inside::Code, '-', Some('-')) => Inside::LineComment,
            (Inside::Code, '/', Some('*')) => {
                take = 2;
                Inside::BlockComment(1)
            }
            (Inside::Quote(q), '\\', Some(_)) if q != '`' => {
                take = 2;
                inside
            }
            (Inside::Quote(q), _, _) if c == q => Inside::Code,
            (Inside::LineComment, '\n', _) => Inside::Code,
            (Inside::BlockComment(depth), '/', Some('*')) => {
                take = 2;
                Inside::BlockComment(depth + 1)
            }
            (Inside::BlockComment(depth), '*', Some('/')) => {
                take = 2;
                if depth == 1 {
                    Inside::Code
                } else {
                    Inside::BlockComment(depth - 1)
                }
            }
            (now, _, _) => now,
        };
        read.extend(&chars[i..i + take]);
        read_len += take;
        i += take;
    }
    Ok(SourceText::new(file, original, read, segments))
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

/// The value of what stands between the braces: `name`, or `name:-value if it has none`.
async fn look_up(name: &str, params: &Params, resolver: &dyn Resolver) -> Result<String, LookUpError> {
    if let Some((name, default)) = name.split_once(":-") {
        return Ok(params.get(name.trim_end()).unwrap_or(default).to_owned());
    }
    if let Some(variable) = name.strip_prefix("env:") {
        return resolver.env(variable).ok_or_else(|| {
            let message = format!("environment variable '{variable}' is not set");
            (
                SqlErrorKind::Parameter,
                message,
                Some(format!("set it before the start: export {variable}=...")),
            )
        });
    }
    if let Some(path) = name.strip_prefix("ssm:") {
        return match resolver.ssm(path).await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => {
                let message = format!("parameter '{path}' does not exist in the parameter store");
                let help = format!("create it: aws ssm put-parameter --name {path} --type String --value ...");
                Err((SqlErrorKind::Parameter, message, Some(help)))
            }
            Err(reason) => {
                let message = format!("parameter '{path}' could not be read from the parameter store: {reason}");
                Err((SqlErrorKind::External, message, None))
            }
        };
    }
    params.get(name).map(str::to_owned).ok_or_else(|| {
        let known: Vec<&str> = params.values.keys().map(String::as_str).collect();
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean '${{{near}}}'?"),
            None => format!("give it on the command line: --conf {name}=..."),
        };
        (
            SqlErrorKind::Parameter,
            format!("parameter '{name}' has no value"),
            Some(help),
        )
    })
}
