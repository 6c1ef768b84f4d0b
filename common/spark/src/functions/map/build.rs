//! Maps of keys and values, of arrays, of entries, of texts, of other maps. No map has a key twice, and none is NULL.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringBuilder, StructArray, UInt32Array, new_empty_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, interleave, take};
use arrow::datatypes::DataType;
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::cast::text::{Style, write_value};
use crate::coerce::common_of;
use crate::functions::array::parts::{equatable, list_of, range};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::functions::string::regexp::Patterns;
use crate::functions::string::split::split_text;
use crate::type_name::spark_type;
use crate::types::{self, has_map};

/// The functions that refuse a key given twice, and those the planner puts in their place where the last value of a key wins.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = named::<RefuseRepeats>(["map", "map_from_arrays", "map_from_entries", "map_concat", "str_to_map"]);
    let [map, rest @ ..] = LAST_WINS;
    let [arrays, entries, concat, text] = rest;
    all.extend(named::<LastWins>([map.1, arrays.1, entries.1, concat.1, text.1]));
    all.push(
        Function::new(
            KEEPING_REPEATS,
            &[Kind::Any],
            from_entries_type,
            from_entries::<KeepRepeats>,
        )
        .udf(),
    );
    all
}

/// Functions that make maps, and those that do it with the last value of a key that comes twice.
pub const LAST_WINS: [(&str, &str); 5] = [
    ("map", "__last_wins_map"),
    ("map_from_arrays", "__last_wins_map_from_arrays"),
    ("map_from_entries", "__last_wins_map_from_entries"),
    ("map_concat", "__last_wins_map_concat"),
    ("str_to_map", "__last_wins_str_to_map"),
];

/// Makes a map of entries that come from a map: what that has twice stays.
pub const KEEPING_REPEATS: &str = "__map_of_entries";

