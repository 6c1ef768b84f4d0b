//! Tables as the console prints them, read back.

/// One printed table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Number of the batch, of streaming output.
    pub batch: Option<u64>,
    /// Column names.
    pub header: Vec<String>,
    /// Cells, without padding.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Every table in a text, in order.
    #[must_use]
    pub fn all(text: &str) -> Vec<Self> {
        let (mut tables, mut batch) = (Vec::new(), None);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(number) = line.strip_prefix("Batch: ") {
                batch = number.trim().parse().ok();
            }
            if !is_rule(line) {
                continue;
            }
            let header = lines.next().map(cells).unwrap_or_default();
            let rule = lines.next().unwrap_or_default();
            let mut rows = Vec::new();
            let mut complete = is_rule(rule);
            for line in lines.by_ref() {
                if is_rule(line) {
                    break;
                }
                complete &= line.starts_with('|');
                rows.push(cells(line));
            }
            if complete {
                tables.push(Self {
                    batch: batch.take(),
                    header,
                    rows,
                });
            }
        }
        tables
    }

    /// The last table in a text.
    #[must_use]
    pub fn last(text: &str) -> Option<Self> {
        Self::all(text).pop()
    }

    /// Rows with their cells joined by spaces, for messages and comparisons.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.join(" ")).collect()
    }

    /// The same lines in alphabetical order.
    #[must_use]
    pub fn sorted(&self) -> Vec<String> {
        let mut lines = self.lines();
        lines.sort();
        lines
    }
}

fn is_rule(line: &str) -> bool {
    line.len() >= 2
        && line.starts_with('+')
        && line.ends_with('+')
        && line.bytes().all(|byte| matches!(byte, b'+' | b'-'))
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.strip_prefix('|').unwrap_or(line);
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_back() {
        let text = "noise\n---\nBatch: 3\n---\n+---+----+\n|a  |bc  |\n+---+----+\n|1  |x y |\n|2  |    |\n+---+----+\n\n+---+\n|  c|\n+---+\n+---+\n";
        let tables = Table::all(text);
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].batch, Some(3));
        assert_eq!(tables[0].header, ["a", "bc"]);
        assert_eq!(tables[0].lines(), ["1 x y", "2 "]);
        assert_eq!(tables[1].rows.len(), 0);
    }
}
