//! Rows as Arrow IPC streams, whole or in pieces.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use thiserror::Error;

/// Largest piece of a stream: well below gRPC's limit of 4 MiB a message, large enough that its cost does not show.
const CHUNK_BYTES: usize = 1 << 20;

/// Rows per IPC message: bounds what a receiver holds beside the rows it has decoded.
const ROWS_PER_MESSAGE: usize = 16_384;

/// Bytes that are no rows, or rows that cannot become bytes.
#[derive(Debug, Error)]
pub enum IpcError {
    /// The stream is broken.
    #[error("Arrow IPC stream")]
    Arrow(#[from] ArrowError),
    /// The stream ended in the middle.
    #[error("Arrow IPC stream ends after {bytes} bytes in the middle of a message")]
    Truncated {
        /// Bytes received.
        bytes: usize,
    },
}

/// `batches` of `schema` as one stream.
///
/// # Errors
/// [`IpcError::Arrow`] when a batch does not have the schema.
pub fn encode(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, IpcError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(&under(schema, batch)?)?;
    }
    writer.finish()?;
    Ok(writer.into_inner()?)
}

/// The rows of a whole stream; none for no bytes at all.
///
/// # Errors
/// [`IpcError`] for anything that is not one complete stream.
pub fn decode(bytes: impl Into<Bytes>) -> Result<Vec<RecordBatch>, IpcError> {
    let mut decoder = Pieces::default();
    let mut batches = decoder.push(bytes.into())?;
    batches.extend(decoder.finish()?);
    Ok(batches)
}

/// The stream's pieces, each at most `CHUNK_BYTES`, made one after another as they are asked for.
pub(super) fn pieces(batches: Arc<[RecordBatch]>) -> impl Iterator<Item = Result<Bytes, IpcError>> + Send {
    let slices = (0..batches.len()).flat_map({
        let batches = Arc::clone(&batches);
        move |at| {
            let rows = batches.get(at).map_or(0, RecordBatch::num_rows);
            (0..rows.max(1)).step_by(ROWS_PER_MESSAGE).map(move |from| (at, from))
        }
    });
    let mut writer = batches
        .first()
        .map(|batch| StreamWriter::try_new(Vec::new(), &batch.schema()));
    let schema = batches.first().map(RecordBatch::schema);
    let mut write = move |position: Option<(usize, usize)>| -> Result<Vec<u8>, IpcError> {
        let (Some(Ok(writer)), Some(schema)) = (&mut writer, &schema) else {
            return Ok(Vec::new());
        };
        match position.and_then(|(at, from)| batches.get(at).map(|batch| (batch, from))) {
            Some((batch, from)) => {
                let rows = ROWS_PER_MESSAGE.min(batch.num_rows().saturating_sub(from));
                writer.write(&under(schema, &batch.slice(from, rows))?)?;
            }
            None => writer.finish()?,
        }
        Ok(std::mem::take(writer.get_mut()))
    };
    slices
        .map(Some)
        .chain([None])
        .flat_map(move |position| match write(position) {
            Ok(bytes) => cut(bytes.into()).into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
}

fn cut(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(bytes.len() / CHUNK_BYTES + 1);
    while !bytes.is_empty() {
        pieces.push(bytes.split_to(bytes.len().min(CHUNK_BYTES)));
    }
    pieces
}

/// Tasks of one stage may differ in a schema's metadata or nullability; a stream has one schema.
fn under(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
}

/// Puts pieces together again.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    decoder: StreamDecoder,
    bytes: usize,
}

impl Pieces {
    /// The batches that are complete with this piece.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<Vec<RecordBatch>, IpcError> {
        self.bytes += piece.len();
        let mut buffer = Buffer::from(piece);
        let mut batches = Vec::new();
        while !buffer.is_empty() {
            if let Some(batch) = self.decoder.decode(&mut buffer)? {
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    /// Checks that nothing is missing.
    pub(super) fn finish(&mut self) -> Result<Vec<RecordBatch>, IpcError> {
        if self.bytes > 0 {
            self.decoder
                .finish()
                .map_err(|_| IpcError::Truncated { bytes: self.bytes })?;
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("text {n}"))));
        RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap()
    }

    #[test]
    fn pieces_are_bounded_and_give_the_rows_back() {
        let batches: Arc<[RecordBatch]> = vec![batch(100_000), batch(0), batch(3)].into();
        let pieces: Vec<Bytes> = pieces(Arc::clone(&batches)).collect::<Result<_, _>>().unwrap();
        assert!(pieces.len() > 2 && pieces.iter().all(|piece| piece.len() <= CHUNK_BYTES));
        let mut decoder = Pieces::default();
        let mut rows = Vec::new();
        for piece in pieces {
            rows.extend(decoder.push(piece).unwrap());
        }
        decoder.finish().unwrap();
        let schema = batches[0].schema();
        let joined = |batches: &[RecordBatch]| arrow::compute::concat_batches(&schema, batches).unwrap();
        assert_eq!(joined(&rows), joined(&batches));
    }

    #[test]
    fn a_cut_off_stream_is_an_error() {
        let bytes = encode(&batch(0).schema(), &[batch(1_000)]).unwrap();
        assert_eq!(decode(bytes.clone()).unwrap()[0].num_rows(), 1_000);
        assert!(decode(bytes[..bytes.len() / 2].to_vec()).is_err());
        assert!(decode(Bytes::new()).unwrap().is_empty());
    }
}
