//! Records into columns: the decoder on the way from Kafka to a plan.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Fields};

use super::column::{Column, StructColumn};
use super::convert::{Context, read_object};
use super::scan::{Fault, Leniency, Scan, Scanner, Token};
use super::tokens::Broken;
use super::utf8::append_repaired;
use super::{JsonError, JsonOptions, ParseMode, TimeParserPolicy, recover};

/// How a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No value, or a blank one.
    Absent,
    /// All values fit.
    Good,
    /// JSON, but some value did not fit its type.
    Partial,
    /// Not JSON, or not an object.
    Malformed,
}

/// Decodes JSON objects into Arrow columns by Spark's PERMISSIVE rules.
///
/// Every byte of the object is checked, asked for or not: a record that is malformed anywhere gives nulls in all columns. A
/// value that does not fit its column's type gives a null there. Bytes after the object are ignored. Names are expected in
/// the previous record's order; values nobody asked for are checked and passed over.
///
/// Columns come out in projection order, one row per appended record, in the order of appending.
#[derive(Debug)]
pub struct RecordDecoder {
    row: StructColumn,
    context: Context,
    leniency: Leniency,
    mode: ParseMode,
    policy: TimeParserPolicy,
    corrupt: Option<usize>,
    malformed: u64,
    partial: u64,
    failure: Option<String>,
    repaired: Vec<u8>,
    /// The declared fields nobody asked for, and columns for what broken records have in them.
    unasked: Fields,
    others: Option<Option<StructColumn>>,
}

impl RecordDecoder {
    /// Makes a decoder for the declared columns, of which only those at the places in `projection` are built.
    ///
    /// # Errors
    /// [`JsonError::Projection`], [`JsonError::UnsupportedType`], [`JsonError::MapKey`], [`JsonError::CorruptColumn`] and
    /// [`JsonError::Pattern`]: all are mistakes in the declaration.
    pub fn try_new(declared: &[Field], projection: &[usize], options: &JsonOptions) -> Result<Self, JsonError> {
        let fields: Fields = projection
            .iter()
            .map(|&index| {
                declared.get(index).cloned().ok_or(JsonError::Projection {
                    index,
                    declared: declared.len(),
                })
            })
            .collect::<Result<_, _>>()?;
        let mut row = StructColumn::new(&fields)?;
        if let Some(field) = declared.iter().find(|f| f.name() == &options.corrupt_record_column)
            && field.data_type() != &DataType::Utf8
        {
            let (column, data_type) = (field.name().clone(), field.data_type().clone());
            return Err(JsonError::CorruptColumn { column, data_type });
        }
        let corrupt = fields.iter().position(|f| f.name() == &options.corrupt_record_column);
        if let Some(column) = corrupt {
            row.shape.hide(column);
        }
        let asked = |at: &usize| !projection.contains(at);
        let unasked = (0..declared.len()).filter(asked).filter_map(|at| declared.get(at));
        let unasked = unasked.filter(|f| f.name() != &options.corrupt_record_column);
        Ok(Self {
            unasked: unasked.cloned().collect(),
            others: None,
            row,
            context: options.context()?,
            leniency: options.leniency,
            mode: options.mode,
            policy: options.time_parser_policy,
            corrupt,
            malformed: 0,
            partial: 0,
            failure: None,
            repaired: Vec::new(),
        })
    }

    /// Appends one record; `None` is a null value (a tombstone).
    pub fn append(&mut self, value: Option<&[u8]>) {
        self.append_outcome(value);
    }

    pub(crate) fn append_outcome(&mut self, value: Option<&[u8]>) -> Outcome {
        let Some(bytes) = value else {
            self.row.void_row(false);
            return Outcome::Absent;
        };
        self.context.partial = false;
        let mut read = self.read(bytes);
        if read == Err(Fault::NotUtf8) {
            self.rewind();
            let mut repaired = std::mem::take(&mut self.repaired);
            repaired.clear();
            append_repaired(bytes, &mut repaired);
            read = self.read(&repaired);
            self.repaired = repaired;
        }
        if read == Err(Fault::Malformed) {
            read = self.recover(bytes);
        }
        let outcome = match read {
            Ok(true) if self.context.partial => Outcome::Partial,
            Ok(true) => Outcome::Good,
            Ok(false) => Outcome::Absent,
            Err(_) => Outcome::Malformed,
        };
        self.close(outcome, bytes);
        outcome
    }

