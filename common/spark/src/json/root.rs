//! JSON texts into values of any root type: what `from_json` does.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::column::Column;
use super::convert::{Context, read_array, read_object, read_value};
use super::record::RecordDecoder;
use super::scan::{Fault, Scan, Scanner, Token};
use super::tokens::Broken;
use super::utf8::append_repaired;
use super::{JsonError, JsonOptions, ParseMode, TimeParserPolicy, recover};

/// Decodes texts into a struct, an array or a map each.
#[derive(Debug)]
pub(crate) enum RootDecoder {
    /// A bad text gives a struct of nulls.
    Struct(Box<RecordDecoder>),
    /// A bad text gives null.
    Value(Box<ValueDecoder>),
}

impl RootDecoder {
    pub fn try_new(data_type: &DataType, options: &JsonOptions) -> Result<Self, JsonError> {
        match data_type {
            DataType::Struct(fields) => {
                let declared: Vec<_> = fields.iter().map(|f| f.as_ref().clone()).collect();
                let all: Vec<_> = (0..declared.len()).collect();
                Ok(Self::Struct(Box::new(RecordDecoder::try_new(
                    &declared, &all, options,
                )?)))
            }
            DataType::List(_) | DataType::Map(..) => Ok(Self::Value(Box::new(ValueDecoder {
                column: Column::new(data_type)?,
                context: options.context()?,
                options: options.clone(),
                failure: None,
            }))),
            other => Err(JsonError::UnsupportedType {
                data_type: other.clone(),
            }),
        }
    }

    pub fn append(&mut self, value: Option<&[u8]>) {
        match self {
            Self::Struct(decoder) => decoder.append(value),
            Self::Value(decoder) => decoder.append(value),
        }
    }

    pub fn finish(&mut self) -> Result<ArrayRef, JsonError> {
        match self {
            Self::Struct(decoder) => decoder.finish_struct(),
            Self::Value(decoder) => decoder.finish(),
        }
    }
}

/// The decoder of arrays and maps.
#[derive(Debug)]
pub(crate) struct ValueDecoder {
    column: Column,
    context: Context,
    options: JsonOptions,
    failure: Option<String>,
}

impl ValueDecoder {
    fn append(&mut self, value: Option<&[u8]>) {
        let row = self.column.len();
        let Some(bytes) = value else {
            self.column.push_null();
            return;
        };
        self.context.partial = false;
        let mut read = self.read(bytes);
        if read == Err(Fault::NotUtf8) {
            self.column.truncate(row);
            let mut repaired = Vec::new();
            append_repaired(bytes, &mut repaired);
            read = self.read(&repaired);
        }
        if read == Err(Fault::Malformed) {
            self.column.truncate(row);
            read = self.recover(bytes);
        }
        let bad = match read {
            Ok(Some(fits)) => !fits || self.context.partial,
            Ok(None) => false,
            Err(_) => true,
        };
        if !matches!(read, Ok(Some(true))) {
            self.column.truncate(row);
            self.column.push_null();
        }
        if bad && self.options.mode == ParseMode::FailFast && self.failure.is_none() {
            self.failure = Some(String::from_utf8_lossy(bytes).chars().take(200).collect());
        }
    }

    /// Reads a value that is not JSON as far as Spark does.
    #[cold]
    fn recover(&mut self, bytes: &[u8]) -> Scan<Option<bool>> {
        self.context.partial = false;
        let mut repaired = Vec::new();
        append_repaired(bytes, &mut repaired);
        let text = std::str::from_utf8(&repaired).unwrap_or_default();
        let read = recover::root(&mut self.column, text, self.options.leniency, &mut self.context);
        read.map(|()| Some(true)).map_err(|Broken| Fault::Malformed)
    }

    /// Reads the value, if there is anything but blanks.
    fn read(&mut self, bytes: &[u8]) -> Scan<Option<bool>> {
        let mut scanner = Scanner::new(bytes, self.options.leniency);
        let Some(first) = scanner.skip_blank()? else {
            return Ok(None);
        };
        if let Column::List(list) = &mut self.column {
            // One object stands for an array of one struct.
            if first == b'{'
                && let Column::Struct(element) = &mut list.child
            {
                scanner.token()?;
                read_object(element, &mut scanner, &mut self.context)?;
                element.complete_row(true);
                let len = element.len;
                list.commit(len);
                return Ok(Some(true));
            }
            return match scanner.token()? {
                Token::Array => read_array(list, &mut scanner, &mut self.context).map(Some),
                _ => Err(Fault::Malformed),
            };
        }
        match first {
            b'{' => read_value(&mut self.column, &mut scanner, &mut self.context).map(Some),
            _ => Err(Fault::Malformed),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, JsonError> {
        let column = self.column.finish();
        let (ambiguous, failure) = (self.context.ambiguous.take(), self.failure.take());
        match (ambiguous, failure) {
            (Some(text), _) if self.options.time_parser_policy == TimeParserPolicy::Exception => {
                Err(JsonError::AmbiguousTime { text })
            }
            (_, Some(record)) => Err(JsonError::Malformed { record }),
            _ => column,
        }
    }
}
