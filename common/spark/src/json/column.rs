//! Growing columns that can be cut back: what a decoder writes into.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, ListArray, MapArray, NullArray,
    PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Fields, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType,
};

use arrow::array::NullBufferBuilder;
use arrow::error::ArrowError;

use super::{JsonError, shape::Shape};
use crate::interval::{self, Range};

/// Values of one fixed-width type.
#[derive(Debug)]
pub(crate) struct Fixed<T> {
    values: Vec<T>,
    nulls: NullBufferBuilder,
}

impl<T: Copy + Default> Fixed<T> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        }
    }

    #[inline]
    pub fn push(&mut self, value: T) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    pub fn push_null(&mut self) {
        self.values.push(T::default());
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }
}

/// Values of varying length: text or binary.
#[derive(Debug)]
pub(crate) struct Bytes {
    offsets: Vec<i32>,
    pub data: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl Bytes {
    fn new() -> Self {
        Self {
            offsets: vec![0],
            data: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        }
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.commit();
    }

    /// Makes a value of the bytes added to `data` since the last one.
    #[inline]
    pub fn commit(&mut self) {
        // An overflow shows in `finish`: offsets then go down.
        self.offsets.push(self.data.len() as i32);
        self.nulls.append_non_null();
    }

    /// Forgets the bytes added to `data` since the last value.
    pub fn abandon(&mut self) {
        self.data.truncate(self.end());
    }

    pub fn push_null(&mut self) {
        self.offsets.push(self.end() as i32);
        self.nulls.append_null();
    }

    fn end(&self) -> usize {
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.nulls.truncate(len);
        self.abandon();
    }

    fn take(&mut self) -> Result<(OffsetBuffer<i32>, Buffer), JsonError> {
        let data = std::mem::take(&mut self.data);
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        if i32::try_from(data.len()).is_err() {
            return Err(JsonError::TooLarge { bytes: data.len() });
        }
        Ok((OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(data)))
    }
}

/// A struct's columns, all of the same length between records.
#[derive(Debug)]
pub(crate) struct StructColumn {
    pub shape: Shape,
    pub columns: Vec<Column>,
    fields: Fields,
    pub len: usize,
    pub nulls: NullBufferBuilder,
}

impl StructColumn {
    pub fn new(fields: &Fields) -> Result<Self, JsonError> {
        let columns = fields
            .iter()
            .map(|f| Column::new(f.data_type()))
            .collect::<Result<_, _>>()?;
        let shape = Shape::new(fields.iter().map(|f| f.name().as_bytes()));
        Ok(Self {
            shape,
            columns,
            fields: fields.clone(),
            len: 0,
            nulls: NullBufferBuilder::new(0),
        })
    }

    /// Ends the row under way: columns without a value get a null.
    #[inline]
    pub fn complete_row(&mut self, valid: bool) {
        let row = self.len;
        for column in &mut self.columns {
            if column.len() == row {
                column.push_null();
            }
        }
        self.len += 1;
        self.nulls.append(valid);
    }

    /// Ends the row under way with nulls only, whatever was written for it.
    pub fn void_row(&mut self, valid: bool) {
        let row = self.len;
        for column in &mut self.columns {
            column.truncate(row);
        }
        self.complete_row(valid);
    }

    fn truncate(&mut self, len: usize) {
        for column in &mut self.columns {
            column.truncate(len);
        }
        self.len = len;
        self.nulls.truncate(len);
    }

    /// Returns the columns written so far, and starts anew.
    pub fn take_columns(&mut self) -> Result<Vec<ArrayRef>, JsonError> {
        self.len = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }

    pub fn finish(&mut self) -> Result<ArrayRef, JsonError> {
        let len = self.len;
        let nulls = self.nulls.finish();
        let columns = self.take_columns()?;
        Ok(Arc::new(StructArray::try_new_with_length(
            self.fields.clone(),
            columns,
            nulls,
            len,
        )?))
    }
}

/// A list's elements, or a map's keys and values.
#[derive(Debug)]
pub(crate) struct Repeated<C> {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    field: FieldRef,
    pub child: C,
}

impl<C> Repeated<C> {
    fn new(field: FieldRef, child: C) -> Self {
        Self {
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
            field,
            child,
        }
    }

    /// Returns how many elements belong to finished values.
    pub fn end(&self) -> usize {
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    pub fn commit(&mut self, child_len: usize) {
        self.offsets.push(child_len as i32);
        self.nulls.append_non_null();
    }

    pub fn push_null(&mut self) {
        self.offsets.push(self.end() as i32);
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.nulls.truncate(len);
    }

    fn take_offsets(&mut self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.offsets, vec![0])))
    }
}

