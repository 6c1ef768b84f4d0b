//! Arrays as sets: what is in them, what several have in common, their extremes.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use arrow::row::{Row, Rows};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::parts::{Picked, check_orderable, comparable, element_of, equatable, list_of, range};
use crate::coerce::{tightest_type, wider_type_without_text};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::types;

const ONE: &[Kind] = &[Kind::List];
const PAIR: &[Kind] = &[Kind::Any, Kind::Any];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("array_contains", PAIR, contains_type, contains)
            .aliases(&["array_has"])
            .udf(),
        Function::new("array_position", PAIR, position_type, position).udf(),
        Function::new("array_remove", PAIR, |given| merged("array_remove", given), remove).udf(),
        Function::new("array_distinct", ONE, distinct_type, distinct).udf(),
        Function::new("array_union", PAIR, |given| both("array_union", given), union).udf(),
        Function::new(
            "array_intersect",
            PAIR,
            |given| both("array_intersect", given),
            |call| kept(call, true),
        )
        .udf(),
        Function::new(
            "array_except",
            PAIR,
            |given| both("array_except", given),
            |call| kept(call, false),
        )
        .udf(),
        Function::new("arrays_overlap", PAIR, overlap_type, overlap).udf(),
        Function::new(
            "array_max",
            ONE,
            |given| extreme_type("array_max", given),
            |call| extreme(call, true),
        )
        .udf(),
        Function::new(
            "array_min",
            ONE,
            |given| extreme_type("array_min", given),
            |call| extreme(call, false),
        )
        .udf(),
        Function::new("array_compact", ONE, |given| Ok(typed(&given[0])), compact).udf(),
    ]
}

/// The type of an array argument, also when it is NULL without a type.
fn typed(given: &DataType) -> DataType {
    if given.is_null() {
        types::list(DataType::Null)
    } else {
        given.clone()
    }
}

fn refuse_null(function: &str, given: &[DataType]) -> Result<()> {
    if given.iter().any(DataType::is_null) {
        return plan_err!("function {function} takes no NULL without a type: cast it");
    }
    Ok(())
}

fn differ<T>(function: &str, given: &[DataType]) -> Result<T> {
    plan_err!(
        "function {function} requires an array and a value of its elements' type, but {} and {} were given",
        spark_type(&given[0]),
        spark_type(&given[1])
    )
}

/// The array type that holds both the array's elements and the value.
pub fn merged(function: &str, given: &[DataType]) -> Result<DataType> {
    match tightest_type(element_of(function, &given[0])?, &given[1]) {
        Some(common) => Ok(types::list(common)),
        None => differ(function, given),
    }
}

fn contains_type(given: &[DataType]) -> Result<DataType> {
    refuse_null("array_contains", given)?;
    let element = element_of("array_contains", &given[0])?;
    check_orderable("array_contains", element)?;
    match wider_type_without_text(element, &given[1]) {
        Some(_) => Ok(DataType::Boolean),
        None => differ("array_contains", given),
    }
}

fn position_type(given: &[DataType]) -> Result<DataType> {
    if given[0].is_null() {
        refuse_null("array_position", given)?;
    }
    let element = element_of("array_position", &given[0])?;
    check_orderable("array_position", element)?;
    merged("array_position", given).map(|_| DataType::Int64)
}

/// Elements of the array and the values looked for, in one comparable form.
struct Search {
    list: ListArray,
    wanted: ArrayRef,
    elements: Rows,
    values: Rows,
}

impl Search {
    fn of(call: &Call<'_>) -> Result<Self> {
        let (container, value) = (call.column(0)?, call.column(1)?);
        let element = element_of("", container.data_type())?;
        let common = wider_type_without_text(element, value.data_type()).unwrap_or(DataType::Null);
        let list = list_of(call, 0, &common)?;
        let wanted = crate::cast::cast_array(&value, &common, &call.zone)?;
        let mut rows = equatable(&[std::sync::Arc::clone(list.values()), std::sync::Arc::clone(&wanted)])?;
        match (rows.pop(), rows.pop()) {
            (Some(values), Some(elements)) => Ok(Self {
                list,
                wanted,
                elements,
                values,
            }),
            _ => plan_err!("an array and a value are required"),
        }
    }

    /// Whether the row has an array and a value.
    fn is_valid(&self, row: usize) -> bool {
        self.list.is_valid(row) && self.wanted.is_valid(row)
    }

