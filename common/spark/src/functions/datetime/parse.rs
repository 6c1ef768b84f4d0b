//! Between text and times, with Java's patterns.

use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StringArray, StringBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::logical_expr::ScalarUDF;

use crate::batch_clock;
use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::json::{JsonError, TimeParserPolicy};
use crate::pattern::{OldParser, Pattern, PatternError};
use crate::types;
use crate::zone::SECOND_US;

/// Pattern of functions that are given none.
const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";
/// Place of the argument that names the policy for texts only the old parsers read.
const POLICY_AT: usize = 2;

pub fn functions() -> Vec<ScalarUDF> {
    let utf8 = |_: &[DataType]| Ok(DataType::Utf8);
    let long = |_: &[DataType]| Ok(DataType::Int64);
    vec![
        Function::new("date_format", &[Kind::Timestamp, Kind::Text], utf8, |call| {
            let times = call.column(0)?;
            format(call, times.as_primitive::<TimestampMicrosecondType>(), 1)
        })
        .udf(),
        Function::new("from_unixtime", &[Kind::Long, Kind::Text], utf8, |call| {
            let seconds = call.column(0)?;
            let times = seconds
                .as_primitive::<Int64Type>()
                .unary(|value| value.saturating_mul(SECOND_US));
            format(call, &times, 1)
        })
        .required(1)
        .udf(),
        Function::new(
            "to_timestamp",
            &[Kind::Any, Kind::Text, Kind::Text],
            |_| Ok(types::timestamp()),
            |call| read_times(call, types::timestamp()),
        )
        .aliases(&["try_to_timestamp", "to_timestamp_ltz"])
        .required(1)
        .udf(),
        Function::new(
            "to_timestamp_ntz",
            &[Kind::Any, Kind::Text, Kind::Text],
            |_| Ok(types::timestamp_ntz()),
            |call| read_times(call, types::timestamp_ntz()),
        )
        .required(1)
        .udf(),
        Function::new(
            "to_date",
            &[Kind::Any, Kind::Text, Kind::Text],
            |_| Ok(DataType::Date32),
            |call| {
                if call.args.len() == 1 {
                    let values = readable(&call.column(0)?, call)?;
                    return Ok(cast_array(&values, &DataType::Date32, &call.zone)?);
                }
                Ok(cast_array(
                    &read_times(call, types::timestamp())?,
                    &DataType::Date32,
                    &call.zone,
                )?)
            },
        )
        .required(1)
        .udf(),
        Function::new(
            "to_unix_timestamp",
            &[Kind::Any, Kind::Text, Kind::Text],
            long,
            unix_timestamp,
        )
        .required(1)
        .udf(),
        // Without arguments it is the clock, so it must not be folded.
        Function::new("unix_timestamp", &[Kind::Any, Kind::Text, Kind::Text], long, |call| {
            if call.args.is_empty() {
                return column(Int64Array::from(vec![
                    batch_clock::now_us().div_euclid(SECOND_US);
                    call.rows
                ]));
            }
            unix_timestamp(call)
        })
        .required(0)
        .volatile()
        .udf(),
    ]
}

type Compile = fn(&str) -> std::result::Result<Pattern, PatternError>;

/// The pattern of each row; one that is the same for all rows is read once.
struct Patterns {
    compile: Compile,
    constant: Option<Rc<Pattern>>,
    texts: Option<StringArray>,
}

impl Patterns {
    fn of(call: &Call<'_>, at: usize, compile: Compile) -> Result<Self> {
        if call.args.len() <= at {
            return Ok(Self {
                compile,
                constant: Some(Rc::new(compile(DEFAULT_PATTERN)?)),
                texts: None,
            });
        }
        let constant = match call.constant_text(at) {
            Some(Some(pattern)) => Some(Rc::new(compile(pattern)?)),
            _ => None,
        };
        Ok(Self {
            compile,
            constant,
            texts: Some(call.text(at)?),
        })
    }

