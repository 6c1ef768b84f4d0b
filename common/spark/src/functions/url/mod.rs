//! `parse_url`: the parts of an address as `java.net.URI` reads it; NULL for what it does not read.

use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::exec_datafusion_err;
use datafusion::logical_expr::ScalarUDF;

use super::kernel::{Call, Function, Kind, Result, column};
use super::string::compile_pattern;

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "parse_url",
            &[Kind::Text, Kind::Text, Kind::Text],
            |_| Ok(DataType::Utf8),
            parse_url,
        )
        .required(2)
        .udf(),
    ]
}

fn parse_url(call: &Call<'_>) -> Result<ArrayRef> {
    let (urls, parts) = (call.text(0)?, call.text(1)?);
    let keys = if call.args.len() > 2 { Some(call.text(2)?) } else { None };
    let mut builder = StringBuilder::with_capacity(urls.len(), urls.value_data().len());
    for row in 0..urls.len() {
        let missing = keys.as_ref().is_some_and(|keys| keys.is_null(row));
        if urls.is_null(row) || parts.is_null(row) || missing {
            builder.append_null();
            continue;
        }
        let found = Url::parse(urls.value(row)).and_then(|url| url.part(parts.value(row)));
        let found = match (&keys, found) {
            (None, found) => found,
            (Some(keys), Some(query)) if parts.value(row) == "QUERY" => of_key(&query, keys.value(row))?,
            _ => None,
        };
        builder.append_option(found);
    }
    column(builder.finish())
}

/// The value of a key of a query; the key is a regular expression.
fn of_key(query: &str, key: &str) -> Result<Option<String>> {
    let pattern = compile_pattern(&format!("(&|^){key}=([^&]*)"))?;
    let found = pattern
        .captures(query)
        .map_err(|error| exec_datafusion_err!("regular expression: {error}"))?;
    Ok(found.and_then(|found| found.get(2).map(|value| value.as_str().to_owned())))
}

/// An address taken apart; parts are as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Url<'u> {
    scheme: Option<&'u str>,
    authority: Option<&'u str>,
    user: Option<&'u str>,
    host: Option<&'u str>,
    path: Option<&'u str>,
    query: Option<&'u str>,
    fragment: Option<&'u str>,
}

impl<'u> Url<'u> {
    fn parse(text: &'u str) -> Option<Self> {
        let (rest, fragment) = split_off(text, '#');
        let mut url = Self {
            fragment,
            ..Self::default()
        };
        let colon = rest.find([':', '/', '?']).filter(|at| rest[*at..].starts_with(':'));
        let rest = match colon {
            Some(at) => {
                url.scheme = Some(&rest[..at]).filter(|scheme| is_scheme(scheme));
                url.scheme?;
                &rest[at + 1..]
            }
            None => rest,
        };
        if !fragment.is_none_or(|fragment| is_made_of(fragment, IN_QUERY)) {
            return None;
        }
        if url.scheme.is_some() && !rest.starts_with('/') {
            // Opaque: nothing but the scheme is told apart.
            return (!rest.is_empty() && is_made_of(rest, IN_QUERY)).then_some(url);
        }
        let (rest, query) = split_off(rest, '?');
        url.query = query;
        let path = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at(end);
                if authority.is_empty() && path.is_empty() && query.is_none() && fragment.is_none() {
                    return None;
                }
                if !authority.is_empty() {
                    url.take_authority(authority)?;
                }
                path
            }
            None => rest,
        };
        url.path = Some(path);
        let whole = is_made_of(path, IN_PATH) && query.is_none_or(|query| is_made_of(query, IN_QUERY));
        whole.then_some(url)
    }

    /// User, host and port; what does not have that form is a name without a host.
    fn take_authority(&mut self, authority: &'u str) -> Option<()> {
        self.authority = Some(authority);
        let (user, place) = match authority.split_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let end = match place.find(']') {
            Some(bracket) if place.starts_with('[') => bracket + 1,
            _ => place.find(':').unwrap_or(place.len()),
        };
        let (host, port) = place.split_at(end);
        let port_fits = port.is_empty() || port.starts_with(':') && port[1..].bytes().all(|b| b.is_ascii_digit());
        let user_fits = user.is_none_or(|user| is_made_of(user, ";:&=+$,"));
        if is_host(host) && port_fits && user_fits {
            self.host = Some(host);
            self.user = user;
            return Some(());
        }
        is_made_of(authority, "$,;:@&=+").then_some(())
    }

    fn part(&self, name: &str) -> Option<String> {
        match name {
            "PROTOCOL" => self.scheme,
            "HOST" => self.host,
            "PATH" => self.path,
            "QUERY" => self.query,
            "REF" => self.fragment,
            "AUTHORITY" => self.authority,
            "USERINFO" => self.user,
            "FILE" => {
                let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
                return Some(format!("{}{query}", self.path?));
            }
            _ => None,
        }
        .map(str::to_owned)
    }
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// Marks allowed in a path beside letters and digits.
const IN_PATH: &str = ":@&=+$,;/";
/// Marks allowed in a query or fragment.
const IN_QUERY: &str = ";/?:@&=+$,[]";

/// Whether a text holds only letters, digits, the marks every part may have, `more`, whole escapes, and what is not ASCII.
fn is_made_of(text: &str, more: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let fits = match c {
            '%' => {
                let mut hex = || chars.next().is_some_and(|c| c.is_ascii_hexdigit());
                hex() && hex()
            }
            c if c.is_ascii() => c.is_ascii_alphanumeric() || "-_.!~*'()".contains(c) || more.contains(c),
            c => !c.is_control() && !c.is_whitespace(),
        };
        if !fits {
            return false;
        }
    }
    true
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// An address in brackets, four numbers, or labels of which the last begins with a letter.
fn is_host(text: &str) -> bool {
    if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inside.parse::<std::net::Ipv6Addr>().is_ok();
    }
    if text.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let last = labels.rsplit('.').next().unwrap_or_default();
    labels.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(url: &str, name: &str) -> Option<String> {
        Url::parse(url).and_then(|url| url.part(name))
    }

    #[test]
    fn parts_are_those_java_tells_apart() {
        for (url, name, wanted) in [
            ("http://u:p@h.org:8080/a?x=1#f", "USERINFO", Some("u:p")),
            ("http://u:p@h.org:8080/a?x=1#f", "FILE", Some("/a?x=1")),
            ("http://a_b.c/x", "HOST", None),
            ("http://a_b.c/x", "AUTHORITY", Some("a_b.c")),
            ("http://h/p|q", "PATH", None),
            ("http://h/é", "PATH", Some("/é")),
            ("a:b?c", "QUERY", None),
            ("a:b#c", "REF", Some("c")),
            ("http://[::1]:8080/x", "HOST", Some("[::1]")),
            ("http://", "PATH", None),
            ("file:///a/b", "PATH", Some("/a/b")),
            ("//h/p", "HOST", Some("h")),
            ("1http://h", "PATH", None),
            ("", "PATH", Some("")),
        ] {
            assert_eq!(part(url, name).as_deref(), wanted, "{url} {name}");
        }
    }
}
