//! Configuration in layers: default, TOML file, environment, command line; the later wins.
//!
//! A program lists its settings once, as a table of [`Setting`]s that also documents them. [`Config::load`] reads all
//! layers, checks every value, and reports every problem together with where it was found.

mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::options::nearest;

pub use value::{Kind, parse_bytes, parse_duration};

/// Environment variables that begin so belong to the project.
pub const ENVIRONMENT_PREFIX: &str = "MILLSTREAM_";

/// Variables of that beginning which are not settings of a program: they are left alone.
const ENVIRONMENT_RESERVED: [&str; 5] = [
    "MILLSTREAM_LOG",
    "MILLSTREAM_CONFIG",
    "MILLSTREAM_SHARED",
    "MILLSTREAM_CACHE",
    "MILLSTREAM_BIN_DIR",
];

/// One setting of a program.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the file and on the command line: lower case, parts separated by `.`, words by `_`.
    pub key: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// Its value when no layer has one, written as in a file; none: not set.
    pub default: Option<&'static str>,
    /// What it means, with its unit.
    pub help: &'static str,
}

impl Setting {
    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "{ENVIRONMENT_PREFIX}{}",
            self.key.replace(['.', '-'], "_").to_ascii_uppercase()
        )
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table of settings.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// Everything that is wrong with a configuration, one problem a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems, in the order of the layers.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// What [`Config::load`] reads, apart from the table of settings.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The configuration file, if there is one; it must then exist.
    pub file: Option<PathBuf>,
    /// The environment; variables without the project's prefix are ignored.
    pub environment: Vec<(String, String)>,
    /// Settings given on the command line, by key.
    pub flags: Vec<(String, String)>,
    /// Tables of other programs (`driver`, `executor`) that share the file or the environment: left alone.
    pub foreign: &'static [&'static str],
}

impl Layers {
    /// The process's environment, a file and flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
        let environment = std::env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        Self {
            file,
            environment,
            flags,
            foreign: &[],
        }
    }
}

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    settings: &'static [Setting],
    /// Values by key, those that are set.
    values: BTreeMap<String, (String, Origin)>,
    /// Entries below the open table, without its name.
    open: BTreeMap<String, (String, Origin)>,
}

impl Config {
    /// Reads and checks all layers. Keys below `open_table` (`conf`, say) are free; see [`Config::open_entries`].
    ///
    /// # Errors
    /// All problems together: a file that cannot be read or parsed, unknown keys (with the closest known one), values
    /// that do not fit.
    pub fn load(
        settings: &'static [Setting],
        open_table: Option<&'static str>,
        layers: &Layers,
    ) -> Result<Self, ConfigError> {
        let mut loader = Loader {
            settings,
            open_prefix: open_table.map(|table| format!("{table}.")),
            config: Self {
                settings,
                values: BTreeMap::new(),
                open: BTreeMap::new(),
            },
            foreign: layers.foreign,
            problems: Vec::new(),
        };
        for setting in settings {
            if let Some(text) = setting.default {
                loader.set(setting.key, text, Origin::Default);
            }
        }
        if let Some(path) = &layers.file {
            loader.read_file(path);
        }
        loader.read_environment(&layers.environment);
        for (key, text) in &layers.flags {
            loader.set(key, text, Origin::Flag);
        }
        if loader.problems.is_empty() {
            Ok(loader.config)
        } else {
            Err(ConfigError {
                problems: loader.problems,
            })
        }
    }

    /// The value of `key` as text; none when it is not set or is empty.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values
            .get(key)
            .map(|(text, _)| text.as_str())
            .filter(|text| !text.is_empty())
    }

    /// The value of a `Kind::Count`.
    #[must_use]
    pub fn count(&self, key: &str) -> Option<u64> {
        self.text(key).and_then(|text| text.parse().ok())
    }

    /// The value of a `Kind::Flag`; false when it is not set.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The value of a `Kind::Duration`.
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<Duration> {
        self.text(key).and_then(parse_duration)
    }

    /// The value of a `Kind::Bytes`.
    #[must_use]
    pub fn bytes(&self, key: &str) -> Option<u64> {
        self.text(key).and_then(parse_bytes)
    }

    /// Where the value of `key` comes from; none when it is not set.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.values.get(key).map(|(_, origin)| origin)
    }

    /// The free entries: names without the open table's, and values.
    pub fn open_entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.open.iter().map(|(key, (text, _))| (key.as_str(), text.as_str()))
    }

    /// All settings as TOML, with meaning and origin of each; secrets show as `***`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        for setting in self.settings {
            out.push_str(&format!("# {}\n", setting.help));
            match self.values.get(setting.key) {
                None => out.push_str(&format!("# {} =  (not set)\n", setting.key)),
                Some((text, origin)) => {
                    let shown = setting.kind.render(setting.key, text);
                    out.push_str(&format!("{} = {shown}  # {origin}\n", setting.key));
                }
            }
        }
        for (key, (text, origin)) in &self.open {
            out.push_str(&format!("{key} = {}  # {origin}\n", Kind::Text.render(key, text)));
        }
        out
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

