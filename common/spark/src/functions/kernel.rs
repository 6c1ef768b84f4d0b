//! The frame all our scalar functions share: argument kinds, coercion by Spark's casts, scalars and columns.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, new_empty_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::cast::{can_cast, cast_array, normal_type};
use crate::interval::Range;
use crate::type_name::spark_type;
use crate::zone::Tz;
use crate::{types, zone};

/// Result of a function's planning or run.
pub type Result<T> = std::result::Result<T, DataFusionError>;

/// What a function takes at one place; other types are cast to it where Spark casts them implicitly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any type, as it is.
    Any,
    /// STRING; everything but nested types becomes text.
    Text,
    /// STRING, or BINARY kept as it is.
    TextOrBinary,
    /// BINARY; text gives its bytes.
    Binary,
    /// INT.
    Int,
    /// INT, SMALLINT or TINYINT; text is cast, wider numbers are refused.
    NarrowInt,
    /// A whole number of any width, as BIGINT; no text.
    Whole,
    /// Any number kept as it is; no text.
    PlainNumber,
    /// BIGINT.
    Long,
    /// DOUBLE.
    Double,
    /// DOUBLE, or an interval of fixed fields kept as it is.
    DoubleOrInterval,
    /// Any number kept as it is; text becomes DOUBLE.
    Number,
    /// As [`Kind::Number`], or an interval kept as it is.
    NumberOrInterval,
    /// BOOLEAN.
    Boolean,
    /// DATE; timestamps and text are cast.
    Date,
    /// TIMESTAMP; dates, local times and text are cast.
    Timestamp,
    /// As [`Kind::Timestamp`], or a TIMESTAMP_NTZ kept as it is.
    AnyTimestamp,
    /// An array.
    List,
    /// A map.
    Map,
}

impl Kind {
    /// The type an argument is cast to, or None when Spark refuses it.
    fn target(self, given: &DataType) -> Option<DataType> {
        let given = normal_type(given);
        let nothing = given == DataType::Null;
        let simple = !matches!(given, DataType::List(_) | DataType::Map(..) | DataType::Struct(_));
        match self {
            Self::Any => Some(given),
            Self::Text => simple.then_some(DataType::Utf8),
            Self::TextOrBinary if given == DataType::Binary => Some(given),
            Self::TextOrBinary => simple.then_some(DataType::Utf8),
            Self::Binary => (nothing || matches!(given, DataType::Utf8 | DataType::Binary)).then_some(DataType::Binary),
            Self::Int => numeric_target(&given, DataType::Int32),
            Self::NarrowInt => (nothing
                || matches!(
                    given,
                    DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Utf8
                ))
            .then_some(DataType::Int32),
            Self::Whole => (nothing || types::is_integer(&given)).then_some(DataType::Int64),
            Self::PlainNumber if nothing => Some(DataType::Float64),
            Self::PlainNumber => types::is_number(&given).then_some(given),
            Self::Long => numeric_target(&given, DataType::Int64),
            Self::DoubleOrInterval if Range::of(&given).is_some() => Some(given),
            Self::Double | Self::DoubleOrInterval => numeric_target(&given, DataType::Float64),
            Self::NumberOrInterval if types::is_interval(&given) => Some(given),
            Self::Number | Self::NumberOrInterval if types::is_number(&given) => Some(given),
            Self::Number | Self::NumberOrInterval => numeric_target(&given, DataType::Float64),
            Self::Boolean => {
                (nothing || matches!(given, DataType::Boolean | DataType::Utf8)).then_some(DataType::Boolean)
            }
            Self::Date => time_target(&given, DataType::Date32),
            Self::AnyTimestamp if given == types::timestamp_ntz() => Some(given),
            Self::Timestamp | Self::AnyTimestamp => time_target(&given, types::timestamp()),
            Self::List => (nothing || matches!(given, DataType::List(_))).then_some(given),
            Self::Map => (nothing || matches!(given, DataType::Map(..))).then_some(given),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Text => "string",
            Self::TextOrBinary => "string or binary",
            Self::Binary => "binary",
            Self::Int => "int",
            Self::NarrowInt => "int, smallint or tinyint",
            Self::Whole => "a whole number",
            Self::PlainNumber => "a number",
            Self::Long => "bigint",
            Self::Double => "double",
            Self::DoubleOrInterval => "double or interval",
            Self::Number => "numeric",
            Self::NumberOrInterval => "numeric or interval",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp | Self::AnyTimestamp => "timestamp",
            Self::List => "array",
            Self::Map => "map",
        }
    }
}

