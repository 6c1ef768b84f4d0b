//! Where drivers may be.

use thiserror::Error;

/// More ports than this in one range are a typing mistake.
const RANGE_MAX: u16 = 256;

/// Text that names no driver addresses.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("'{text}' is not a driver's address: expected HOST:PORT or HOST:FIRST-LAST, several separated by commas")]
pub struct TargetError {
    /// The part that does not fit.
    pub text: String,
}

/// The addresses in `text`: `HOST:PORT`, a comma list of them, port ranges `HOST:7077-7092`. Each once, in order.
///
/// # Errors
/// [`TargetError`] with the part that does not fit.
pub fn parse_targets(text: &str) -> Result<Vec<String>, TargetError> {
    let mut targets = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let refused = || TargetError { text: part.to_owned() };
        let (host, ports) = part.rsplit_once(':').ok_or_else(refused)?;
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let port = |text: &str| {
            text.trim()
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(refused)
        };
        let (first, last) = (port(first)?, port(last)?);
        if host.is_empty() || first > last || last - first >= RANGE_MAX {
            return Err(refused());
        }
        for port in first..=last {
            let target = format!("{host}:{port}");
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    if targets.is_empty() {
        return Err(TargetError { text: text.to_owned() });
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges() {
        let targets = parse_targets("a:1, b:7-9,[::1]:5,a:1").unwrap();
        assert_eq!(targets, ["a:1", "b:7", "b:8", "b:9", "[::1]:5"]);
        for wrong in ["", "a", ":1", "a:0", "a:9-7", "a:1-70000", "a:1-4000", "a:x"] {
            assert!(parse_targets(wrong).is_err(), "{wrong}");
        }
    }
}