struct Loader {
    settings: &'static [Setting],
    open_prefix: Option<String>,
    foreign: &'static [&'static str],
    config: Config,
    problems: Vec<String>,
}

impl Loader {
    fn set(&mut self, key: &str, text: &str, origin: Origin) {
        if let Some(name) = self
            .open_prefix
            .as_ref()
            .and_then(|prefix| key.strip_prefix(prefix.as_str()))
        {
            self.config.open.insert(name.to_owned(), (text.to_owned(), origin));
            return;
        }
        let Some(setting) = self.settings.iter().find(|setting| setting.key == key) else {
            let keys: Vec<&str> = self.settings.iter().map(|setting| setting.key).collect();
            self.unknown(&format!("unknown setting '{key}'"), nearest(key, &keys), &origin);
            return;
        };
        if let Err(expected) = setting.kind.check(text) {
            let shown = setting.kind.render(key, text);
            self.problems
                .push(format!("{origin}: '{key}' is {shown}, expected {expected}"));
            return;
        }
        self.config
            .values
            .insert(key.to_owned(), (text.trim().to_owned(), origin));
    }

    fn unknown(&mut self, what: &str, near: Option<&str>, origin: &Origin) {
        let hint = near.map_or_else(String::new, |near| format!(", did you mean '{near}'?"));
        self.problems.push(format!("{origin}: {what}{hint}"));
    }

    fn read_file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.problems
                    .push(format!("file {}: cannot be read: {error}", path.display()));
                return;
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table("", &table, path),
            Err(error) => {
                let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
                let place = line.map_or_else(String::new, |line| format!(":{line}"));
                self.problems
                    .push(format!("file {}{place}: {}", path.display(), error.message()));
            }
        }
    }

    fn read_table(&mut self, prefix: &str, table: &toml::Table, path: &Path) {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            let origin = Origin::File(path.to_owned());
            match value {
                toml::Value::Table(_) if self.foreign.contains(&key.as_str()) => {}
                toml::Value::Table(inner) => self.read_table(&key, inner, path),
                value => self.set(&key, &plain_text(value), origin),
            }
        }
    }

    fn read_environment(&mut self, variables: &[(String, String)]) {
        for (variable, text) in variables {
            if !variable.starts_with(ENVIRONMENT_PREFIX) || ENVIRONMENT_RESERVED.contains(&variable.as_str()) {
                continue;
            }
            let origin = Origin::Environment(variable.clone());
            if let Some(setting) = self.settings.iter().find(|setting| setting.variable() == *variable) {
                self.set(setting.key, text, origin);
                continue;
            }
            let of_others =
                |name: &&str| variable.starts_with(&format!("{ENVIRONMENT_PREFIX}{}_", name.to_ascii_uppercase()));
            if self.foreign.iter().any(of_others) {
                continue;
            }
            let names: Vec<String> = self.settings.iter().map(Setting::variable).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            // The parts in between are easily forgotten: MILLSTREAM_PORT for MILLSTREAM_DRIVER_LISTEN_PORT.
            let ending = format!("_{}", &variable[ENVIRONMENT_PREFIX.len()..]);
            let longer: Vec<&str> = names.iter().copied().filter(|name| name.ends_with(&ending)).collect();
            let near = if longer.is_empty() {
                nearest(variable, &names).map(str::to_owned)
            } else {
                Some(longer.join("' or '"))
            };
            self.unknown("no such setting", near.as_deref(), &origin);
        }
    }
}

/// The text of a value that is no table.
fn plain_text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::Array(items) => items.iter().map(plain_text).collect::<Vec<_>>().join(","),
        toml::Value::Table(_) => String::new(),
    }
}

#[cfg(test)]
mod tests;
