//! Which column a name belongs to, learned from the order in which the previous object had its names.

/// Names remembered per object beyond the declared ones: data with made-up names must not grow this for ever.
const LEARNED_MAX: usize = 128;
const PREFIX: usize = 16;

/// One remembered name.
#[derive(Debug)]
struct Remembered {
    /// `"name":`, as a writer without blanks puts it.
    quoted: Box<[u8]>,
    /// The first bytes of `quoted`, zero-padded, and the mask of those that count.
    head: u128,
    mask: u128,
    column: Option<usize>,
}

impl Remembered {
    fn new(name: &[u8], column: Option<usize>) -> Self {
        let quoted: Box<[u8]> = [b"\"", name, b"\":"].concat().into();
        let used = quoted.len().min(PREFIX);
        let mut head = [0; PREFIX];
        head[..used].copy_from_slice(&quoted[..used]);
        let mask = if used == PREFIX {
            u128::MAX
        } else {
            (1 << (8 * used)) - 1
        };
        Self {
            head: u128::from_le_bytes(head),
            mask,
            quoted,
            column,
        }
    }

    fn name(&self) -> &[u8] {
        &self.quoted[1..self.quoted.len() - 2]
    }

    #[inline]
    fn starts(&self, text: &[u8]) -> bool {
        match text.first_chunk::<PREFIX>() {
            Some(chunk) if self.quoted.len() <= PREFIX => (u128::from_le_bytes(*chunk) ^ self.head) & self.mask == 0,
            _ => text.starts_with(&self.quoted),
        }
    }
}

/// The names of an object's columns, and the order to expect them in.
#[derive(Debug)]
pub(crate) struct Shape {
    names: Vec<Option<Box<[u8]>>>,
    order: Vec<Remembered>,
}

impl Shape {
    pub fn new<'n>(names: impl Iterator<Item = &'n [u8]>) -> Self {
        Self {
            names: names.map(|name| Some(Box::from(name))).collect(),
            order: Vec::new(),
        }
    }

    /// Makes a column one that no name in the data leads to.
    pub fn hide(&mut self, column: usize) {
        if let Some(name) = self.names.get_mut(column) {
            *name = None;
        }
    }

    /// Returns the column of a name.
    pub fn column(&self, name: &[u8]) -> Option<usize> {
        // Of columns with the same name the last one is filled.
        self.names.iter().rposition(|n| n.as_deref() == Some(name))
    }

    /// Compares `text` with the name expected at place `at`, quotes and colon included.
    /// A hit gives its length and the column, which is `None` for a name nobody asked for.
    #[inline]
    pub fn predict(&self, at: usize, text: &[u8]) -> Option<(usize, Option<usize>)> {
        let expected = self.order.get(at)?;
        expected
            .starts(text)
            .then_some((expected.quoted.len(), expected.column))
    }

    /// Finds a name that was not the expected one; returns its column and the place to expect the next name at.
    #[cold]
    pub fn find(&mut self, name: &[u8], expected_at: usize) -> (Option<usize>, usize) {
        if let Some(at) = self.order.iter().position(|r| r.name() == name) {
            return (self.order[at].column, at + 1);
        }
        let column = self.column(name);
        let plain = !name.iter().any(|b| *b < 0x20 || matches!(b, b'"' | b'\\'));
        if plain && self.order.len() < LEARNED_MAX {
            let at = expected_at.min(self.order.len());
            self.order.insert(at, Remembered::new(name, column));
            return (column, at + 1);
        }
        (column, expected_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_the_order_and_forgives_changes() {
        let mut shape = Shape::new([b"b".as_slice(), b"a_rather_long_name_indeed"].into_iter());
        assert_eq!(shape.predict(0, b"\"x\":1"), None);
        assert_eq!(shape.find(b"x", 0), (None, 1));
        assert_eq!(shape.find(b"a_rather_long_name_indeed", 1), (Some(1), 2));
        assert_eq!(shape.find(b"b", 2), (Some(0), 3));
        assert_eq!(shape.predict(0, b"\"x\":1"), Some((4, None)));
        assert_eq!(shape.predict(0, b"\"x\":1, and more text"), Some((4, None)));
        assert_eq!(shape.predict(1, b"\"a_rather_long_name_indeed\":"), Some((28, Some(1))));
        assert_eq!(shape.predict(1, b"\"a_rather_long_name_indees\":"), None);
        assert_eq!(shape.find(b"b", 0), (Some(0), 3));
        for n in 0..1000 {
            shape.find(format!("made_up_{n}").as_bytes(), 3);
        }
        assert_eq!(shape.order.len(), LEARNED_MAX);
    }
}
