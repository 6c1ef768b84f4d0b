//! `sasl.jaas.config`: how Java clients carry user names, passwords and the IAM login module.

/// One login module with its settings.
#[derive(PartialEq, Eq)]
pub(super) struct Login {
    /// The class's name without its package.
    pub(super) module: String,
    /// Settings in order.
    settings: Vec<(String, String)>,
}

impl Login {
    /// Reads `module flag name="value" ...;`. None when the text is not of that form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim().trim_end_matches(';').trim();
        let mut words = rest.splitn(2, char::is_whitespace);
        let class = words.next().filter(|class| !class.is_empty())?;
        let module = class.rsplit('.').next().unwrap_or(class).to_owned();
        rest = words.next().unwrap_or_default().trim_start();
        // The control flag has no say in what Kafka does.
        for flag in ["required", "requisite", "sufficient", "optional"] {
            if let Some(after) = rest.strip_prefix(flag) {
                rest = after;
                break;
            }
        }
        let mut settings = Vec::new();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return Some(Self { module, settings });
            }
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after.trim_start())?;
            settings.push((name.trim().to_owned(), value));
            rest = after;
        }
    }

    /// The value of a setting.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A quoted or bare value at the start of `text`, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            c if c == quote => return Some((value, &text[at + c.len_utf8()..])),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_quoted_settings_are_read() {
        let login = Login::parse(
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"al ice\" password='a\\'b\";';",
        )
        .unwrap();
        assert_eq!(login.module, "ScramLoginModule");
        assert_eq!(login.get("username"), Some("al ice"));
        assert_eq!(login.get("password"), Some("a'b\";"));
    }

    #[test]
    fn a_module_alone_is_enough_and_rubbish_is_refused() {
        let login = Login::parse("software.amazon.msk.auth.iam.IAMLoginModule required;").unwrap();
        assert_eq!((login.module.as_str(), login.get("x")), ("IAMLoginModule", None));
        assert!(Login::parse("").is_none());
        assert!(Login::parse("M required password=\"open").is_none());
        assert!(Login::parse("M required password").is_none());
    }
}
