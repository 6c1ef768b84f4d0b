//! Values of records as the declared columns.

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use millstream_common::options::Options;
use millstream_spark::json::{JsonError, JsonOptions, RecordDecoder};
use millstream_spark::zone::Tz;

use crate::error::TaskError;

/// Decodes values into some of the declared columns.
pub(super) struct ValueDecoder(Box<RecordDecoder>);

impl ValueDecoder {
    /// One JSON object per value.
    pub(super) fn json(
        declared: &[Field],
        projection: &[usize],
        options: &Options,
        time_zone: Tz,
    ) -> Result<Self, TaskError> {
        let options = JsonOptions::from_pairs(options.iter(), time_zone).map_err(unreadable)?;
        Ok(Self(Box::new(
            RecordDecoder::try_new(declared, projection, &options).map_err(unreadable)?,
        )))
    }

    pub(super) fn append(&mut self, value: Option<&[u8]>) {
        self.0.append(value);
    }

    /// The columns since the last call, and how many values could not be decoded.
    pub(super) fn finish(&mut self) -> Result<(Vec<ArrayRef>, u64), TaskError> {
        let malformed = self.0.malformed();
        Ok((self.0.finish().map_err(unreadable)?, malformed))
    }
}

fn unreadable(error: JsonError) -> TaskError {
    TaskError::Column {
        column: "value".to_owned(),
        reason: error.to_string(),
    }
}
