//! A line per batch, for people.

use chrono::{DateTime, Utc};
use millstream_driver_core::batch::BatchReport;

use super::json::lags;

/// Offsets all sources are behind.
pub fn lag(report: &BatchReport) -> i64 {
    report.sources.iter().flat_map(lags).map(|(_, lag)| lag).sum()
}

/// What a batch did, in one line.
pub fn of(name: &str, report: &BatchReport) -> String {
    let rows = report.totals.input_rows;
    let ms = report.timings.trigger_ms.max(1);
    let rate = u64::try_from(u128::from(rows) * 1000 / u128::try_from(ms).unwrap_or(1)).unwrap_or(u64::MAX);
    let mut line = format!(
        "{name} batch {}: {} rows, {}/s, {ms} ms",
        report.batch,
        grouped(rows),
        grouped(rate)
    );
    if let Some(watermark_ms) = report.watermark_ms.filter(|ms| *ms > 0) {
        let at = DateTime::<Utc>::from_timestamp_millis(watermark_ms).unwrap_or_default();
        line.push_str(&format!(", watermark {}", at.format("%Y-%m-%d %H:%M:%S")));
    }
    let lag = lag(report);
    if lag > 0 {
        line.push_str(&format!(", lag {}", grouped(lag.unsigned_abs())));
    }
    if report.totals.late_rows > 0 {
        line.push_str(&format!(", {} late rows dropped", grouped(report.totals.late_rows)));
    }
    if report.totals.malformed > 0 {
        line.push_str(&format!(", {} malformed records", grouped(report.totals.malformed)));
    }
    line
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