/// The keys and values of a map column.
#[derive(Debug)]
pub(crate) struct Entries {
    pub keys: Bytes,
    pub values: Column,
    fields: Fields,
}

/// A column of any type JSON can be read into.
#[derive(Debug)]
pub(crate) enum Column {
    Null(usize),
    Bool(Fixed<bool>),
    I8(Fixed<i8>),
    I16(Fixed<i16>),
    I32(Fixed<i32>),
    I64(Fixed<i64>),
    F32(Fixed<f32>),
    F64(Fixed<f64>),
    Date(Fixed<i32>),
    Timestamp(Fixed<i64>, Option<Arc<str>>),
    Decimal(Fixed<i128>, u8, i8),
    Interval(Fixed<i64>, Range),
    Text(Bytes),
    Binary(Bytes),
    Struct(Box<StructColumn>),
    List(Box<Repeated<Column>>),
    Map(Box<Repeated<Entries>>),
}

impl Column {
    /// Makes an empty column.
    ///
    /// # Errors
    /// [`JsonError::UnsupportedType`] and [`JsonError::MapKey`].
    pub fn new(data_type: &DataType) -> Result<Self, JsonError> {
        Ok(match data_type {
            DataType::Null => Self::Null(0),
            DataType::Boolean => Self::Bool(Fixed::new()),
            DataType::Int8 => Self::I8(Fixed::new()),
            DataType::Int16 => Self::I16(Fixed::new()),
            DataType::Int32 => Self::I32(Fixed::new()),
            DataType::Int64 => Self::I64(Fixed::new()),
            DataType::Float32 => Self::F32(Fixed::new()),
            DataType::Float64 => Self::F64(Fixed::new()),
            DataType::Date32 => Self::Date(Fixed::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Self::Timestamp(Fixed::new(), zone.clone()),
            DataType::Decimal128(precision, scale) => Self::Decimal(Fixed::new(), *precision, *scale),
            DataType::Decimal32(..) | DataType::Decimal64(..) => match Range::of(data_type) {
                Some(range) => Self::Interval(Fixed::new(), range),
                None => {
                    return Err(JsonError::UnsupportedType {
                        data_type: data_type.clone(),
                    });
                }
            },
            DataType::Utf8 => Self::Text(Bytes::new()),
            DataType::Binary => Self::Binary(Bytes::new()),
            DataType::Struct(fields) => Self::Struct(Box::new(StructColumn::new(fields)?)),
            DataType::List(field) => {
                let child = Self::new(field.data_type())?;
                Self::List(Box::new(Repeated::new(field.clone(), child)))
            }
            DataType::Map(field, _) => {
                let DataType::Struct(fields) = field.data_type() else {
                    return Err(JsonError::UnsupportedType {
                        data_type: data_type.clone(),
                    });
                };
                let [key, value] = fields.as_ref() else {
                    return Err(JsonError::UnsupportedType {
                        data_type: data_type.clone(),
                    });
                };
                if key.data_type() != &DataType::Utf8 {
                    return Err(JsonError::MapKey {
                        data_type: key.data_type().clone(),
                    });
                }
                let entries = Entries {
                    keys: Bytes::new(),
                    values: Self::new(value.data_type())?,
                    fields: fields.clone(),
                };
                Self::Map(Box::new(Repeated::new(field.clone(), entries)))
            }
            other => {
                return Err(JsonError::UnsupportedType {
                    data_type: other.clone(),
                });
            }
        })
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Null(len) => *len,
            Self::Bool(c) => c.values.len(),
            Self::I8(c) => c.values.len(),
            Self::I16(c) => c.values.len(),
            Self::I32(c) | Self::Date(c) => c.values.len(),
            Self::I64(c) | Self::Timestamp(c, _) => c.values.len(),
            Self::F32(c) => c.values.len(),
            Self::F64(c) => c.values.len(),
            Self::Decimal(c, ..) => c.values.len(),
            Self::Interval(c, _) => c.values.len(),
            Self::Text(c) | Self::Binary(c) => c.len(),
            Self::Struct(c) => c.len,
            Self::List(c) => c.offsets.len() - 1,
            Self::Map(c) => c.offsets.len() - 1,
        }
    }

    pub fn push_null(&mut self) {
        match self {
            Self::Null(len) => *len += 1,
            Self::Bool(c) => c.push_null(),
            Self::I8(c) => c.push_null(),
            Self::I16(c) => c.push_null(),
            Self::I32(c) | Self::Date(c) => c.push_null(),
            Self::I64(c) | Self::Timestamp(c, _) => c.push_null(),
            Self::F32(c) => c.push_null(),
            Self::F64(c) => c.push_null(),
            Self::Decimal(c, ..) => c.push_null(),
            Self::Interval(c, _) => c.push_null(),
            Self::Text(c) | Self::Binary(c) => c.push_null(),
            Self::Struct(c) => c.void_row(false),
            Self::List(c) => c.push_null(),
            Self::Map(c) => c.push_null(),
        }
    }

