//! The names Spark gives to types.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

use crate::interval::Range;

/// Writes a type as Spark's `simpleString` does, such as `struct<a:int,b:array<string>>`.
pub fn spark_type(of: &DataType) -> String {
    let mut text = String::new();
    write_type(of, &mut text);
    text
}

fn write_type(of: &DataType, out: &mut String) {
    match of {
        DataType::Struct(fields) => {
            out.push_str("struct<");
            for (at, field) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(field.name());
                out.push(':');
                write_type(field.data_type(), out);
            }
            out.push('>');
        }
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => {
            out.push_str("array<");
            write_type(element.data_type(), out);
            out.push('>');
        }
        DataType::Map(..) => {
            out.push_str("map<");
            if let Some((key, value)) = crate::types::map_parts(of) {
                write_type(key, out);
                out.push(',');
                write_type(value, out);
            }
            out.push('>');
        }
        DataType::Dictionary(_, value) => write_type(value, out),
        DataType::RunEndEncoded(_, values) => write_type(values.data_type(), out),
        DataType::Decimal32(..) | DataType::Decimal64(..) if Range::of(of).is_some() => {
            out.push_str(&Range::of(of).map(Range::name).unwrap_or_default());
        }
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            out.push_str("decimal(");
            out.push_str(&precision.to_string());
            out.push(',');
            out.push_str(&scale.to_string());
            out.push(')');
        }
        simple => out.push_str(simple_name(simple)),
    }
}

/// Unsigned types have no Spark name: they read as the signed type that holds their values.
fn simple_name(of: &DataType) -> &'static str {
    match of {
        DataType::Null => "void",
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "int",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "binary",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(_, Some(_)) => "timestamp",
        DataType::Timestamp(_, None) => "timestamp_ntz",
        DataType::Interval(IntervalUnit::YearMonth) => "interval year to month",
        DataType::Interval(IntervalUnit::DayTime | IntervalUnit::MonthDayNano) => "interval",
        DataType::Duration(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond) => {
            "interval day to second"
        }
        DataType::Time32(_) | DataType::Time64(_) => "time",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types;
    use arrow::datatypes::{Field, Fields};

    #[test]
    fn names_are_sparks() {
        let row = DataType::Struct(Fields::from(vec![
            Field::new("A", DataType::Int32, true),
            Field::new(
                "b",
                types::map(DataType::Utf8, types::list(DataType::Decimal128(10, 2))),
                true,
            ),
        ]));
        assert_eq!(spark_type(&row), "struct<A:int,b:map<string,array<decimal(10,2)>>>");
        assert_eq!(spark_type(&types::timestamp()), "timestamp");
        assert_eq!(spark_type(&types::timestamp_ntz()), "timestamp_ntz");
        assert_eq!(spark_type(&DataType::Int8), "tinyint");
    }
}
