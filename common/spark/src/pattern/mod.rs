//! Date and time patterns (`dd/MM/yyyy HH:mm`) with the meaning Spark gives them: what each letter reads and writes, which are
//! refused, and which texts only the parsers before Spark 3 would have read.

mod names;
mod old;
mod read;
mod resolve;
mod write;

pub(crate) use old::OldParser;

/// The pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("date pattern `{pattern}`: {reason}")]
pub struct PatternError {
    /// The pattern as given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Whether a number shows a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Only minus.
    Normal,
    /// Minus, and plus where the number is wider than its least width.
    ExceedsPad,
    /// None.
    Never,
}

/// The widths of a number; texts have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Width {
    min: usize,
    max: usize,
    sign: Sign,
    /// Digits that belong to the fixed numbers right behind this one.
    reserved: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(char),
    Number {
        letter: char,
        count: usize,
        width: Width,
    },
    /// A fraction of a second, of 1 to `count` digits.
    Fraction {
        count: usize,
    },
    /// A letter that stands for a text, and how often it was repeated.
    Text {
        letter: char,
        count: usize,
    },
    Optional(Vec<Item>),
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    items: Vec<Item>,
    /// The letters and literals in a row, as the old parsers take them; brackets are literals there.
    flat: Vec<old::Part>,
}

impl Pattern {
    /// Compiles a pattern that texts are read by.
    ///
    /// # Errors
    /// Letters that Spark does not know or does not read by, letters repeated too often, quotes and brackets out of balance.
    pub fn for_reading(text: &str) -> Result<Self, PatternError> {
        Self::compile(text, true)
    }

    /// Compiles a pattern that times are written by.
    ///
    /// # Errors
    /// As [`Self::for_reading`], though a few more letters can be written than read.
    pub fn for_writing(text: &str) -> Result<Self, PatternError> {
        Self::compile(text, false)
    }

    fn compile(text: &str, reading: bool) -> Result<Self, PatternError> {
        let fault = |reason: String| PatternError {
            pattern: text.to_owned(),
            reason,
        };
        let mut levels: Vec<Vec<Item>> = vec![Vec::new()];
        let mut flat = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let Some(level) = levels.last_mut() else { break };
            match c {
                '\'' => {
                    let quoted = quoted(&mut chars).ok_or_else(|| fault("a quote is not closed".to_owned()))?;
                    level.extend(quoted.chars().map(Item::Literal));
                    flat.extend(quoted.chars().map(old::Part::Literal));
                }
                '[' => {
                    levels.push(Vec::new());
                    flat.push(old::Part::Literal(c));
                }
                ']' => {
                    let inner = levels.pop().unwrap_or_default();
                    let outer = levels.last_mut().ok_or_else(|| fault("`]` without `[`".to_owned()))?;
                    outer.push(Item::Optional(inner));
                    flat.push(old::Part::Literal(c));
                }
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while chars.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    let item = item(letter, count, reading).map_err(fault)?;
                    append(level, item);
                    flat.push(old::Part::Field(letter, count));
                }
                '{' | '}' | '#' => return Err(fault(format!("`{c}` has to be in quotes"))),
                other => {
                    level.push(Item::Literal(other));
                    flat.push(old::Part::Literal(other));
                }
            }
        }
        // What is open at the end is closed there.
        while levels.len() > 1 {
            let inner = levels.pop().unwrap_or_default();
            if let Some(outer) = levels.last_mut() {
                outer.push(Item::Optional(inner));
            }
        }
        let items = levels.pop().unwrap_or_default();
        Ok(Self { items, flat })
    }
}

impl Pattern {
    /// With an era in the pattern years count from its beginning.
    fn has_era(&self) -> bool {
        self.flat.iter().any(|part| matches!(part, old::Part::Field('G', _)))
    }
}

/// Reads a quoted literal whose first quote was consumed; two quotes are one.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut literal = String::new();
    loop {
        match chars.next()? {
            '\'' if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
            '\'' if literal.is_empty() => return Some("'".to_owned()),
            '\'' => return Some(literal),
            other => literal.push(other),
        }
    }
}

fn item(letter: char, count: usize, reading: bool) -> Result<Item, String> {
    let number = |min, max, sign| {
        let width = Width {
            min,
            max,
            sign,
            reserved: 0,
        };
        Ok(Item::Number { letter, count, width })
    };
    let text = |most: usize| match count <= most {
        true => Ok(Item::Text { letter, count }),
        false => Err(format!("at most {most} `{letter}` in a row")),
    };
    match letter {
        'u' | 'e' | 'c' | 'Y' | 'w' | 'W' => Err(format!("`{letter}` counts weeks, which Spark does not support")),
        'E' | 'F' | 'Q' | 'q' if reading => Err(format!("`{letter}` can be written, but not read")),
        'y' if count == 2 => number(2, 2, Sign::Never),
        'y' if count > 6 => Err("at most 6 `y` in a row".to_owned()),
        'y' if count < 4 => number(count, 19, Sign::Normal),
        'y' => number(count, 19, Sign::ExceedsPad),
        'M' | 'L' | 'Q' | 'q' if count > 2 => text(4),
        'D' if count > 3 => Err("at most 3 `D` in a row".to_owned()),
        'D' if count > 1 => number(count, 3, Sign::Never),
        'F' if count > 1 => Err("one `F` only".to_owned()),
        'M' | 'L' | 'Q' | 'q' | 'D' | 'F' | 'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' => match count {
            1 => number(1, 19, Sign::Normal),
            2 => number(2, 2, Sign::Never),
            _ => Err(format!("at most 2 `{letter}` in a row")),
        },
        'g' => number(count, 19, Sign::Normal),
        'S' if count > 9 => Err("at most 9 `S` in a row".to_owned()),
        'S' => Ok(Item::Fraction { count }),
        'a' => text(1),
        'G' | 'E' | 'z' => text(4),
        'V' if count != 2 => Err("`V` comes in twos".to_owned()),
        'O' if count != 1 && count != 4 => Err("1 or 4 `O` in a row".to_owned()),
        'V' | 'O' => text(4),
        'X' | 'x' | 'Z' => text(5),
        _ => Err(format!(
            "the letter `{letter}` has no meaning; known are G y M L d D E F a H h K k m s S Q q g z V X x Z O, others belong in quotes"
        )),
    }
}

/// Adds an item. Numbers in a row without anything between them share their digits: the first takes what the fixed ones
/// behind it leave; one that is not fixed ends that.
fn append(items: &mut Vec<Item>, item: Item) {
    let width = match &item {
        Item::Number { width, .. } => Some((width.max, is_fixed(width))),
        Item::Fraction { count: 1 } => Some((1, true)),
        _ => None,
    };
    if let Some((max, fixed)) = width {
        let run = items
            .iter()
            .rev()
            .take_while(|i| matches!(i, Item::Number { .. }))
            .count();
        let start = items.len() - run;
        // The number that takes the rest is the last one in the run that is not fixed, or the first.
        let open = |i: &Item| matches!(i, Item::Number { width, .. } if !is_fixed(width));
        let base = (start..items.len()).rev().find(|at| open(&items[*at])).unwrap_or(start);
        if let (true, Some(Item::Number { width: base, .. })) = (fixed, items.get_mut(base)) {
            base.reserved += max;
        } else if let Some(Item::Number { width: base, .. }) = items.get_mut(base).filter(|_| run > 0) {
            // Two open numbers in a row: the first has its least width.
            base.reserved = 0;
        }
    }
    items.push(item);
}

fn is_fixed(width: &Width) -> bool {
    width.min == width.max && width.sign == Sign::Never
}

#[cfg(test)]
mod tests;
