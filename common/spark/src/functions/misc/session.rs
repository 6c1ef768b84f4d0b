//! What a query is told about its surroundings: catalog, database, user, input files, task.

use arrow::array::AsArray;
use arrow::array::{Float64Array, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::task_rows;
use arrow::array::ArrayRef;

/// Numbers of rows of one task before those of the next begin.
const TASK_SHIFT: u32 = 33;

pub fn functions() -> Vec<ScalarUDF> {
    let utf8 = |_: &[DataType]| Ok(DataType::Utf8);
    let long = |_: &[DataType]| Ok(DataType::Int64);
    let double = |_: &[DataType]| Ok(DataType::Float64);
    vec![
        Function::new("current_catalog", &[], utf8, |call| word("spark_catalog", call)).udf(),
        Function::new("current_database", &[], utf8, |call| word("default", call))
            .aliases(&["current_schema"])
            .udf(),
        Function::new("current_user", &[], utf8, |call| {
            let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
            word(&user, call)
        })
        .aliases(&["user"])
        .udf(),
        // Rows come from Kafka: no file holds them.
        Function::new("input_file_name", &[], utf8, |call| word("", call)).udf(),
        Function::new("input_file_block_start", &[], long, no_block).udf(),
        Function::new("input_file_block_length", &[], long, no_block).udf(),
        Function::new(
            "spark_partition_id",
            &[],
            |_| Ok(DataType::Int32),
            |call| column(Int32Array::from(vec![task_rows::partition(); call.rows])),
        )
        .volatile()
        .udf(),
        Function::new("monotonically_increasing_id", &[Kind::Long], long, |call| {
            let first = i64::from(task_rows::partition()) << TASK_SHIFT;
            let from = task_rows::advance(
                instance(call, 0)?,
                call.rows,
                || 0i64,
                |next, rows| {
                    let from = *next;
                    *next += rows as i64;
                    from
                },
            );
            column(Int64Array::from_iter_values(
                (0..call.rows as i64).map(|row| first + from + row),
            ))
        })
        .volatile()
        .udf(),
        Function::new("rand", &[Kind::Long, Kind::Long], double, |call| {
            random(call, XorShift::uniform)
        })
        .aliases(&["random"])
        .volatile()
        .udf(),
        Function::new("randn", &[Kind::Long, Kind::Long], double, |call| {
            random(call, XorShift::gaussian)
        })
        .volatile()
        .udf(),
    ]
}

fn word(text: &str, call: &Call<'_>) -> Result<ArrayRef> {
    column(StringArray::from(vec![text; call.rows]))
}

fn no_block(call: &Call<'_>) -> Result<ArrayRef> {
    column(Int64Array::from(vec![-1; call.rows]))
}

/// The number the planner gave this call: rows are counted by call.
fn instance(call: &Call<'_>, at: usize) -> Result<i64> {
    let numbers = call.column(at)?;
    Ok(numbers.as_primitive::<Int64Type>().iter().next().flatten().unwrap_or(0))
}

/// Seed and number of the call; a NULL seed is 0.
fn random(call: &Call<'_>, next: fn(&mut XorShift) -> f64) -> Result<ArrayRef> {
    let seed = instance(call, 0)?.wrapping_add(i64::from(task_rows::partition()));
    let start = || XorShift::new(seed);
    let values: Vec<f64> = task_rows::advance(instance(call, 1)?, call.rows, start, |source, rows| {
        (0..rows).map(|_| next(source)).collect()
    });
    column(Float64Array::from(values))
}

/// Marsaglia's generator of three shifts, seeded by a hash, with the numbers Java makes of its bits.
struct XorShift {
    state: i64,
    spare: Option<f64>,
}

impl XorShift {
    fn new(seed: i64) -> Self {
        let bytes = seed.to_be_bytes();
        let low = murmur_words(&bytes, ARRAY_SEED);
        let high = murmur_words(&bytes, low);
        let state = (i64::from(high) << 32) | (i64::from(low) & 0xFFFF_FFFF);
        Self { state, spare: None }
    }

    fn bits(&mut self, count: u32) -> i64 {
        let mut next = self.state ^ (self.state << 21);
        next ^= ((next as u64) >> 35) as i64;
        next ^= next << 4;
        self.state = next;
        next & ((1 << count) - 1)
    }

    fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let high = self.bits(26) << 27;
        (high + self.bits(27)) as f64 * UNIT
    }

    /// Two numbers at a time, by the polar method.
    fn gaussian(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let size = x * x + y * y;
            if size < 1.0 && size != 0.0 {
                let by = (-2.0 * size.ln() / size).sqrt();
                self.spare = Some(y * by);
                return x * by;
            }
        }
    }
}

/// Seed of the hash of a seed.
const ARRAY_SEED: i32 = 0x3c07_4a61;

/// Murmur3 of whole words.
fn murmur_words(bytes: &[u8; 8], seed: i32) -> i32 {
    use crate::functions::hash::{Algorithm, Murmur3};
    Murmur3::bytes(bytes, seed)
}
