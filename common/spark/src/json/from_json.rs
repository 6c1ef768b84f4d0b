//! Functions whose result type is written in an argument: `from_json` and `from_csv`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::root::RootDecoder;
use super::{JsonError, JsonOptions};
use crate::cast::{cast_array, normalize};
use crate::pattern::PatternError;
use crate::zone::Tz;
use crate::{ddl, zone};

/// Decodes a text or binary column into the given type, with options by name.
pub(crate) type Decode = fn(&ArrayRef, &DataType, &[(String, String)], Tz) -> Result<ArrayRef>;

/// A function `name(text, schema [, options])`. All it needs to know is in its arguments, so it can be shipped by name.
#[derive(Debug)]
pub(crate) struct SchemaFunction {
    name: &'static str,
    decode: Decode,
    signature: Signature,
}

impl SchemaFunction {
    pub fn new(name: &'static str, decode: Decode) -> Self {
        Self {
            name,
            decode,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn result_type(&self, schema: Option<&ScalarValue>) -> Result<DataType> {
        match schema.and_then(|s| s.try_as_str()).flatten() {
            Some(text) => {
                let data_type = ddl::parse_schema_or_type(text)
                    .map_err(|e| DataFusionError::Plan(format!("{}: {e}", self.name)))?;
                // What can never be read is refused now, not with the first record.
                if self.name == "from_json" {
                    RootDecoder::try_new(&data_type, &JsonOptions::default())
                        .map_err(|e| DataFusionError::Plan(format!("{}: {e}", self.name)))?;
                }
                Ok(data_type)
            }
            None => plan_err!(
                "{}: expected the schema as a text literal such as 'a INT, b STRING'",
                self.name
            ),
        }
    }
}

impl PartialEq for SchemaFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for SchemaFunction {}

impl Hash for SchemaFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for SchemaFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let readable = |t: &DataType| match t {
            DataType::Null => Some(DataType::Utf8),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(t.clone()),
            _ => None,
        };
        match given {
            [text, _] | [text, _, DataType::Map(..)] => match readable(text) {
                Some(text) => Ok([&[text], &given[1..]].concat()),
                None => plan_err!("{}: expected STRING as first argument, found {text}", self.name),
            },
            _ => plan_err!(
                "{}: expected (text, schema) or (text, schema, map of options)",
                self.name
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("{}: the result type depends on the schema argument", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let data_type = self.result_type(args.scalar_arguments.get(1).copied().flatten())?;
        Ok(Arc::new(Field::new(self.name, data_type, true)))
    }

    /// Reading what `to_json` wrote of the same type is the value itself, to Spark: nothing a text leaves out is lost.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let ([Expr::ScalarFunction(written), Expr::Literal(schema, _)], "from_json") = (args.as_slice(), self.name)
        else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let [value] = written.args.as_slice() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        if written.name() != "to_json" || value.get_type(info.schema().as_ref())? != self.result_type(Some(schema))? {
            return Ok(ExprSimplifyResult::Original(args));
        }
        Ok(ExprSimplifyResult::Simplified(value.clone()))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let options = match call.args.get(2) {
            Some(options) => option_pairs(options)?,
            None => Vec::new(),
        };
        let zone = zone::of_config(&call.config_options)?;
        let Some(text) = call.args.first() else {
            return exec_err!("{}: the text is missing", self.name);
        };
        let constant = matches!(text, ColumnarValue::Scalar(_));
        let column = normalize(&text.to_array(if constant { 1 } else { call.number_rows })?)?;
        let decoded = (self.decode)(&column, call.return_field.data_type(), &options, zone)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&decoded, 0)?));
        }
        Ok(ColumnarValue::Array(decoded))
    }
}

/// Takes options out of a map argument, which is the same for all rows.
pub(crate) fn option_pairs(options: &ColumnarValue) -> Result<Vec<(String, String)>> {
    let array = match options {
        ColumnarValue::Array(array) if array.is_empty() => return Ok(Vec::new()),
        ColumnarValue::Array(array) => array.slice(0, 1),
        ColumnarValue::Scalar(value) => value.to_array()?,
    };
    pairs_of(&array)
}

/// Takes options out of the first row of a map column; a column without rows or of no type has none.
pub(crate) fn pairs_of(array: &ArrayRef) -> Result<Vec<(String, String)>> {
    let Some(map) = array.as_map_opt() else {
        return exec_err!("options: expected a map of texts, found {}", array.data_type());
    };
    if map.is_empty() || map.is_null(0) {
        return Ok(Vec::new());
    }
    let entries = map.value(0);
    let texts = |column: &ArrayRef| cast_array(column, &DataType::Utf8, &Tz::UTC);
    let (keys, values) = (texts(entries.column(0))?, texts(entries.column(1))?);
    let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
    let pairs = keys.iter().zip(values.iter());
    Ok(pairs
        .filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned())))
        .collect())
}

/// Reads the options and completes them with the session's zone.
pub(crate) fn json_options(pairs: &[(String, String)], zone: Tz) -> Result<JsonOptions> {
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(JsonOptions::from_pairs(pairs, zone)?)
}

/// Calls `each` with the bytes of every row of a text or binary column.
pub(crate) fn for_each_bytes(column: &ArrayRef, mut each: impl FnMut(Option<&[u8]>)) -> Result<()> {
    match column.data_type() {
        DataType::Utf8 => column
            .as_string::<i32>()
            .iter()
            .for_each(|v| each(v.map(str::as_bytes))),
        DataType::Binary => column.as_binary::<i32>().iter().for_each(each),
        DataType::Null => (0..column.len()).for_each(|_| each(None)),
        other => return exec_err!("expected text or bytes, found {other}"),
    }
    Ok(())
}

/// The body of `from_json`.
pub(crate) fn decode_json(
    column: &ArrayRef,
    to: &DataType,
    options: &[(String, String)],
    zone: Tz,
) -> Result<ArrayRef> {
    let mut decoder = RootDecoder::try_new(to, &json_options(options, zone)?)?;
    for_each_bytes(column, |value| decoder.append(value))?;
    Ok(decoder.finish()?)
}

impl From<PatternError> for DataFusionError {
    fn from(error: PatternError) -> Self {
        DataFusionError::Plan(error.to_string())
    }
}

impl From<JsonError> for DataFusionError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Arrow(cause) => DataFusionError::ArrowError(Box::new(cause), None),
            JsonError::Malformed { .. }
            | JsonError::MalformedLine { .. }
            | JsonError::AmbiguousTime { .. }
            | JsonError::TooLarge { .. } => DataFusionError::Execution(error.to_string()),
            declaration => DataFusionError::Plan(declaration.to_string()),
        }
    }
}
