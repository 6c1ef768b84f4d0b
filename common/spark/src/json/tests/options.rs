//! Options of reading, the column of corrupt records, and batches.

use arrow::array::ArrayRef;

use super::{check, decode_with, options, show};
use crate::ddl;
use crate::json::record::RecordDecoder;
use crate::json::{JsonError, JsonOptions};

#[test]
fn options_of_the_parser() {
    let with = |schema: &str, document: &str, pairs: &[(&str, &str)]| {
        decode_with(schema, document.as_bytes(), &options(pairs))
    };
    let shown = |schema: &str, document: &str, pairs: &[(&str, &str)]| with(schema, document, pairs).unwrap();
    assert_eq!(shown("a INT", "{a:1}", &[("allowUnquotedFieldNames", "true")]), "(1)");
    assert_eq!(shown("a INT", "{'a':1}", &[("allowSingleQuotes", "false")]), "(-)");
    assert_eq!(
        shown(
            "a STRING, b INT",
            r#"{"a":-007.50,"b":00}"#,
            &[("allowNumericLeadingZeros", "true")]
        ),
        "(\"-7.5\", 0)"
    );
    assert_eq!(
        shown(
            "a STRING",
            r#"{"a":"x\q"}"#,
            &[("allowBackslashEscapingAnyCharacter", "true")]
        ),
        "(\"xq\")"
    );
    assert_eq!(
        shown("a INT", "/*c*/{\"a\"://x\n1}", &[("allowComments", "true")]),
        "(1)"
    );
    assert_eq!(
        shown("a DOUBLE", r#"{"a":NaN}"#, &[("allowNonNumericNumbers", "false")]),
        "(-)"
    );
    assert_eq!(
        shown("a STRING", "{\"a\":\"t\tb\"}", &[("allowUnquotedControlChars", "true")]),
        "(\"t\\tb\")"
    );
    assert_eq!(
        shown("a DATE", r#"{"a":"26/08/2015"}"#, &[("dateFormat", "dd/MM/yyyy")]),
        "(2015-08-26)"
    );
    assert_eq!(
        shown(
            "a TIMESTAMP",
            r#"{"a":"26/08/2015 10:11"}"#,
            &[("timestampFormat", "dd/MM/yyyy HH:mm")]
        ),
        "(2015-08-26T10:11:00Z)"
    );
    assert_eq!(
        shown("a TIMESTAMP", r#"{"a":5}"#, &[("timestampFormat", "dd/MM/yyyy HH:mm")]),
        "(1970-01-01T00:00:05Z)"
    );
    assert!(matches!(
        with("a INT", "{\"a\":", &[("mode", "failfast")]),
        Err(JsonError::Malformed { .. })
    ));
    assert!(matches!(
        with("a INT", "{\"a\":\"x\"}", &[("mode", "FAILFAST")]),
        Err(JsonError::Malformed { .. })
    ));
    assert_eq!(shown("a INT", "", &[("mode", "FAILFAST")]), "-");
    assert_eq!(
        shown("a DATE", r#"{"a":"2021-02-30"}"#, &[("timeParserPolicy", "corrected")]),
        "(-)"
    );
    assert!(JsonOptions::from_pairs([("mode", "DROPMALFORMED")], crate::zone::Tz::UTC).is_err());
}

#[test]
fn the_corrupt_record_column() {
    check(
        "a INT, b INT, _corrupt_record STRING",
        &[
            (r#"{"a":"x","b":1}"#, r#"(-, 1, "{\"a\":\"x\",\"b\":1}")"#),
            (r#"{"a":1,"b":1"#, r#"(-, -, "{\"a\":1,\"b\":1")"#),
            (r#"{"a":1,"_corrupt_record":"hey"}"#, "(1, -, -)"),
            ("", "-"),
        ],
    );
    let named = decode_with(
        "a INT, c STRING",
        b"bad",
        &options(&[("columnNameOfCorruptRecord", "c")]),
    )
    .unwrap();
    assert_eq!(named, "(-, \"bad\")");
    let wrong = decode_with("a INT, _corrupt_record INT", b"bad", &JsonOptions::default());
    assert!(matches!(wrong, Err(JsonError::CorruptColumn { .. })));
}

#[test]
fn batches_keep_rows_in_order_and_count_the_bad_ones() {
    let fields = ddl::parse_schema("id INT, name STRING, at TIMESTAMP, tags ARRAY<STRING>").unwrap();
    let mut decoder = RecordDecoder::try_new(&fields, &[3, 1], &JsonOptions::default()).unwrap();
    for round in 0..3 {
        decoder.append(Some(br#"{"id":1,"name":"one","at":"2021-05-08","tags":["a","b"]}"#));
        decoder.append(None);
        decoder.append(Some(br#"{"id":1,"name":"two","tags":["lost"],"at":oops}"#));
        decoder.append(Some(br#"{"tags":[],"more":{"deep":[{"x":"\u0041"}]},"name":"three"}"#));
        decoder.append(Some(br#"{"tags":[1],"name":4.5,"id":"unread"}"#));
        assert_eq!(
            (decoder.len(), decoder.malformed(), decoder.partial()),
            (5, 1, 0),
            "round {round}"
        );
        let columns = decoder.finish().unwrap();
        let rows: Vec<_> = (0..5)
            .map(|r| format!("{} {}", show(&columns[0], r), show(&columns[1], r)))
            .collect();
        assert_eq!(
            rows,
            [
                "[\"a\", \"b\"] \"one\"",
                "- -",
                "- -",
                "[] \"three\"",
                "[\"1\"] \"4.5\""
            ]
        );
        assert!(decoder.is_empty());
    }
}

#[test]
fn no_columns_still_counts() {
    let mut decoder = RecordDecoder::try_new(&[], &[], &JsonOptions::default()).unwrap();
    decoder.append(Some(b"{\"a\":1}"));
    decoder.append(Some(b"{\"a\":1"));
    assert_eq!((decoder.len(), decoder.malformed()), (2, 1));
    let columns: Vec<ArrayRef> = decoder.finish().unwrap();
    assert!(columns.is_empty());
}