    /// The place of the first element that is the row's value, counted from 0.
    fn find(&self, row: usize) -> Option<usize> {
        let wanted = self.values.row(row);
        range(&self.list, row).position(|at| self.elements.row(at) == wanted)
    }
}

/// NULL where the value is not found but could be one of the array's NULLs.
fn contains(call: &Call<'_>) -> Result<ArrayRef> {
    let search = Search::of(call)?;
    let values = search.list.values();
    let answers: BooleanArray = (0..call.rows)
        .map(|row| {
            if !search.is_valid(row) {
                return None;
            }
            match search.find(row) {
                Some(_) => Some(true),
                None => (!range(&search.list, row).any(|at| values.is_null(at))).then_some(false),
            }
        })
        .collect();
    column(answers)
}

/// The first position of a value, counted from 1; 0 when it is not there.
fn position(call: &Call<'_>) -> Result<ArrayRef> {
    let search = Search::of(call)?;
    let positions: Int64Array = (0..call.rows)
        .map(|row| {
            search
                .is_valid(row)
                .then(|| search.find(row).map_or(0, |at| at as i64 + 1))
        })
        .collect();
    column(positions)
}

fn remove(call: &Call<'_>) -> Result<ArrayRef> {
    let search = Search::of(call)?;
    let mut picked = Picked::with_capacity(call.rows);
    for row in 0..call.rows {
        if !search.is_valid(row) {
            picked.null();
            continue;
        }
        let wanted = search.values.row(row);
        for at in range(&search.list, row).filter(|at| search.elements.row(*at) != wanted) {
            picked.push(at);
        }
        picked.close();
    }
    picked.finish(search.list.values(), call.returns)
}

fn distinct_type(given: &[DataType]) -> Result<DataType> {
    check_orderable("array_distinct", &given[0])?;
    Ok(typed(&given[0]))
}

fn distinct(call: &Call<'_>) -> Result<ArrayRef> {
    let list = list_of(call, 0, element_of("array_distinct", call.returns)?)?;
    let elements = &comparable(&[std::sync::Arc::clone(list.values())])?[0];
    let mut picked = Picked::with_capacity(call.rows);
    let mut seen = HashSet::new();
    for row in 0..call.rows {
        if list.is_null(row) {
            picked.null();
            continue;
        }
        seen.clear();
        for at in range(&list, row).filter(|at| seen.insert(elements.row(*at))) {
            picked.push(at);
        }
        picked.close();
    }
    picked.finish(list.values(), call.returns)
}

/// The type of two arrays together.
fn both(function: &str, given: &[DataType]) -> Result<DataType> {
    check_orderable(function, &given[0])?;
    let (left, right) = (element_of(function, &given[0])?, element_of(function, &given[1])?);
    match tightest_type(left, right) {
        Some(common) => Ok(types::list(common)),
        None => plan_err!(
            "function {function} requires two arrays of one type, but {} and {} were given",
            spark_type(&given[0]),
            spark_type(&given[1])
        ),
    }
}

fn overlap_type(given: &[DataType]) -> Result<DataType> {
    both("arrays_overlap", given).map(|_| DataType::Boolean)
}

/// Two arrays with their elements in one comparable form.
struct Two {
    left: ListArray,
    right: ListArray,
    left_rows: Rows,
    right_rows: Rows,
}

impl Two {
    fn of(call: &Call<'_>) -> Result<Self> {
        let given = [call.column(0)?.data_type().clone(), call.column(1)?.data_type().clone()];
        let common = both("", &given)?;
        let element = element_of("", &common)?;
        let (left, right) = (list_of(call, 0, element)?, list_of(call, 1, element)?);
        let values = [
            std::sync::Arc::clone(left.values()),
            std::sync::Arc::clone(right.values()),
        ];
        let mut rows = comparable(&values)?;
        match (rows.pop(), rows.pop()) {
            (Some(right_rows), Some(left_rows)) => Ok(Self {
                left,
                right,
                left_rows,
                right_rows,
            }),
            _ => plan_err!("two arrays are required"),
        }
    }

    fn is_valid(&self, row: usize) -> bool {
        self.left.is_valid(row) && self.right.is_valid(row)
    }

    fn lefts(&self, row: usize) -> impl Iterator<Item = (usize, Row<'_>)> {
        range(&self.left, row).map(|at| (at, self.left_rows.row(at)))
    }