    /// Reads the object, if there is anything but blanks.
    #[inline]
    fn read(&mut self, bytes: &[u8]) -> Scan<bool> {
        let mut scanner = Scanner::new(bytes, self.leniency);
        if scanner.skip_blank()?.is_none() {
            return Ok(false);
        }
        match scanner.token()? {
            Token::Object => read_object(&mut self.row, &mut scanner, &mut self.context).map(|()| true),
            _ => Err(Fault::Malformed),
        }
    }

    /// Reads a record that is not JSON as far as Spark does.
    #[cold]
    fn recover(&mut self, bytes: &[u8]) -> Scan<bool> {
        self.rewind();
        let mut repaired = std::mem::take(&mut self.repaired);
        repaired.clear();
        append_repaired(bytes, &mut repaired);
        let text = std::str::from_utf8(&repaired).unwrap_or_default();
        let others = self.others.get_or_insert_with(|| StructColumn::new(&self.unasked).ok());
        let read = recover::record(&mut self.row, others.as_mut(), text, self.leniency, &mut self.context);
        if let Some(others) = others {
            others.columns.iter_mut().for_each(|column| column.truncate(0));
        }
        self.repaired = repaired;
        read.map(|()| true).map_err(|Broken| Fault::Malformed)
    }

    /// Forgets what was written for the record under way.
    fn rewind(&mut self) {
        let row = self.row.len;
        for column in &mut self.row.columns {
            column.truncate(row);
        }
        self.context.partial = false;
    }

    #[inline]
    fn close(&mut self, outcome: Outcome, bytes: &[u8]) {
        if outcome == Outcome::Good {
            self.row.complete_row(true);
            return;
        }
        self.close_bad(outcome, bytes);
    }

    #[cold]
    fn close_bad(&mut self, outcome: Outcome, bytes: &[u8]) {
        if outcome != Outcome::Partial {
            self.rewind();
        }
        if outcome != Outcome::Absent {
            self.malformed += u64::from(outcome == Outcome::Malformed);
            self.partial += u64::from(outcome == Outcome::Partial);
            if self.mode == ParseMode::FailFast && self.failure.is_none() {
                self.failure = Some(String::from_utf8_lossy(bytes).chars().take(200).collect());
            }
            if let Some(Column::Text(column)) = self.corrupt.and_then(|at| self.row.columns.get_mut(at)) {
                append_repaired(bytes, &mut column.data);
                column.commit();
            }
        }
        self.row.complete_row(outcome != Outcome::Absent);
    }

    /// Returns how many records were appended since the last [`Self::finish`].
    pub fn len(&self) -> usize {
        self.row.len
    }

    /// Returns whether no record was appended since the last [`Self::finish`].
    pub fn is_empty(&self) -> bool {
        self.row.len == 0
    }

    /// Returns how many of the records since the last [`Self::finish`] were not JSON objects.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Returns how many of the well-formed records since the last [`Self::finish`] had a value that did not fit its type.
    pub fn partial(&self) -> u64 {
        self.partial
    }

    /// Returns the columns of the records appended since the last call, in projection order, and starts anew.
    ///
    /// # Errors
    /// [`JsonError::Malformed`] in FAILFAST mode, [`JsonError::AmbiguousTime`] unless the policy says otherwise (both are the
    /// data's fault and repeat on retry), [`JsonError::TooLarge`]. The rows are lost in any case.
    pub fn finish(&mut self) -> Result<Vec<ArrayRef>, JsonError> {
        self.row.nulls.finish();
        let columns = self.row.take_columns();
        self.check()?;
        columns
    }

    /// Returns the rows as one struct array; rows without a value, or with a blank one, are null.
    pub(crate) fn finish_struct(&mut self) -> Result<ArrayRef, JsonError> {
        let rows = self.row.finish();
        self.check()?;
        rows
    }

    fn check(&mut self) -> Result<(), JsonError> {
        (self.malformed, self.partial) = (0, 0);
        let (ambiguous, failure) = (self.context.ambiguous.take(), self.failure.take());
        match (ambiguous, failure) {
            (Some(text), _) if self.policy == TimeParserPolicy::Exception => Err(JsonError::AmbiguousTime { text }),
            (_, Some(record)) => Err(JsonError::Malformed { record }),
            _ => Ok(()),
        }
    }
}