fn numeric_target(given: &DataType, to: DataType) -> Option<DataType> {
    (types::is_number(given) || matches!(given, DataType::Utf8 | DataType::Null)).then_some(to)
}

fn time_target(given: &DataType, to: DataType) -> Option<DataType> {
    matches!(
        given,
        DataType::Utf8 | DataType::Null | DataType::Date32 | DataType::Timestamp(..)
    )
    .then_some(to)
}

/// One call on one batch: the arguments, cast to their kinds.
pub struct Call<'a> {
    /// Arguments in order; a constant one is a scalar.
    pub args: Vec<ColumnarValue>,
    /// Rows to give; 1 when every argument is constant.
    pub rows: usize,
    /// The session's time zone.
    pub zone: Tz,
    /// Type to give.
    pub returns: &'a DataType,
}

impl Call<'_> {
    /// An argument as a column of [`Call::rows`] rows.
    pub fn column(&self, at: usize) -> Result<ArrayRef> {
        match self.args.get(at) {
            Some(value) => value.to_array(self.rows),
            None => exec_err!("argument {} is missing", at + 1),
        }
    }

    /// An argument as a text column.
    pub fn text(&self, at: usize) -> Result<StringArray> {
        let column = self.column(at)?;
        match column.as_string_opt::<i32>() {
            Some(text) => Ok(text.clone()),
            None => exec_err!("argument {} is not text but {}", at + 1, spark_type(column.data_type())),
        }
    }

    /// The value of an argument that is the same for all rows.
    pub fn constant(&self, at: usize) -> Option<&ScalarValue> {
        match self.args.get(at) {
            Some(ColumnarValue::Scalar(value)) => Some(value),
            _ => None,
        }
    }

    /// The text of an argument that is the same for all rows: None when it varies, Some(None) when it is NULL.
    pub fn constant_text(&self, at: usize) -> Option<Option<&str>> {
        match self.constant(at)? {
            ScalarValue::Utf8(value) => Some(value.as_deref()),
            _ => None,
        }
    }
}

/// Gives the result type from the argument types after coercion.
pub type Returns = fn(&[DataType]) -> Result<DataType>;
/// Gives the result type from the argument types after coercion and the values of constant arguments.
pub type ConstantReturns = fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>;
/// Computes a result column.
pub type Body = fn(&Call<'_>) -> Result<ArrayRef>;

/// A scalar function described by data; see the module documentation.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    aliases: Vec<String>,
    kinds: &'static [Kind],
    required: usize,
    variadic: bool,
    returns: Returns,
    constant_returns: Option<ConstantReturns>,
    body: Body,
    signature: Signature,
}

impl Function {
    /// A function of fixed arity whose answer depends on its arguments alone.
    pub fn new(name: &'static str, kinds: &'static [Kind], returns: Returns, body: Body) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            kinds,
            required: kinds.len(),
            variadic: false,
            returns,
            constant_returns: None,
            body,
            signature: signature(Volatility::Immutable),
        }
    }

    /// Other names of the function.
    pub fn aliases(mut self, aliases: &[&str]) -> Self {
        self.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        self
    }

    /// Lets the arguments after the first `required` be left out.
    pub fn required(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    /// Lets the last kind repeat any number of times, also none.
    pub fn variadic(mut self) -> Self {
        self.variadic = true;
        self.required = self.required.min(self.kinds.len().saturating_sub(1));
        self
    }

    /// Lets the result type depend on the values of constant arguments.
    pub fn returns_by_constants(mut self, returns: ConstantReturns) -> Self {
        self.constant_returns = Some(returns);
        self
    }

    /// Gives one answer within a batch but another in the next: never folded while planning.
    pub fn volatile(mut self) -> Self {
        self.signature = signature(Volatility::Volatile);
        self
    }

    /// Wraps the function for registration.
    pub fn udf(self) -> ScalarUDF {
        ScalarUDF::new_from_impl(self)
    }

    fn targets(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        argument_types(self.name, self.kinds, self.required, self.variadic, given)
    }
}

