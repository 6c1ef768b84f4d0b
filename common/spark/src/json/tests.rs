//! What Spark 3.5 makes of JSON, row by row, and the fast decoder against a slow one.

mod functions;
mod model;
mod options;
mod property;

use arrow::array::{Array, AsArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::root::RootDecoder;
use super::{JsonError, JsonOptions};
use crate::ddl;

/// Shows a value: text in quotes, null as `-`, structs as `(..)`, maps as `{k: v}`.
pub(crate) fn show(array: &dyn Array, row: usize) -> String {
    use arrow::datatypes::DataType;
    if array.is_null(row) {
        return "-".to_owned();
    }
    match array.data_type() {
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            let inner: Vec<_> = columns.iter().map(|c| show(c, row)).collect();
            format!("({})", inner.join(", "))
        }
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            let inner: Vec<_> = (0..values.len()).map(|i| show(&values, i)).collect();
            format!("[{}]", inner.join(", "))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let pair = |i| format!("{}: {}", show(entries.column(0), i), show(entries.column(1), i));
            let inner: Vec<_> = (0..entries.len()).map(pair).collect();
            format!("{{{}}}", inner.join(", "))
        }
        DataType::Utf8 => format!("{:?}", array.as_string::<i32>().value(row)),
        DataType::Binary => format!("x{:02X?}", array.as_binary::<i32>().value(row)),
        _ => ArrayFormatter::try_new(array, &FormatOptions::default())
            .unwrap()
            .value(row)
            .to_string(),
    }
}

fn decode_with(schema: &str, document: &[u8], options: &JsonOptions) -> Result<String, JsonError> {
    let mut decoder = RootDecoder::try_new(&ddl::parse_schema_or_type(schema).unwrap(), options)?;
    decoder.append(Some(document));
    Ok(show(&decoder.finish()?, 0))
}

fn decode(schema: &str, document: &str) -> String {
    decode_with(schema, document.as_bytes(), &JsonOptions::default()).unwrap()
}

fn options(pairs: &[(&str, &str)]) -> JsonOptions {
    JsonOptions::from_pairs(pairs.iter().copied(), crate::zone::Tz::UTC).unwrap()
}

fn check(schema: &str, rows: &[(&str, &str)]) {
    for (document, expected) in rows {
        assert_eq!(&decode(schema, document), expected, "{document} as {schema}");
    }
}

