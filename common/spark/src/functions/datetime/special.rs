//! The words that stand for a time where a constant text is read as one: `epoch`, `now`, `today`, `tomorrow`, `yesterday`.

use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, cast, lit};

use super::{clock, date_add_call};
use crate::functions::Result;
use crate::types;
use crate::zone;

/// The time a constant text stands for when it is cast to a date or a timestamp; None when it is no such word. A zone may stand
/// behind every word but `now`, and has no effect.
pub fn special_time(text: &ScalarValue, to: &DataType) -> Option<Result<Expr>> {
    let (ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text))) = text
    else {
        return None;
    };
    if !matches!(to, DataType::Date32 | DataType::Timestamp(..)) {
        return None;
    }
    let text = text.trim();
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let (word, zone) = text.split_at(end);
    let zone = zone.trim_start_matches([' ', '\t']);
    let word = word.to_ascii_lowercase();
    if !zone.is_empty() && (word == "now" || zone::find(zone).is_none()) {
        return None;
    }
    let day = |shift: i32| {
        let today = called("current_date")?;
        let day = if shift == 0 {
            today
        } else {
            date_add_call(today, lit(shift))
        };
        Ok(if to == &DataType::Date32 {
            day
        } else {
            cast(day, to.clone())
        })
    };
    match word.as_str() {
        "epoch" => Some(epoch(to)),
        "now" if to == &DataType::Date32 => Some(called("current_date")),
        "now" if to == &types::timestamp_ntz() => Some(called("localtimestamp")),
        "now" => Some(called("current_timestamp")),
        "today" => Some(day(0)),
        "tomorrow" => Some(day(1)),
        "yesterday" => Some(day(-1)),
        _ => None,
    }
}

fn epoch(to: &DataType) -> Result<Expr> {
    Ok(Expr::Literal(ScalarValue::new_zero(to)?, None))
}

fn called(name: &str) -> Result<Expr> {
    match clock::functions().into_iter().find(|function| function.name() == name) {
        Some(function) => Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
            function.into(),
            Vec::new(),
        ))),
        None => plan_err!("there is no function {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_times() {
        let is = |text: &str| special_time(&ScalarValue::from(text), &DataType::Date32).is_some();
        assert!(is("epoch") && is(" Today ") && is("tomorrow UTC") && is("yesterday"));
        assert!(!is("now UTC") && !is("epoch Nowhere/City") && !is("later") && !is(""));
        assert!(special_time(&ScalarValue::from("epoch"), &DataType::Int32).is_none());
    }
}