/// The types the arguments of a call are cast to.
///
/// # Errors
/// A planning error that says how many arguments, or which type, the function takes.
pub fn argument_types(
    name: &str,
    kinds: &[Kind],
    required: usize,
    variadic: bool,
    given: &[DataType],
) -> Result<Vec<DataType>> {
    let most = if variadic { usize::MAX } else { kinds.len() };
    if given.len() < required || given.len() > most {
        let wanted = if variadic {
            format!("at least {required}")
        } else if required == most {
            most.to_string()
        } else {
            format!("{required} to {most}")
        };
        return plan_err!("function {name} takes {wanted} arguments, {} given", given.len());
    }
    given
        .iter()
        .enumerate()
        .map(|(at, given)| {
            let kind = kinds.get(at).or(kinds.last()).copied().unwrap_or(Kind::Any);
            match kind.target(given) {
                Some(target) => Ok(target),
                None => plan_err!(
                    "function {name} requires {} as argument {}, but {} was given",
                    kind.name(),
                    at + 1,
                    spark_type(given)
                ),
            }
        })
        .collect()
}

fn signature(volatility: Volatility) -> Signature {
    Signature::one_of(vec![TypeSignature::VariadicAny, TypeSignature::Nullary], volatility)
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        (self.returns)(&self.targets(given)?)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let given: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let returns = match self.constant_returns {
            Some(returns) => returns(&self.targets(&given)?, args.scalar_arguments)?,
            None => self.return_type(&given)?,
        };
        Ok(Arc::new(Field::new(self.name, returns, true)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given: Vec<DataType> = call.args.iter().map(ColumnarValue::data_type).collect();
        let targets = self.targets(&given)?;
        let zone = zone::of_config(&call.config_options)?;
        let constant = call.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let args = call
            .args
            .into_iter()
            .zip(&targets)
            .map(|(arg, target)| coerce(arg, target, &zone))
            .collect::<Result<Vec<_>>>()?;
        let foldable = constant && self.signature.volatility != Volatility::Volatile;
        let rows = if foldable { 1 } else { call.number_rows };
        let returns = call.return_field.data_type();
        if rows == 0 {
            // A body may look at the first row of a constant.
            return Ok(ColumnarValue::Array(new_empty_array(returns)));
        }
        let result = (self.body)(&Call {
            args,
            rows,
            zone,
            returns,
        })?;
        let result = fit(result, returns)?;
        if foldable && result.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// Makes names and nullability of nested fields those promised while planning.
fn fit(result: ArrayRef, returns: &DataType) -> Result<ArrayRef> {
    if result.data_type() == returns || !can_cast(result.data_type(), returns) {
        return Ok(result);
    }
    Ok(cast_array(&result, returns, &Tz::UTC)?)
}

/// Casts an argument, a scalar as a scalar.
pub fn coerce(arg: ColumnarValue, target: &DataType, zone: &Tz) -> Result<ColumnarValue> {
    if &arg.data_type() == target {
        return Ok(arg);
    }
    match arg {
        ColumnarValue::Array(array) => Ok(ColumnarValue::Array(cast_array(&array, target, zone)?)),
        ColumnarValue::Scalar(value) => {
            let array = cast_array(&value.to_array()?, target, zone)?;
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
        }
    }
}

/// Shares a column under the common pointer type.
pub(crate) fn column<A: Array + 'static>(array: A) -> Result<ArrayRef> {
    Ok(Arc::new(array))
}