    fn rights(&self, row: usize) -> impl Iterator<Item = (usize, Row<'_>)> {
        range(&self.right, row).map(|at| (at, self.right_rows.row(at)))
    }
}

fn union(call: &Call<'_>) -> Result<ArrayRef> {
    let two = Two::of(call)?;
    let lefts = two.left.values().len();
    let values = concat(&[two.left.values().as_ref(), two.right.values().as_ref()])?;
    let mut picked = Picked::with_capacity(call.rows);
    let mut seen = HashSet::new();
    for row in 0..call.rows {
        if !two.is_valid(row) {
            picked.null();
            continue;
        }
        seen.clear();
        let all = two
            .lefts(row)
            .chain(two.rights(row).map(|(at, value)| (at + lefts, value)));
        for (at, value) in all {
            if seen.insert(value) {
                picked.push(at);
            }
        }
        picked.close();
    }
    picked.finish(&values, call.returns)
}

/// The first array's elements that are (or are not) in the second, each once.
fn kept(call: &Call<'_>, common: bool) -> Result<ArrayRef> {
    let two = Two::of(call)?;
    let mut picked = Picked::with_capacity(call.rows);
    let (mut others, mut seen) = (HashSet::new(), HashSet::new());
    for row in 0..call.rows {
        if !two.is_valid(row) {
            picked.null();
            continue;
        }
        others.clear();
        seen.clear();
        others.extend(two.rights(row).map(|(_, value)| value));
        for (at, value) in two.lefts(row) {
            if others.contains(&value) == common && seen.insert(value) {
                picked.push(at);
            }
        }
        picked.close();
    }
    picked.finish(two.left.values(), call.returns)
}

/// Whether two arrays share an element; NULL where only a NULL could be shared.
fn overlap(call: &Call<'_>) -> Result<ArrayRef> {
    let two = Two::of(call)?;
    let (left_values, right_values) = (two.left.values(), two.right.values());
    let mut others = HashSet::new();
    let answers: BooleanArray = (0..call.rows)
        .map(|row| {
            if !two.is_valid(row) {
                return None;
            }
            others.clear();
            others.extend(
                two.rights(row)
                    .filter(|(at, _)| right_values.is_valid(*at))
                    .map(|(_, value)| value),
            );
            if two
                .lefts(row)
                .any(|(at, value)| left_values.is_valid(at) && others.contains(&value))
            {
                return Some(true);
            }
            let (left, right) = (range(&two.left, row), range(&two.right, row));
            let maybe = !left.is_empty()
                && !right.is_empty()
                && (left.into_iter().any(|at| left_values.is_null(at))
                    || right.into_iter().any(|at| right_values.is_null(at)));
            (!maybe).then_some(false)
        })
        .collect();
    column(answers)
}

fn extreme_type(function: &str, given: &[DataType]) -> Result<DataType> {
    if given[0].is_null() {
        return Ok(DataType::Null);
    }
    check_orderable(function, &given[0])?;
    element_of(function, &given[0]).cloned()
}

/// The largest or smallest element that is not NULL.
fn extreme(call: &Call<'_>, largest: bool) -> Result<ArrayRef> {
    let list = list_of(call, 0, call.returns)?;
    let values = list.values();
    let elements = &comparable(&[std::sync::Arc::clone(values)])?[0];
    let picks: UInt32Array = (0..call.rows)
        .map(|row| {
            if list.is_null(row) {
                return None;
            }
            let present = range(&list, row).filter(|at| values.is_valid(*at));
            // Of equal elements the first counts.
            let best = present.reduce(|best, at| {
                let (a, b) = (elements.row(best), elements.row(at));
                if (largest && b > a) || (!largest && b < a) {
                    at
                } else {
                    best
                }
            });
            best.map(|at| at as u32)
        })
        .collect();
    Ok(take(values, &picks, None)?)
}

fn compact(call: &Call<'_>) -> Result<ArrayRef> {
    let list = list_of(call, 0, element_of("array_compact", call.returns)?)?;
    let values = list.values();
    let nulls = values.logical_nulls();
    let mut picked = Picked::with_capacity(call.rows);
    for row in 0..call.rows {
        if list.is_null(row) {
            picked.null();
            continue;
        }
        for at in range(&list, row).filter(|at| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*at))) {
            picked.push(at);
        }
        picked.close();
    }
    picked.finish(values, call.returns)
}
