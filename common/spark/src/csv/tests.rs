//! What Spark 3.5 makes of lines of separated values.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use super::read::decode;
use super::{CsvOptions, split};
use crate::ddl;
use crate::json::JsonError;
use crate::json::tests::show;

fn read_with(schema: &str, line: &str, pairs: &[(&str, &str)]) -> Result<String, JsonError> {
    let options = CsvOptions::from_pairs(pairs.iter().copied(), crate::zone::Tz::UTC)?;
    let column: ArrayRef = Arc::new(StringArray::from(vec![line]));
    Ok(show(
        &decode(&column, &ddl::parse_schema(schema).unwrap().into(), &options)?,
        0,
    ))
}

fn check(schema: &str, rows: &[(&str, &str)]) {
    for (line, expected) in rows {
        assert_eq!(&read_with(schema, line, &[]).unwrap(), expected, "{line}");
    }
}

#[test]
fn lines_into_columns() {
    check(
        "a INT, b STRING, c DOUBLE",
        &[
            ("1,x,2.5", "(1, \"x\", 2.5)"),
            ("1,x", "(1, \"x\", -)"),
            ("1,x,2.5,extra", "(1, \"x\", 2.5)"),
            ("", "(-, -, -)"),
            (" 1 , x , 2.5 ", "(-, \" x \", 2.5)"),
            ("1,\"x,y\",2", "(1, \"x,y\", 2.0)"),
            ("1,\"x\"\"y\",2", "(1, \"\\\"x\\\"\\\"y\\\"\", 2.0)"),
            ("1,\"x\\\"y\",2", "(1, \"x\\\"y\", 2.0)"),
            ("1,x\"y,2", "(1, \"x\\\"y\", 2.0)"),
            ("1,\"x\" y,2", "(1, \"\\\"x\\\" y\", 2.0)"),
            ("1.5,x,1e3", "(-, \"x\", 1000.0)"),
            ("1,,2", "(1, -, 2.0)"),
            ("1,\"\",2", "(1, -, 2.0)"),
            ("1,\"unclosed,2", "(1, \"unclosed,2\", -)"),
            ("1, \"q\" ,2", "(1, \" \\\"q\\\" \", 2.0)"),
            ("1,a\\,b,2", "(1, \"a\\\\\", -)"),
            ("1,x,NaN", "(1, \"x\", NaN)"),
            ("1,x,-Inf", "(1, \"x\", -inf)"),
            ("1,x,\"1,5\"", "(1, \"x\", -)"),
            ("1,x,1d", "(1, \"x\", 1.0)"),
            ("1,x,0x1", "(1, \"x\", -)"),
            ("+1,x,+2", "(1, \"x\", 2.0)"),
            ("2147483648,x,5.", "(-, \"x\", 5.0)"),
            ("1,\"a\\\\b\",2", "(1, \"a\\\\b\", 2.0)"),
            ("1,\"a\\nb\",2", "(1, \"a\\\\nb\", 2.0)"),
            (",,", "(-, -, -)"),
        ],
    );
    check(
        "d DATE, t TIMESTAMP",
        &[
            ("2021-1-1,2021-01-01T10:00:00Z", "(2021-01-01, 2021-01-01T10:00:00Z)"),
            ("01/02/2021,5", "(-, -)"),
            ("17,x", "(-, -)"),
        ],
    );
    check(
        "b BOOLEAN, d DECIMAL(5,2), e BOOLEAN",
        &[("true,1.239,TRUE", "(true, 1.24, true)"), ("yes,99999,1", "(-, -, -)")],
    );
    check(
        "a INT, b INT, _corrupt_record STRING",
        &[
            ("x,1", "(-, 1, \"x,1\")"),
            ("1,2,3", "(1, 2, \"1,2,3\")"),
            ("1", "(1, -, \"1\")"),
            ("1,2", "(1, 2, -)"),
        ],
    );
    assert!(matches!(
        read_with("d DATE", "2021-02-30", &[]),
        Err(JsonError::AmbiguousTime { .. })
    ));
    assert!(matches!(
        read_with("a INT", "x", &[("mode", "FAILFAST")]),
        Err(JsonError::MalformedLine { .. })
    ));
    assert!(matches!(
        read_with("a BINARY", "x", &[]),
        Err(JsonError::UnsupportedType { .. })
    ));
}

#[test]
fn options() {
    for (schema, line, pairs, expected) in [
        ("a INT, b STRING", "1;x", ("sep", ";"), "(1, \"x\")"),
        ("a INT, b STRING", "1||x", ("sep", "||"), "(1, \"x\")"),
        ("a STRING, b STRING", "NA,x", ("nullValue", "NA"), "(-, \"x\")"),
        ("a STRING, b STRING", ",x", ("emptyValue", "E"), "(-, \"x\")"),
        ("a STRING, b STRING", "\"\",x", ("emptyValue", "E"), "(\"E\", \"x\")"),
        ("a STRING, b STRING", "'a,b',x", ("quote", "'"), "(\"a,b\", \"x\")"),
        ("a STRING, b STRING", "#a,b", ("comment", "#"), "(-, -)"),
        (
            "a STRING, b STRING",
            "a,\"x\"\"y\"",
            ("escape", "\""),
            "(\"a\", \"x\\\"y\")",
        ),
        ("a DATE", "26/08/2015", ("dateFormat", "dd/MM/yyyy"), "(2015-08-26)"),
        (
            "a TIMESTAMP",
            "26/08/2015 10:11",
            ("timestampFormat", "dd/MM/yyyy HH:mm"),
            "(2015-08-26T10:11:00Z)",
        ),
    ] {
        assert_eq!(read_with(schema, line, &[pairs]).unwrap(), expected, "{line} {pairs:?}");
    }
    let trimmed = CsvOptions {
        ignore_leading_blanks: Some(true),
        ignore_trailing_blanks: Some(true),
        ..CsvOptions::default()
    };
    assert_eq!(
        split(" a , \"b\" ", &trimmed),
        [Some("a".to_owned()), Some("b".to_owned())]
    );
    assert!(CsvOptions::from_pairs([("quote", "ab")], crate::zone::Tz::UTC).is_err());
}
