//! Functions of doubles. Logarithms of what has none are NULL; other undefined values are NaN.

use arrow::array::{ArrayRef, AsArray, Float64Array, StringArray};
use arrow::compute::kernels::arity::binary;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::interval::{self, Range};
use crate::types;

const DOUBLE: &[Kind] = &[Kind::Double];
const TWO_DOUBLES: &[Kind] = &[Kind::Double, Kind::Double];

/// Numbers have a sign, and intervals of fixed fields.
fn sign_type(given: &[DataType]) -> Result<DataType> {
    match given {
        [of] if types::is_interval(of) && Range::of(of).is_none() => {
            plan_err!("signum has no sign for an interval of months and days")
        }
        _ => Ok(DataType::Float64),
    }
}

fn sign(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    if types::is_interval(values.data_type()) {
        let amounts = interval::amounts(&values);
        return column(amounts.unary::<_, Float64Type>(|amount| amount.signum() as f64));
    }
    let values = cast_array(&values, &DataType::Float64, &call.zone)?;
    column(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| {
        if value == 0.0 || value.is_nan() {
            value
        } else {
            value.signum()
        }
    }))
}

pub fn functions() -> Vec<ScalarUDF> {
    let double = |_: &[DataType]| Ok(DataType::Float64);
    vec![
        Function::new("sqrt", DOUBLE, double, |call| map(call, f64::sqrt)).udf(),
        Function::new("cbrt", DOUBLE, double, |call| map(call, f64::cbrt)).udf(),
        Function::new("exp", DOUBLE, double, |call| map(call, f64::exp)).udf(),
        Function::new("rint", DOUBLE, double, |call| map(call, f64::round_ties_even)).udf(),
        Function::new("signum", &[Kind::NumberOrInterval], sign_type, sign)
            .aliases(&["sign"])
            .udf(),
        // By the formulas Java code uses, which lose digits where these do.
        Function::new("asinh", DOUBLE, double, |call| {
            map(call, |x| match x {
                f64::NEG_INFINITY => x,
                x => (x + (x * x + 1.0).sqrt()).ln(),
            })
        })
        .udf(),
        Function::new("acosh", DOUBLE, double, |call| {
            map(call, |x| (x + (x * x - 1.0).sqrt()).ln())
        })
        .udf(),
        Function::new("atanh", DOUBLE, double, |call| {
            map(call, |x| 0.5 * (x.ln_1p() - (-x).ln_1p()))
        })
        .udf(),
        Function::new("sin", DOUBLE, double, |call| map(call, f64::sin)).udf(),
        Function::new("cos", DOUBLE, double, |call| map(call, f64::cos)).udf(),
        Function::new("tan", DOUBLE, double, |call| map(call, f64::tan)).udf(),
        Function::new("asin", DOUBLE, double, |call| map(call, f64::asin)).udf(),
        Function::new("acos", DOUBLE, double, |call| map(call, f64::acos)).udf(),
        Function::new("atan", DOUBLE, double, |call| map(call, f64::atan)).udf(),
        Function::new("sinh", DOUBLE, double, |call| map(call, f64::sinh)).udf(),
        Function::new("cosh", DOUBLE, double, |call| map(call, f64::cosh)).udf(),
        Function::new("tanh", DOUBLE, double, |call| map(call, f64::tanh)).udf(),
        Function::new("expm1", DOUBLE, double, |call| map(call, f64::exp_m1)).udf(),
        Function::new("degrees", DOUBLE, double, |call| map(call, f64::to_degrees)).udf(),
        Function::new("radians", DOUBLE, double, |call| map(call, f64::to_radians)).udf(),
        Function::new("ln", DOUBLE, double, |call| logarithm(call, f64::ln)).udf(),
        Function::new("log10", DOUBLE, double, |call| logarithm(call, f64::log10)).udf(),
        Function::new("log2", DOUBLE, double, |call| logarithm(call, f64::log2)).udf(),
        Function::new("log1p", DOUBLE, double, |call| {
            let values = call.column(0)?;
            let values = values.as_primitive::<Float64Type>();
            column(values.unary_opt::<_, Float64Type>(|value| (value > -1.0 || value.is_nan()).then(|| value.ln_1p())))
        })
        .udf(),
        Function::new("log", TWO_DOUBLES, double, log).required(1).udf(),
        Function::new("atan2", TWO_DOUBLES, double, |call| {
            // Adding 0.0 turns -0.0 into 0.0, as Spark does: the angle of a negative axis is positive.
            map_pairs(call, |y, x| (y + 0.0).atan2(x + 0.0))
        })
        .udf(),
        Function::new("pow", TWO_DOUBLES, double, power)
            .aliases(&["power"])
            .udf(),
        Function::new("e", &[], double, |call| {
            column(Float64Array::from(vec![std::f64::consts::E; call.rows]))
        })
        .udf(),
        Function::new(
            "conv",
            &[Kind::Text, Kind::Int, Kind::Int],
            |_| Ok(DataType::Utf8),
            conv,
        )
        .udf(),
    ]
}