fn named<R: Repeats>(names: [&'static str; 5]) -> Vec<ScalarUDF> {
    let [map, arrays, entries, concat, text] = names;
    let lists = &[Kind::List, Kind::List];
    let texts = &[Kind::Text, Kind::Text, Kind::Text];
    let of_text = |_: &[DataType]| Ok(types::map(DataType::Utf8, DataType::Utf8));
    vec![
        Function::new(map, &[Kind::Any], map_type, make_map::<R>)
            .aliases(if map == "map" { &["make_map"] } else { &[] })
            .variadic()
            .udf(),
        Function::new(arrays, lists, from_arrays_type, from_arrays::<R>).udf(),
        Function::new(entries, &[Kind::Any], from_entries_type, from_entries::<R>).udf(),
        Function::new(concat, &[Kind::Any], concat_type, map_concat::<R>)
            .variadic()
            .udf(),
        Function::new(text, texts, of_text, str_to_map::<R>).required(1).udf(),
    ]
}

/// What becomes of a key that a row has twice.
trait Repeats {
    /// The entries that stay, where not all do: their places, and how many a row has.
    ///
    /// # Errors
    /// The key that comes twice, where that is refused.
    fn settle(keys: &ArrayRef, rows: &[Range<usize>]) -> Result<Option<Kept>>;
}

/// Places of keys and of their values, and the number of entries of each row.
struct Kept {
    keys: Vec<u32>,
    values: Vec<u32>,
    lengths: Vec<usize>,
}

struct RefuseRepeats;
struct LastWins;
struct KeepRepeats;

impl Repeats for RefuseRepeats {
    fn settle(keys: &ArrayRef, rows: &[Range<usize>]) -> Result<Option<Kept>> {
        if rows.iter().all(|row| row.len() < 2) {
            return Ok(None);
        }
        let comparable = &equatable(std::slice::from_ref(keys))?[0];
        let mut seen = HashSet::new();
        for row in rows {
            seen.clear();
            for at in row.clone() {
                if !seen.insert(comparable.row(at)) {
                    let mut text = String::new();
                    write_value(keys.as_ref(), at, Style::Show, &crate::zone::Tz::UTC, &mut text);
                    return exec_err!("a map has each key once, {text} was given twice");
                }
            }
        }
        Ok(None)
    }
}

impl Repeats for LastWins {
    /// A key stays where it stood first, with the value that came last.
    fn settle(keys: &ArrayRef, rows: &[Range<usize>]) -> Result<Option<Kept>> {
        if rows.iter().all(|row| row.len() < 2) {
            return Ok(None);
        }
        let comparable = &equatable(std::slice::from_ref(keys))?[0];
        let mut kept = Kept {
            keys: Vec::with_capacity(keys.len()),
            values: Vec::with_capacity(keys.len()),
            lengths: Vec::with_capacity(rows.len()),
        };
        let mut seen = HashMap::new();
        for row in rows {
            seen.clear();
            let before = kept.keys.len();
            for at in row.clone() {
                match seen.entry(comparable.row(at)) {
                    Entry::Occupied(place) => kept.values[*place.get()] = at as u32,
                    Entry::Vacant(place) => {
                        place.insert(kept.keys.len());
                        kept.keys.push(at as u32);
                        kept.values.push(at as u32);
                    }
                }
            }
            kept.lengths.push(kept.keys.len() - before);
        }
        Ok(Some(kept))
    }
}

impl Repeats for KeepRepeats {
    fn settle(_: &ArrayRef, _: &[Range<usize>]) -> Result<Option<Kept>> {
        Ok(None)
    }
}

/// The map type of these keys and values.
fn checked(key: DataType, value: DataType) -> Result<DataType> {
    if has_map(&key) {
        return plan_err!(
            "the key of a map cannot be or hold a map, here it is {}",
            spark_type(&key)
        );
    }
    Ok(types::map(key, value))
}

fn map_type(given: &[DataType]) -> Result<DataType> {
    let every_other = |from: usize| given.iter().skip(from).step_by(2).cloned().collect::<Vec<_>>();
    match (common_of(&every_other(0)), common_of(&every_other(1))) {
        _ if !given.len().is_multiple_of(2) => {
            plan_err!("map takes keys and values in turn, here {} arguments", given.len())
        }
        (Some(key), Some(value)) => checked(key, value),
        _ => {
            let given: Vec<String> = given.iter().map(spark_type).collect();
            plan_err!(
                "the keys of a map need one type, its values too; here they are {}",
                given.join(", ")
            )
        }
    }
}

/// `map(k, v, ...)`: arguments in turn.
fn make_map<R: Repeats>(call: &Call<'_>) -> Result<ArrayRef> {
    let pairs = call.args.len() / 2;
    let (key, value) = parts(call.returns)?;
    let side = |from: usize, of: &DataType| -> Result<ArrayRef> {
        let columns = (from..call.args.len())
            .step_by(2)
            .map(|at| Ok(cast_array(&call.column(at)?, of, &call.zone)?))
            .collect::<Result<Vec<_>>>()?;
        if columns.is_empty() {
            return Ok(new_empty_array(of));
        }
        let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
        let places: Vec<(usize, usize)> = (0..call.rows)
            .flat_map(|row| (0..pairs).map(move |at| (at, row)))
            .collect();
        Ok(interleave(&columns, &places)?)
    };
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(pairs, call.rows));
    build::<R>(call.returns, side(0, key)?, side(1, value)?, offsets, None)
}

fn parts(of: &DataType) -> Result<(&DataType, &DataType)> {
    match types::map_parts(of) {
        Some(parts) => Ok(parts),
        None => plan_err!("a map is built, not {}", spark_type(of)),
    }
}

/// Puts a map together, of the type `returns`.
fn build<R: Repeats>(
    returns: &DataType,
    keys: ArrayRef,
    values: ArrayRef,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(entries_field, sorted) = returns else {
        return plan_err!("a map is built, not {}", spark_type(returns));
    };
    let DataType::Struct(fields) = entries_field.data_type() else {
        return plan_err!("a map has keys and values");
    };
    let rows = checked_rows(&keys, &offsets, nulls.as_ref())?;
    let (keys, values, offsets) = match R::settle(&keys, &rows)? {
        None => (keys, values, offsets),
        Some(kept) => (
            take(&keys, &UInt32Array::from(kept.keys), None)?,
            take(&values, &UInt32Array::from(kept.values), None)?,
            OffsetBuffer::from_lengths(kept.lengths),
        ),
    };
    let length = keys.len();
    let no_keys = keys.data_type().is_null() && length == 0;
    let columns = if no_keys {
        vec![new_empty_array(fields[0].data_type()), values]
    } else {
        vec![keys, values]
    };
    let entries = StructArray::try_new_with_length(fields.clone(), columns, None, length)?;
    column(MapArray::try_new(
        Arc::clone(entries_field),
        offsets,
        entries,
        nulls,
        *sorted,
    )?)
}

