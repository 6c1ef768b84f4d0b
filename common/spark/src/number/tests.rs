use super::*;

fn double(value: f64) -> String {
    let mut text = String::new();
    write_f64(value, &mut text);
    text
}

fn decimal(value: i128, scale: i8, layout: DecimalLayout) -> String {
    let mut text = String::new();
    write_decimal(value, scale, layout, &mut text);
    text
}

#[test]
fn doubles_are_javas() {
    for (value, text) in [
        (1.0, "1.0"),
        (1e7, "1.0E7"),
        (9_999_999.0, "9999999.0"),
        (1e-3, "0.001"),
        (1e-4, "1.0E-4"),
        (12_345_678.9, "1.23456789E7"),
        (1e20, "1.0E20"),
        (-1.5e-7, "-1.5E-7"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (4.9e-324, "4.9E-324"),
        (2e23, "1.9999999999999998E23"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
        (-0.0, "-0.0"),
        (123456.789, "123456.789"),
        (100000.0, "100000.0"),
    ] {
        assert_eq!(double(value), text);
    }
    let mut text = String::new();
    write_f32(5.99, &mut text);
    write_f32(1.2345678e7, &mut text);
    assert_eq!(text, "5.991.2345678E7");
}

#[test]
fn decimals_keep_their_scale() {
    assert_eq!(decimal(100, 2, DecimalLayout::Plain), "1.00");
    assert_eq!(decimal(-5, 2, DecimalLayout::Plain), "-0.05");
    assert_eq!(decimal(0, 10, DecimalLayout::Plain), "0.0000000000");
    assert_eq!(decimal(0, 10, DecimalLayout::Scientific), "0E-10");
    assert_eq!(decimal(12, 9, DecimalLayout::Scientific), "1.2E-8");
    assert_eq!(decimal(7, 0, DecimalLayout::Scientific), "7");
}

#[test]
fn decimal_text_rounds_half_up() {
    assert_eq!(parse_decimal(b"1.239", 4, 2), Some(124));
    assert_eq!(parse_decimal(b"-1.235", 4, 2), Some(-124));
    assert_eq!(parse_decimal(b"123.45", 4, 2), None);
    assert_eq!(parse_decimal(b"99.995", 4, 2), None);
    assert_eq!(parse_decimal(b"1e3", 10, 0), Some(1000));
    assert_eq!(parse_decimal(b"1.5e-1", 10, 2), Some(15));
    assert_eq!(parse_decimal(b".5", 10, 0), Some(1));
    assert_eq!(parse_decimal(b"5.", 10, 1), Some(50));
    assert_eq!(parse_decimal(b"0e99999", 10, 1), Some(0));
    assert_eq!(parse_decimal(b"1e-99999", 10, 1), Some(0));
    assert_eq!(parse_decimal(b"5e-3", 10, 2), Some(1));
    assert_eq!(parse_decimal(b"", 10, 1), None);
    assert_eq!(parse_decimal(b"-", 10, 1), None);
    assert_eq!(parse_decimal(b"1x", 10, 1), None);
}

#[test]
fn scales_move_half_up() {
    assert_eq!(rescale(1235, 3, 10, 2), Some(124));
    assert_eq!(rescale(-1235, 3, 10, 2), Some(-124));
    assert_eq!(rescale(99, 0, 3, 2), None);
    assert_eq!(div_half_up(i128::MAX, 10), 17014118346046923173168730371588410573);
    assert_eq!(decimal_to_f64(123, 2), 1.23);
}