fn map(call: &Call<'_>, apply: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    column(
        call.column(0)?
            .as_primitive::<Float64Type>()
            .unary::<_, Float64Type>(apply),
    )
}

fn logarithm(call: &Call<'_>, apply: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let values = values.as_primitive::<Float64Type>();
    column(values.unary_opt::<_, Float64Type>(|value| (value > 0.0 || value.is_nan()).then(|| apply(value))))
}

fn log(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args.len() == 1 {
        return logarithm(call, f64::ln);
    }
    let (bases, values) = (call.column(0)?, call.column(1)?);
    let pairs = bases
        .as_primitive::<Float64Type>()
        .iter()
        .zip(values.as_primitive::<Float64Type>());
    let logs = pairs.map(|(base, value)| {
        let (base, value) = (base?, value?);
        // NaN is not refused: its logarithm is NaN.
        if base <= 0.0 || value <= 0.0 {
            return None;
        }
        Some(value.ln() / base.ln())
    });
    column(logs.collect::<Float64Array>())
}

fn power(call: &Call<'_>) -> Result<ArrayRef> {
    // Java, unlike C, has no answer for one raised to NaN or infinity.
    map_pairs(call, |base, exponent| {
        if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) {
            f64::NAN
        } else {
            base.powf(exponent)
        }
    })
}

fn map_pairs(call: &Call<'_>, apply: impl Fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    let answers: Float64Array = binary(
        left.as_primitive::<Float64Type>(),
        right.as_primitive::<Float64Type>(),
        apply,
    )?;
    column(answers)
}

/// Rewrites a whole number from one base in another; digits behind the number are ignored, values wrap to 64 bits unsigned.
fn conv(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let (from, to) = (call.column(1)?, call.column(2)?);
    let bases = from
        .as_primitive::<Int32Type>()
        .iter()
        .zip(to.as_primitive::<Int32Type>());
    let converted = texts
        .iter()
        .zip(bases)
        .map(|(text, (from, to))| convert_base(text?, from?, to?));
    column(converted.collect::<StringArray>())
}

fn convert_base(text: &str, from: i32, to: i32) -> Option<String> {
    let (base, signed) = (to.unsigned_abs(), to < 0);
    if !(2..=36).contains(&from) || !(2..=36).contains(&base) {
        return None;
    }
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return None;
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut value = 0u64;
    for c in digits.chars() {
        let Some(digit) = c.to_digit(from as u32) else { break };
        let Some(next) = value
            .checked_mul(from as u64)
            .and_then(|value| value.checked_add(u64::from(digit)))
        else {
            value = u64::MAX;
            break;
        };
        value = next;
    }
    // What does not fit 63 bits is the largest number, also with a minus before it.
    let value = match negative {
        true if to > 0 && (value as i64) < 0 => u64::MAX,
        true => value.wrapping_neg(),
        false => value,
    };
    let (sign, mut rest) = match signed && (value as i64) < 0 {
        true => ("-", (value as i64).unsigned_abs()),
        false => ("", value),
    };
    let mut out = Vec::new();
    loop {
        let digit = (rest % u64::from(base)) as u32;
        out.push(char::from_digit(digit, base)?.to_ascii_uppercase());
        rest /= u64::from(base);
        if rest == 0 {
            break;
        }
    }
    Some(sign.chars().chain(out.into_iter().rev()).collect())
}