/// One JSON value into each integer type, and a field behind it that tells whether the record survived.
#[test]
fn integers() {
    let all = |value: &str| {
        let document = format!(r#"{{"t":{value},"s":{value},"i":{value},"l":{value},"tail":"ok"}}"#);
        decode("t TINYINT, s SMALLINT, i INT, l BIGINT, tail STRING", &document)
    };
    for (value, expected) in [
        ("5", "5, 5, 5, 5"),
        ("-0", "0, 0, 0, 0"),
        ("127", "127, 127, 127, 127"),
        ("128", "-128, 128, 128, 128"),
        ("-128", "-128, -128, -128, -128"),
        ("-129", "-, -129, -129, -129"),
        ("32767", "-, 32767, 32767, 32767"),
        ("32768", "-, -, 32768, 32768"),
        ("2147483648", "-, -, -, 2147483648"),
        ("-2147483648", "-, -, -2147483648, -2147483648"),
        ("9223372036854775807", "-, -, -, 9223372036854775807"),
        ("9223372036854775808", "-, -, -, -"),
        ("-9223372036854775808", "-, -, -, -9223372036854775808"),
        ("12345678901234567890123", "-, -, -, -"),
    ] {
        assert_eq!(all(value), format!("({expected}, \"ok\")"), "{value}");
    }
    for value in [
        "5.0",
        "5.5",
        "\"5\"",
        "1e2",
        "1E0",
        "true",
        "null",
        "\"\"",
        "\" 12 \"",
        "1e19",
        "[5]",
        "{\"x\":5}",
        "NaN",
    ] {
        assert_eq!(all(value), "(-, -, -, -, \"ok\")", "{value}");
    }
    for value in [
        "007", "+1", "0x10", "5.", "1_000", "-", "- 5", "-00", ".5", "1e", "1e+", "1.5.5",
    ] {
        assert_eq!(all(value), "(-, -, -, -, -)", "{value}");
    }
}

#[test]
fn anything_into_text() {
    for (value, expected) in [
        (r#""plain""#, "plain"),
        ("1.50", "1.5"),
        ("1e5", "100000.0"),
        ("1E+5", "100000.0"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"),
        (r#"{ "x" : 1 , "y" : [ 1, 2 ] }"#, r#"{"x":1,"y":[1,2]}"#),
        (r#"[ 1 , "a" , null , { } ]"#, r#"[1,"a",null,{}]"#),
        (r#""{\"x\": 1}""#, r#"{"x": 1}"#),
        (r#""\u00e9\ud83d\ude00\ud800""#, "é😀?"),
        (r#"{"k":"\u00e9\/\n"}"#, r#"{"k":"é/\n"}"#),
        ("1e400", "\"Infinity\""),
        ("NaN", "\"NaN\""),
        ("100000000000000000000.5", "1.0E20"),
        (
            r#"{"a":1.0,"b":1e2,"c":0.10,"d":-Infinity}"#,
            r#"{"a":1.0,"b":100.0,"c":0.1,"d":"-Infinity"}"#,
        ),
        ("1e-3", "0.001"),
        ("0.00099", "9.9E-4"),
        ("1e7", "1.0E7"),
        (r#""""#, ""),
        (r#""x\'y""#, "x'y"),
    ] {
        assert_eq!(
            decode("s STRING, t STRING", &format!(r#"{{"s":{value},"t":"end"}}"#)),
            format!("({expected:?}, \"end\")")
        );
    }
}

#[test]
fn malformed_records_lose_all_columns() {
    for document in [
        r#"{"a":1,"b":"x""#,
        r#"{"a":1,"b":"x"#,
        r#"{"a":1,"b":"#,
        r#"{"a":1,"b""#,
        r#"{"a":1,"#,
        "{",
        "}",
        "[",
        "]",
        "\"",
        "a",
        r#"{"a":1 "b":"x"}"#,
        r#"{"a":1,,"b":"x"}"#,
        r#"{"a" 1,"b":"x"}"#,
        r#"{a:1,"b":"x"}"#,
        r#"{"a":1,"b":"x",}"#,
        r#"{"a":01,"b":"x"}"#,
        r#"{"a":1,"b":x}"#,
        r#"{"a":1,"b":"x"] "#,
        r#"{"a":nul,"b":"x"}"#,
        r#"{"b":"x","a":tru}"#,
        "not json",
        r#"{"a":1;"b":"x"}"#,
        r#"{"a":1,"b":"x\q"}"#,
        r#"{"b":"early","a":}"#,
        "//c\n{\"a\":1}",
        "/*c*/{\"a\":1}",
        r#"{"a":1,/*c*/"b":"x"}"#,
        r#"{"b":"ok","u":{"n":[1,2},"a":3}"#,
        r#"{"b":"ok","u":{"n":[1,2]},"a":3"#,
        "null",
        "  5",
        "[]",
        r#"[{"a":1}]"#,
        "\u{feff}{\"a\":1}",
        "\u{a0}{\"a\":7}",
        "\0{\"a\":6}",
        "{\"b\":\"tab\there\",\"a\":1}",
        r#"{"b":"\u12G4","a":1}"#,
        "{\"a\":1\u{b}}",
        r#"{"a":nullx}"#,
        r#"{"u":nullx,"a":1}"#,
        r#"{"a":1,"u":[1,]}"#,
        r#"{"a":1,"u":[,1]}"#,
        r#"{"a":1,"u":[1 2]}"#,
        r#"{"a":1,"u":{"b":1}x}"#,
        r#"{"a":INF}"#,
        r#"{"a":Nan}"#,
    ] {
        assert_eq!(decode("a INT, b STRING", document), "(-, -)", "{document}");
    }
}

#[test]
fn well_formed_records_survive_their_oddities() {
    check(
        "a INT, b STRING",
        &[
            ("{'a':1,'b':'x\"y'}", r#"(1, "x\"y")"#),
            (r#"{"a":1,"b":"x"}}"#, r#"(1, "x")"#),
            (r#"{"a":1,"b":"x"} garbage"#, r#"(1, "x")"#),
            ("{\"a\":5}\0", "(5, -)"),
            ("\r\n{\"a\" : 9}\r\n", "(9, -)"),
            (r#"{"a":1,"a":2}"#, "(2, -)"),
            (r#"{"a":3,"a":"x"}"#, "(3, -)"),
            (r#"{"a":3,"a":null}"#, "(-, -)"),
            (r#"{"a":"x","a":3}"#, "(3, -)"),
            (r#"{"b":1,"b":"x","a":3}"#, r#"(3, "x")"#),
            (r#"{"\u0061":1,"A":2}"#, "(1, -)"),
            (r#"{"":1,"b":2}"#, r#"(-, "2")"#),
            ("{}", "(-, -)"),
            ("", "-"),
            (" \n\t ", "-"),
        ],
    );
    let bytes = |document: &[u8]| decode_with("a INT, b STRING", document, &JsonOptions::default()).unwrap();
    assert_eq!(bytes(b"{\"a\":2,\"b\":\"\xFF\xFE\"}"), "(2, \"\u{fffd}\u{fffd}\")");
    assert_eq!(bytes(b"{\"a\":11,\"b\":\"\xED\xA0\x80\"}"), "(11, \"\u{fffd}\")");
    assert_eq!(bytes(b"\xFF{\"a\":4}"), "(-, -)");
    assert_eq!(bytes(b"{\"a\":4,\"u\xFF\":1}"), "(4, -)");
}

#[test]
fn limits_of_the_parser() {
    let nested = |depth: usize| format!(r#"{{"u":{}{},"b":1}}"#, "[".repeat(depth), "]".repeat(depth));
    check("b INT", &[(&nested(999), "(1)"), (&nested(1000), "(-)")]);
    let digits = format!(r#"{{"b":1,"u":{}}}"#, "1".repeat(1200));
    check("b INT", &[(&digits, "(-)")]);
}

#[test]
fn floats_and_decimals() {
    for (value, expected) in [
        ("NaN", "NaN"),
        ("-INF", "-inf"),
        ("+INF", "inf"),
        ("+Infinity", "inf"),
        ("\"NaN\"", "NaN"),
        ("\"+INF\"", "inf"),
        ("\"INF\"", "-"),
        ("\"Infinity\"", "inf"),
        ("\"nan\"", "-"),
        ("\"1.5\"", "-"),
        ("\"\"", "-"),
        ("1e400", "inf"),
        ("true", "-"),
        ("[1]", "-"),
        ("-0.0", "-0.0"),
        ("-0", "0.0"),
        ("5", "5.0"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("123456789012345678901234.5", "1.2345678901234569e23"),
    ] {
        check(
            "f DOUBLE, g INT",
            &[(&format!(r#"{{"f":{value},"g":1}}"#), &format!("({expected}, 1)"))],
        );
    }
    check(
        "f FLOAT",
        &[
            ("{\"f\":16777217}", "(16777216.0)"),
            ("{\"f\":1e39}", "(inf)"),
            ("{\"f\":5.99}", "(5.99)"),
        ],
    );
    for (value, expected) in [
        ("\"1,234.5\"", "1234.50"),
        ("\" 1\"", "-"),
        ("\"+1\"", "1.00"),
        ("\".5\"", "0.50"),
        ("\"5.\"", "5.00"),
        ("1e2", "100.00"),
        ("\"\"", "-"),
        ("\"abc\"", "-"),
        ("1.235", "1.24"),
        ("-1.235", "-1.24"),
        ("99999.995", "-"),
        ("1e400", "-"),
        ("NaN", "-"),
        ("true", "-"),
        ("1e-3", "0.00"),
        ("12345678.901", "-"),
    ] {
        check(
            "f DECIMAL(7,2), g INT",
            &[(&format!(r#"{{"f":{value},"g":1}}"#), &format!("({expected}, 1)"))],
        );
    }
}

#[test]
fn timestamps() {
    for (text, expected) in [
        ("\"2021-05-08\"", "2021-05-08T00:00:00Z"),
        ("\"2021-05-08 12:34:56\"", "2021-05-08T12:34:56Z"),
        ("\"2021-05-08T12:34:56.7Z\"", "2021-05-08T12:34:56.700Z"),
        ("\"2021-05-08T12:34:56.123456789Z\"", "2021-05-08T12:34:56.123456Z"),
        ("\"2021-05-08 12:34:56.1+02:00\"", "2021-05-08T10:34:56.100Z"),
        ("\"2021-05-08T12:34:56+0200\"", "2021-05-08T10:34:56Z"),
        ("\"2021-05-08T12:34:56+02\"", "2021-05-08T10:34:56Z"),
        ("\"2021-05-08T12:34:56-05:30\"", "2021-05-08T18:04:56Z"),
        ("\"2021-05-08T12:34:56 Europe/Paris\"", "2021-05-08T10:34:56Z"),
        ("\"2021-05-08T12:34:56GMT+1\"", "2021-05-08T11:34:56Z"),
        ("\"2021-05-08T12:34\"", "2021-05-08T12:34:00Z"),
        ("\"2021-05-08T12\"", "2021-05-08T12:00:00Z"),
        ("\"2021-5-8 1:2:3\"", "2021-05-08T01:02:03Z"),
        ("\"2021-05\"", "2021-05-01T00:00:00Z"),
        ("\"2021\"", "2021-01-01T00:00:00Z"),
        ("\"05/08/2021\"", "-"),
        ("\"2021-02-30\"", "-"),
        ("\"2021-05-08T25:00:00\"", "-"),
        ("\"\"", "-"),
        ("\" 2021-05-08 12:34:56 \"", "2021-05-08T12:34:56Z"),
        ("\"2021-05-08T12:34:56z\"", "-"),
        ("\"2021-05-08T12:34:56+19:00\"", "-"),
        ("\"2021-05-08t12:34:56\"", "-"),
        ("\"1620477296\"", "-"),
        ("\"now\"", "-"),
        ("\"2021-05-08T12:34:56,5\"", "-"),
        ("\"2021-05-08T12:34+01:00\"", "-"),
        ("\"2021-12-25T00:00:00 EST\"", "2021-12-25T05:00:00Z"),
        ("\"2021-05-08T12:34:56 PST\"", "2021-05-08T19:34:56Z"),
        ("1620477296", "2021-05-08T12:34:56Z"),
        ("1620477296.5", "-"),
        ("-1", "1969-12-31T23:59:59Z"),
        ("9223372036854775807", "1969-12-31T23:59:59Z"),
        ("true", "-"),
        ("[1]", "-"),
    ] {
        check(
            "t TIMESTAMP, z INT",
            &[(&format!(r#"{{"t":{text},"z":1}}"#), &format!("({expected}, 1)"))],
        );
    }
    let kolkata = JsonOptions {
        time_zone: crate::zone::Tz::Region(chrono_tz::Tz::Asia__Kolkata),
        ..JsonOptions::default()
    };
    let local = decode_with("t TIMESTAMP", br#"{"t":"2021-05-08T12:34:56"}"#, &kolkata).unwrap();
    assert_eq!(local, "(2021-05-08T07:04:56Z)");
    check(
        "t TIMESTAMP_NTZ",
        &[
            (r#"{"t":"2021-05-08T12:34:56.5"}"#, "(2021-05-08T12:34:56.500)"),
            (r#"{"t":"2021-05-08T12:34:56Z"}"#, "(-)"),
            (r#"{"t":5}"#, "(-)"),
        ],
    );
    check(
        "d DATE",
        &[
            (r#"{"d":"2021-05-08"}"#, "(2021-05-08)"),
            (r#"{"d":"2021-5-8"}"#, "(2021-05-08)"),
            (r#"{"d":"2021-05-08T12:00:00"}"#, "(2021-05-08)"),
            (r#"{"d":5}"#, "(-)"),
            (r#"{"d":"now"}"#, "(-)"),
            (r#"{"d":"05/08/2021"}"#, "(-)"),
            (r#"{"d":""}"#, "(-)"),
        ],
    );
    for document in [r#"{"t":"2021-05-08 12:34:56 PM"}"#, r#"{"t":"2021-02-30 00:00:00"}"#] {
        let result = decode_with("t TIMESTAMP", document.as_bytes(), &JsonOptions::default());
        assert!(matches!(result, Err(JsonError::AmbiguousTime { .. })), "{document}");
    }
}

#[test]
fn other_scalars() {
    check(
        "x BINARY",
        &[
            (r#"{"x":"AQID"}"#, "(x[01, 02, 03])"),
            (r#"{"x":""}"#, "(x[])"),
            (r#"{"x":"not base64!"}"#, "(-)"),
            (r#"{"x":"aGVsbG8"}"#, "(-)"),
            (r#"{"x":5}"#, "(-)"),
            (r#"{"x":"AQ-_"}"#, "(-)"),
            (r#"{"x":"a GVs"}"#, "(-)"),
        ],
    );
    check(
        "x BOOLEAN",
        &[
            (r#"{"x":true}"#, "(true)"),
            (r#"{"x":"true"}"#, "(-)"),
            (r#"{"x":1}"#, "(-)"),
        ],
    );
}

#[test]
fn nested_types() {
    check(
        "m MAP<STRING,INT>, a INT, b INT",
        &[
            (r#"{"m":{"x":"bad","a":5,"y":1},"b":2,"a":9}"#, "(-, 9, 2)"),
            (r#"{"m":{"x":1,"x":2},"b":2}"#, r#"({"x": 1, "x": 2}, -, 2)"#),
            (r#"{"m":{"x":null},"b":2}"#, r#"({"x": -}, -, 2)"#),
        ],
    );
    check(
        "r ARRAY<INT>, b INT",
        &[
            (r#"{"r":[1,null,3],"b":2}"#, "([1, -, 3], 2)"),
            (r#"{"r":[1,"bad",{"b":5},[7]],"b":2}"#, "(-, 2)"),
            (r#"{"r":5,"b":2}"#, "(-, 2)"),
            (r#"{"r":[1,2],"b":2,"r":[3]}"#, "([3], 2)"),
            (r#"{"r":[1,2],"b":2,"r":["x"]}"#, "([1, 2], 2)"),
            (r#"{"r":[1,2],"b":2"#, "(-, -)"),
        ],
    );
    check(
        "r ARRAY<STRUCT<a:INT,c:INT>>, b INT",
        &[
            (
                r#"{"r":[{"a":1},{"a":"bad","c":3},{"a":3}],"b":2}"#,
                "([(1, -), (-, 3), (3, -)], 2)",
            ),
            (r#"{"r":[{"a":1},5],"b":2}"#, "(-, 2)"),
            (r#"{"r":{"a":1},"b":2}"#, "(-, 2)"),
        ],
    );
    check(
        "m MAP<STRING,STRUCT<a:INT>>, b INT",
        &[(
            r#"{"m":{"x":{"a":1},"y":{"a":"bad"}},"b":2}"#,
            r#"({"x": (1), "y": (-)}, 2)"#,
        )],
    );
    check(
        "n STRUCT<r:ARRAY<INT>,c:INT>, b INT",
        &[
            (r#"{"n":{"r":[1,"bad"],"c":3},"b":2}"#, "((-, 3), 2)"),
            (r#"{"n":5,"b":2}"#, "(-, 2)"),
            (r#"{"n":[{"c":1}],"b":2}"#, "(-, 2)"),
        ],
    );
}

#[test]
fn other_roots() {
    check(
        "MAP<STRING,INT>",
        &[
            (r#"{"a":1}"#, r#"{"a": 1}"#),
            (r#"{"a":"x","b":1}"#, "-"),
            ("bad", "-"),
            ("", "-"),
        ],
    );
    check(
        "ARRAY<INT>",
        &[
            ("[1,2]", "[1, 2]"),
            ("[1,\"x\"]", "-"),
            ("5", "-"),
            ("[] x", "[]"),
            ("[1,2", "-"),
            (r#"{"a":1}"#, "-"),
            ("null", "-"),
        ],
    );
    check(
        "ARRAY<STRUCT<a:INT>>",
        &[(r#"{"a":1}"#, "[(1)]"), (r#"[{"a":1},{"a":"x"}]"#, "[(1), (-)]")],
    );
}