    fn get(&self, row: usize) -> Result<Option<Rc<Pattern>>> {
        match (&self.constant, &self.texts) {
            (Some(pattern), _) => Ok(Some(Rc::clone(pattern))),
            (None, Some(texts)) if texts.is_valid(row) => Ok(Some(Rc::new((self.compile)(texts.value(row))?))),
            _ => Ok(None),
        }
    }
}

fn format(call: &Call<'_>, times: &TimestampMicrosecondArray, pattern_at: usize) -> Result<ArrayRef> {
    let patterns = Patterns::of(call, pattern_at, Pattern::for_writing)?;
    let mut builder = StringBuilder::with_capacity(times.len(), times.len() * 20);
    let mut buffer = String::new();
    for (row, us) in times.iter().enumerate() {
        match (us, patterns.get(row)?) {
            (Some(us), Some(pattern)) => {
                buffer.clear();
                pattern.write_instant(us, &call.zone, &mut buffer);
                builder.append_value(&buffer);
            }
            _ => builder.append_null(),
        }
    }
    column(builder.finish())
}

/// What is no time is read as text.
fn readable(values: &ArrayRef, call: &Call<'_>) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..) | DataType::Null => Ok(Arc::clone(values)),
        _ => Ok(cast_array(values, &DataType::Utf8, &call.zone)?),
    }
}

/// Reads text by the pattern; other types, and text without a pattern, are cast.
fn read_times(call: &Call<'_>, to: DataType) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let of = values.data_type();
    let castable = match types::is_number(of) {
        true => Arc::clone(&values),
        false => readable(&values, call)?,
    };
    match (call.args.len(), of) {
        // Numbers are no local times, and what their text says is none either.
        (1, _) if to == types::timestamp_ntz() && of.is_numeric() => Ok(new_null_array(&to, values.len())),
        (1, _) => Ok(cast_array(&castable, &to, &call.zone)?),
        _ if types::is_text(of) => parse(call, to),
        // With a pattern, which says nothing to a time, it is the same count of microseconds.
        _ => {
            let instants = match of {
                DataType::Timestamp(..) => values,
                _ => cast_array(&castable, &types::timestamp(), &call.zone)?,
            };
            let counts = instants.as_primitive::<TimestampMicrosecondType>().clone();
            column(counts.with_data_type(to))
        }
    }
}

/// Reads text by the pattern; a local time is what stands in the text, in no zone.
fn parse(call: &Call<'_>, to: DataType) -> Result<ArrayRef> {
    let local = to == types::timestamp_ntz();
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1, Pattern::for_reading)?;
    // The planner passes the session's policy behind the pattern.
    let policy = call
        .constant_text(POLICY_AT)
        .flatten()
        .and_then(TimeParserPolicy::parse);
    let corrected = policy == Some(TimeParserPolicy::Corrected);
    let read = |pattern: &Pattern, text: &str| match local {
        true => pattern.local(text),
        false => pattern.instant(text, &call.zone),
    };
    let mut parsed = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        parsed.push(match (text, patterns.get(row)?) {
            (Some(text), Some(pattern)) => match read(&pattern, text) {
                None if !corrected && pattern.read_by_old(text, OldParser::Strict) => {
                    return Err(JsonError::AmbiguousTime { text: text.to_owned() }.into());
                }
                read => read,
            },
            _ => None,
        });
    }
    column(TimestampMicrosecondArray::from(parsed).with_data_type(to))
}

fn unix_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let times = match values.data_type() {
        DataType::Utf8 => parse(call, types::timestamp())?,
        // A local time counts as it is, in no zone.
        DataType::Timestamp(_, None) => values,
        _ => cast_array(&values, &types::timestamp(), &call.zone)?,
    };
    column(
        times
            .as_primitive::<TimestampMicrosecondType>()
            .unary::<_, Int64Type>(|us| us / SECOND_US),
    )
}
