//! The format of state files: an Arrow IPC stream of group columns, state columns and a mark for groups that are gone.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::error::StateError;
use super::layout::Layout;
use super::table::Rows;

/// Bounds the memory a reader needs beside the rows themselves.
const ROWS_PER_MESSAGE: usize = 65_536;

const GONE: &str = "_gone";

/// The file's bytes.
pub(super) fn encode(layout: &Layout, rows: &Rows) -> Result<Vec<u8>, StateError> {
    let mut fields: Vec<_> = layout.partial.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(GONE, DataType::Boolean, false)));
    let schema = Arc::new(Schema::new(fields));
    let mut bytes = Vec::new();
    let written = (|| {
        let mut writer = StreamWriter::try_new(&mut bytes, &schema)?;
        for (batch, gone) in [(&rows.gone, true), (&rows.live, false)] {
            let mut from = 0;
            while from < batch.num_rows() {
                let piece = batch.slice(from, ROWS_PER_MESSAGE.min(batch.num_rows() - from));
                let mark: ArrayRef = Arc::new(BooleanArray::from(vec![gone; piece.num_rows()]));
                let columns = piece.columns().iter().cloned().chain([mark]).collect();
                writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
                from += piece.num_rows();
            }
        }
        writer.finish()
    })();
    written.map_err(StateError::columns("encoding a state file"))?;
    Ok(bytes)
}

/// The file's rows: group and state columns, and which groups are gone.
pub(super) fn decode(
    layout: &Layout,
    path: &str,
    bytes: &[u8],
) -> Result<Vec<(RecordBatch, BooleanArray)>, StateError> {
    let broken = |source: ArrowError| StateError::Damaged {
        path: path.to_owned(),
        source,
    };
    let reader = StreamReader::try_new(bytes, None).map_err(broken)?;
    let schema = reader.schema();
    let found: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    let expected: Vec<&DataType> = layout
        .partial
        .fields()
        .iter()
        .map(|field| field.data_type())
        .chain([&DataType::Boolean])
        .collect();
    if found != expected {
        let text = |types: &[&DataType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(StateError::OtherQuery {
            path: path.to_owned(),
            found: format!("({})", text(&found)),
            expected: format!("({})", text(&expected)),
        });
    }
    let mut batches = Vec::new();
    for batch in reader {
        let mut columns = batch.map_err(broken)?.columns().to_vec();
        let Some(gone) = columns.pop() else { continue };
        let rows = RecordBatch::try_new(Arc::clone(&layout.partial), columns).map_err(broken)?;
        batches.push((rows, gone.as_boolean().clone()));
    }
    Ok(batches)
}