    /// Forgets the values from `len` on, and whatever was begun behind them.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Null(own) => *own = len.min(*own),
            Self::Bool(c) => c.truncate(len),
            Self::I8(c) => c.truncate(len),
            Self::I16(c) => c.truncate(len),
            Self::I32(c) | Self::Date(c) => c.truncate(len),
            Self::I64(c) | Self::Timestamp(c, _) => c.truncate(len),
            Self::F32(c) => c.truncate(len),
            Self::F64(c) => c.truncate(len),
            Self::Decimal(c, ..) => c.truncate(len),
            Self::Interval(c, _) => c.truncate(len),
            Self::Text(c) | Self::Binary(c) => c.truncate(len),
            Self::Struct(c) => c.truncate(len.min(c.len)),
            Self::List(c) => {
                c.truncate(len);
                let end = c.end();
                c.child.truncate(end);
            }
            Self::Map(c) => {
                c.truncate(len);
                let end = c.end();
                c.child.truncate(end);
            }
        }
    }

    /// Returns what was written so far, and starts anew.
    ///
    /// # Errors
    /// [`JsonError::TooLarge`] if text exceeds what one array can hold, [`JsonError::Arrow`] for a bug here.
    pub fn finish(&mut self) -> Result<ArrayRef, JsonError> {
        Ok(match self {
            Self::Null(len) => Arc::new(NullArray::new(std::mem::take(len))),
            Self::Bool(c) => {
                let values = BooleanBuffer::from(std::mem::take(&mut c.values));
                Arc::new(BooleanArray::new(values, c.nulls.finish()))
            }
            Self::I8(c) => fixed::<Int8Type>(c),
            Self::I16(c) => fixed::<Int16Type>(c),
            Self::I32(c) => fixed::<Int32Type>(c),
            Self::I64(c) => fixed::<Int64Type>(c),
            Self::F32(c) => fixed::<Float32Type>(c),
            Self::F64(c) => fixed::<Float64Type>(c),
            Self::Date(c) => Arc::new(Date32Array::new(std::mem::take(&mut c.values).into(), c.nulls.finish())),
            Self::Timestamp(c, zone) => {
                let values = ScalarBuffer::from(std::mem::take(&mut c.values));
                let array = PrimitiveArray::<TimestampMicrosecondType>::new(values, c.nulls.finish());
                Arc::new(array.with_timezone_opt(zone.clone()))
            }
            Self::Decimal(c, precision, scale) => {
                let array = Decimal128Array::new(std::mem::take(&mut c.values).into(), c.nulls.finish());
                Arc::new(array.with_precision_and_scale(*precision, *scale)?)
            }
            Self::Interval(c, range) => {
                let amounts = Int64Array::new(std::mem::take(&mut c.values).into(), c.nulls.finish());
                interval::column(&amounts, *range).map_err(|error| ArrowError::from_external_error(Box::new(error)))?
            }
            Self::Text(c) => Arc::new(text_array(c)?),
            Self::Binary(c) => {
                let (offsets, data) = c.take()?;
                Arc::new(BinaryArray::try_new(offsets, data, c.nulls.finish())?)
            }
            Self::Struct(c) => c.finish()?,
            Self::List(c) => {
                let offsets = c.take_offsets();
                let child = c.child.finish()?;
                Arc::new(ListArray::try_new(c.field.clone(), offsets, child, c.nulls.finish())?)
            }
            Self::Map(c) => {
                let offsets = c.take_offsets();
                let keys: ArrayRef = Arc::new(text_array(&mut c.child.keys)?);
                let entries = StructArray::try_new(c.child.fields.clone(), vec![keys, c.child.values.finish()?], None)?;
                Arc::new(MapArray::try_new(
                    c.field.clone(),
                    offsets,
                    entries,
                    c.nulls.finish(),
                    false,
                )?)
            }
        })
    }
}

impl Entries {
    pub fn truncate(&mut self, len: usize) {
        self.keys.truncate(len);
        self.values.truncate(len);
    }
}

fn fixed<T: ArrowPrimitiveType>(column: &mut Fixed<T::Native>) -> ArrayRef {
    let values = ScalarBuffer::from(std::mem::take(&mut column.values));
    Arc::new(PrimitiveArray::<T>::new(values, column.nulls.finish()))
}

/// The bytes are checked once more as a whole here, which costs little next to having read them.
fn text_array(column: &mut Bytes) -> Result<StringArray, JsonError> {
    let (offsets, data) = column.take()?;
    Ok(StringArray::try_new(offsets, data, column.nulls.finish())?)
}