/// The entries of each row, none where it is NULL; a key that is NULL is refused.
fn checked_rows(keys: &ArrayRef, offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>) -> Result<Vec<Range<usize>>> {
    let own = |row: usize| match nulls.is_none_or(|nulls| nulls.is_valid(row)) {
        true => offsets[row] as usize..offsets[row + 1] as usize,
        false => 0..0,
    };
    let rows: Vec<_> = (0..offsets.len() - 1).map(own).collect();
    let untyped = keys.data_type().is_null();
    let null = |row: &Range<usize>| row.clone().any(|at| untyped || keys.is_null(at));
    if (untyped || keys.null_count() > 0) && rows.iter().any(null) {
        return exec_err!("a map has no key that is NULL");
    }
    Ok(rows)
}

fn from_arrays_type(given: &[DataType]) -> Result<DataType> {
    let element = |of: &DataType| types::element(of).cloned().unwrap_or(DataType::Null);
    checked(element(&given[0]), element(&given[1]))
}

fn from_arrays<R: Repeats>(call: &Call<'_>) -> Result<ArrayRef> {
    let (key, value) = parts(call.returns)?;
    let (keys, values) = (list_of(call, 0, key)?, list_of(call, 1, value)?);
    let nulls = NullBuffer::union(keys.nulls(), values.nulls());
    let mut lengths = Vec::with_capacity(call.rows);
    let (mut key_picks, mut value_picks) = (Vec::new(), Vec::new());
    for row in 0..call.rows {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            lengths.push(0);
            continue;
        }
        let (own_keys, own_values) = (range(&keys, row), range(&values, row));
        if own_keys.len() != own_values.len() {
            return exec_err!(
                "map_from_arrays: {} keys and {} values, as many of both are required",
                own_keys.len(),
                own_values.len()
            );
        }
        lengths.push(own_keys.len());
        key_picks.extend(own_keys.map(|at| at as u32));
        value_picks.extend(own_values.map(|at| at as u32));
    }
    let keys = take(keys.values(), &UInt32Array::from(key_picks), None)?;
    let values = take(values.values(), &UInt32Array::from(value_picks), None)?;
    build::<R>(call.returns, keys, values, OffsetBuffer::from_lengths(lengths), nulls)
}

fn from_entries_type(given: &[DataType]) -> Result<DataType> {
    match types::element(&given[0]) {
        Some(DataType::Struct(fields)) if fields.len() == 2 => {
            checked(fields[0].data_type().clone(), fields[1].data_type().clone())
        }
        _ => plan_err!(
            "function map_from_entries requires an array of structs with two fields, but {} was given",
            spark_type(&given[0])
        ),
    }
}

/// NULL where one of the entries is.
fn from_entries<R: Repeats>(call: &Call<'_>) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let list = container.as_list::<i32>();
    let entries = list.values().as_struct();
    let mut lengths = Vec::with_capacity(call.rows);
    let mut picks = Vec::new();
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let own = range(list, row);
        let whole = list.is_valid(row) && own.clone().all(|at| entries.is_valid(at));
        valid.push(whole);
        lengths.push(if whole { own.len() } else { 0 });
        if whole {
            picks.extend(own.map(|at| at as u32));
        }
    }
    let picks = UInt32Array::from(picks);
    let (keys, values) = (
        take(entries.column(0), &picks, None)?,
        take(entries.column(1), &picks, None)?,
    );
    let nulls = Some(NullBuffer::from(valid));
    build::<R>(call.returns, keys, values, OffsetBuffer::from_lengths(lengths), nulls)
}

