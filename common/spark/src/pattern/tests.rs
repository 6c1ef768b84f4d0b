use super::{OldParser, Pattern};
use crate::zone::Tz;

const AT: i64 = 1_609_841_472_345_678; // 2021-01-05 10:11:12.345678 UTC
const SECOND: i64 = 1_609_841_472_000_000;
const MIDNIGHT: i64 = 1_609_804_800_000_000;

fn written(pattern: &str, at: i64, zone: Tz) -> String {
    let mut out = String::new();
    Pattern::for_writing(pattern)
        .unwrap()
        .write_instant(at, &zone, &mut out);
    out
}

fn read(pattern: &str, text: &str) -> Option<i64> {
    Pattern::for_reading(pattern).unwrap().instant(text, &Tz::UTC)
}

#[test]
fn instants_are_written_as_java_does() {
    for (pattern, text) in [
        ("yyyy-MM-dd HH:mm:ss", "2021-01-05 10:11:12"),
        ("yy/M/d h:m a", "21/1/5 10:11 AM"),
        ("EEE, d MMM yyyy", "Tue, 5 Jan 2021"),
        ("EEEE MMMM", "Tuesday January"),
        ("HH:mm:ss.SSS", "10:11:12.345"),
        ("SSSSSSSSS S", "345678000 3"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2021-01-05T10:11:12Z"),
        ("D DD Q QQ QQQ QQQQ F", "5 05 1 01 Q1 1st quarter 5"),
        ("''yyyy'' 'o''clock'", "'2021' o'clock"),
        ("z zzzz VV Z ZZZZ O", "UTC Coordinated Universal Time UTC +0000 GMT GMT"),
        ("yyyyy G GGGG", "02021 AD Anno Domini"),
        ("[yyyy][ MM", "2021 01"),
        ("K k", "10 10"),
    ] {
        assert_eq!(written(pattern, AT, Tz::UTC), text, "{pattern}");
    }
    assert_eq!(
        written("HH XXX x z zzzz O", AT, Tz::Region(chrono_tz::Tz::Europe__Berlin)),
        "11 +01:00 +01 CET Central European Standard Time GMT+1"
    );
    // Year 1, in local mean time.
    let old = -62_135_596_800_000_000;
    assert_eq!(
        written(
            "G yyyy X XXX XXXXX Z ZZZZ O z",
            old,
            Tz::Region(chrono_tz::Tz::America__Los_Angeles)
        ),
        "BC 0001 -0752 -07:52 -07:52:58 -0752 GMT-07:52:58 GMT-7:52:58 PST"
    );
}

#[test]
fn texts_are_read_to_their_end() {
    for (pattern, text, expected) in [
        ("yyyy-MM-dd HH:mm:ss", "2021-01-05 10:11:12", Some(SECOND)),
        ("yyyyMMddHHmmss", "20210105101112", Some(SECOND)),
        ("yyyyMMddHHmmssSSS", "20210105101112345", None),
        (
            "yyyy-MM-dd HH:mm:ssSSS",
            "2021-01-05 10:11:12345",
            Some(SECOND + 345_000),
        ),
        ("yMMdd", "20210105", Some(MIDNIGHT)),
        ("yyyyMd", "202115", None),
        ("dd/MM/yyyy", "05/01/2021", Some(MIDNIGHT)),
        ("d/M/yyyy", "5/1/2021", Some(MIDNIGHT)),
        ("dd/MM/yyyy", "5/1/2021", None),
        ("yyyy-MM-dd", "2021-02-30", None),
        ("yyyy-MM-dd", "2021-01-05 10:11", None),
        ("yyyy-MM-dd[ HH:mm:ss]", "2021-01-05", Some(MIDNIGHT)),
        ("[dd.MM.yyyy][yyyy-MM-dd]", "2021-01-05", Some(MIDNIGHT)),
        ("MMM d yyyy h:mm:ss a", "JAN 5 2021 10:11:12 am", Some(SECOND)),
        ("yyyy-MM-dd 'at' HH", "2021-01-05 AT 00", Some(MIDNIGHT)),
        ("yyyy-DDD", "2021-005", Some(MIDNIGHT)),
        ("yyyy-MM-dd D", "2021-01-05 6", None),
        ("yyyy-MM-dd HH a", "2021-01-05 13 AM", None),
        ("yyyy-MM-dd HH", "2021-01-05 24", None),
        ("yyyy-MM-dd kk", "2021-01-05 24", Some(MIDNIGHT)),
        ("yyyy", "12021", None),
        ("G yyyy-MM-dd", "AD 2021-01-05", Some(MIDNIGHT)),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2021-01-05T12:11:12+02:00", Some(SECOND)),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2021-01-05T12:11:12+0200", None),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2021-01-05T12:41:12+0230", Some(SECOND)),
        ("yyyy-MM-dd'T'HH:mm:ssZ", "2021-01-05T10:11:12Z", None),
        ("yyyy-MM-dd HH:mm:ss z", "2021-01-05 11:11:12 CET", Some(SECOND)),
        (
            "yyyy-MM-dd HH:mm:ss zzzz",
            "2021-01-05 02:11:12 Pacific Standard Time",
            Some(SECOND),
        ),
        (
            "yyyy-MM-dd HH:mm:ss VV",
            "2021-01-05 11:11:12 Europe/Paris",
            Some(SECOND),
        ),
        ("yyyy-MM-dd HH:mm:ss O", "2021-01-05 12:11:12 GMT+2", Some(SECOND)),
        ("MM-dd", "02-29", None),
        ("SSS", "5", Some(500_000)),
    ] {
        assert_eq!(read(pattern, text), expected, "{pattern}: {text}");
    }
    assert_eq!(Pattern::for_reading("yyyy").unwrap().date("2021"), Some(18628));
    assert_eq!(Pattern::for_reading("yyyy XXX").unwrap().local("2021 Z"), None);
}

#[test]
fn patterns_with_other_letters_are_refused() {
    for pattern in [
        "YYYY",
        "u",
        "b",
        "'open",
        "]",
        "{",
        "SSSSSSSSSS",
        "ddd",
        "MMMMM",
        "V",
        "aa",
        "zzzzz",
    ] {
        assert!(Pattern::for_writing(pattern).is_err(), "{pattern}");
    }
    for pattern in ["E", "Q", "F"] {
        assert!(Pattern::for_writing(pattern).is_ok(), "{pattern}");
        assert!(Pattern::for_reading(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn the_old_parsers_took_more() {
    let old = |pattern: &str, text: &str, parser| Pattern::for_reading(pattern).unwrap().read_by_old(text, parser);
    for (pattern, text, rolling, strict) in [
        ("yyyy-MM-dd", "2021-1-5", true, true),
        ("yyyy-MM-dd", "2021-01-05x", true, true),
        ("yyyy-MM-dd", "2021-02-30", true, false),
        ("yyyy-MM-dd", "2021/01/05", false, false),
        ("HH:mm", "24:00", true, false),
        ("MMM d yyyy", "June 8 2021", true, true),
        ("yyyyMd", "202115", true, true),
    ] {
        assert_eq!(old(pattern, text, OldParser::RollingOver), rolling, "{pattern}: {text}");
        assert_eq!(old(pattern, text, OldParser::Strict), strict, "{pattern}: {text}");
    }
}