fn concat_type(given: &[DataType]) -> Result<DataType> {
    if given.is_empty() {
        return Ok(types::map(DataType::Utf8, DataType::Utf8));
    }
    let all_maps = given.iter().all(|of| matches!(of, DataType::Map(..)));
    match common_of(given).filter(|_| all_maps) {
        Some(common) => Ok(common),
        None => {
            let given: Vec<String> = given.iter().map(spark_type).collect();
            plan_err!(
                "function map_concat requires maps of one type, but {} were given",
                given.join(", ")
            )
        }
    }
}

/// NULL where one of the maps is.
fn map_concat<R: Repeats>(call: &Call<'_>) -> Result<ArrayRef> {
    let maps = (0..call.args.len())
        .map(|at| {
            Ok(cast_array(&call.column(at)?, call.returns, &call.zone)?
                .as_map()
                .clone())
        })
        .collect::<Result<Vec<MapArray>>>()?;
    let (key, value) = parts(call.returns)?;
    let joined = |side: fn(&MapArray) -> &ArrayRef, of: &DataType| -> Result<ArrayRef> {
        let all: Vec<&dyn Array> = maps.iter().map(|map| side(map).as_ref()).collect();
        Ok(if all.is_empty() {
            new_empty_array(of)
        } else {
            concat(&all)?
        })
    };
    let (keys, values) = (joined(MapArray::keys, key)?, joined(MapArray::values, value)?);
    let nulls = maps
        .iter()
        .fold(None, |nulls, map| NullBuffer::union(nulls.as_ref(), map.nulls()));
    let mut lengths = Vec::with_capacity(call.rows);
    let mut picks: Vec<u32> = Vec::new();
    for row in 0..call.rows {
        let before = picks.len();
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            let mut base = 0;
            for map in &maps {
                let offsets = map.value_offsets();
                picks.extend((offsets[row] as u32..offsets[row + 1] as u32).map(|at| base + at));
                base += map.entries().len() as u32;
            }
        }
        lengths.push(picks.len() - before);
    }
    let picks = UInt32Array::from(picks);
    let (keys, values) = (take(&keys, &picks, None)?, take(&values, &picks, None)?);
    build::<R>(call.returns, keys, values, OffsetBuffer::from_lengths(lengths), nulls)
}

/// `str_to_map(text, pairs apart, key and value apart)`: the last two are patterns.
fn str_to_map<R: Repeats>(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let pattern = |at: usize, default: &'static str| -> Result<(Patterns, arrow::array::StringArray)> {
        if at < call.args.len() {
            return Ok((Patterns::of(call, at)?, call.text(at)?));
        }
        let same = arrow::array::StringArray::from(vec![default; call.rows]);
        Ok((Patterns::same(default)?, same))
    };
    let ((pairs, pair_texts), (sides, side_texts)) = (pattern(1, ",")?, pattern(2, ":")?);
    let (mut keys, mut values) = (StringBuilder::new(), StringBuilder::new());
    let mut lengths = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    for (row, text) in texts.iter().enumerate() {
        let (Some(text), Some(pair), Some(side)) = (text, pairs.get(row)?, sides.get(row)?) else {
            lengths.push(0);
            valid.push(false);
            continue;
        };
        let mut entries = Vec::new();
        split_text(text, &pair, pair_texts.value(row).is_empty(), usize::MAX, |part| {
            entries.push(part.to_owned())
        })?;
        for entry in &entries {
            let mut count = 0;
            split_text(entry, &side, side_texts.value(row).is_empty(), 2, |part| {
                if count == 0 {
                    keys.append_value(part);
                } else {
                    values.append_value(part);
                }
                count += 1;
            })?;
            if count == 1 {
                values.append_null();
            }
        }
        lengths.push(entries.len());
        valid.push(true);
    }
    let (keys, values): (ArrayRef, ArrayRef) = (Arc::new(keys.finish()), Arc::new(values.finish()));
    let nulls = Some(NullBuffer::from(valid));
    build::<R>(call.returns, keys, values, OffsetBuffer::from_lengths(lengths), nulls)
}
