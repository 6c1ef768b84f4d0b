//! Plans as bytes: datafusion-proto, with our operators as JSON (and schemas as Arrow IPC) beside it.
//!
//! Both ends must be the same build: DataFusion promises no compatibility between versions, and functions are found by
//! name in the receiver's session.

use std::io::Cursor;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::common::{exec_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::{Deserialize, Serialize};

use crate::event_time::WatermarkExec;
use crate::pane::PaneExpandExec;
use crate::slot::SlotExec;
use crate::spec::SlotId;
use crate::stream_limit::StreamLimitExec;
use crate::time_window::{TimeWindowExec, WindowShape};
use crate::window_rewrite::{EVENT_WINDOW, event_window};

/// The bytes of `plan`.
///
/// # Errors
/// When the plan holds an operator or expression that cannot be shipped.
pub fn encode(plan: Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
    Ok(physical_plan_to_bytes_with_extension_codec(plan, &Codec)?.to_vec())
}

/// The plan in `bytes`; functions are looked up in `context`.
///
/// # Errors
/// When the bytes are of another build or name an unknown function.
pub fn decode(bytes: &[u8], context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
    physical_plan_from_bytes_with_extension_codec(bytes, context, &Codec)
}

/// The settings of one of our operators; its children travel apart.
#[derive(Serialize, Deserialize)]
enum Operator {
    Slot {
        slot: SlotId,
        rows: usize,
        schema: Vec<u8>,
    },
    Watermark {
        column: usize,
        watermark: u32,
    },
    TimeWindow {
        time: usize,
        shape: WindowShape,
        column: String,
    },
    PaneExpand {
        column: usize,
        shape: WindowShape,
    },
    StreamLimit {
        fetch: u64,
        number: usize,
    },
}

#[derive(Debug)]
struct Codec;

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _context: &TaskContext,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let operator: Operator = serde_json::from_slice(bytes)
            .map_err(|error| exec_datafusion_err!("an operator of another build: {error}"))?;
        let input = || match inputs {
            [input] => Ok(Arc::clone(input)),
            _ => internal_err!("an operator with {} inputs, expected 1", inputs.len()),
        };
        Ok(match operator {
            Operator::Slot { slot, rows, schema } => Arc::new(SlotExec::with_rows(slot, decode_schema(&schema)?, rows)),
            Operator::Watermark { column, watermark } => Arc::new(WatermarkExec::try_new(input()?, column, watermark)?),
            Operator::TimeWindow { time, shape, column } => {
                Arc::new(TimeWindowExec::try_new(input()?, time, shape, column)?)
            }
            Operator::PaneExpand { column, shape } => Arc::new(PaneExpandExec::try_new(input()?, column, shape)?),
            Operator::StreamLimit { fetch, number } => Arc::new(StreamLimitExec::new(input()?, fetch, number)),
        })
    }

    fn try_decode_udf(&self, name: &str, _bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        match name {
            EVENT_WINDOW => Ok(Arc::new(event_window())),
            other => internal_err!("no function '{other}'"),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let operator = if let Some(slot) = node.downcast_ref::<SlotExec>() {
            Operator::Slot {
                slot: slot.slot(),
                rows: slot.rows(),
                schema: encode_schema(&node.schema())?,
            }
        } else if let Some(node) = node.downcast_ref::<WatermarkExec>() {
            Operator::Watermark {
                column: node.column,
                watermark: node.watermark,
            }
        } else if let Some(node) = node.downcast_ref::<TimeWindowExec>() {
            Operator::TimeWindow {
                time: node.time,
                shape: node.shape,
                column: node.column.clone(),
            }
        } else if let Some(node) = node.downcast_ref::<PaneExpandExec>() {
            Operator::PaneExpand {
                column: node.column,
                shape: node.shape,
            }
        } else if let Some(node) = node.downcast_ref::<StreamLimitExec>() {
            Operator::StreamLimit {
                fetch: node.fetch(),
                number: node.number(),
            }
        } else {
            return internal_err!("{} cannot be sent to an executor", node.name());
        };
        serde_json::to_writer(bytes, &operator).map_err(|error| exec_datafusion_err!("{}: {error}", node.name()))
    }
}

/// A schema as an Arrow IPC stream without batches.
///
/// # Errors
/// Never for schemas Arrow can represent.
pub fn encode_schema(schema: &SchemaRef) -> Result<Vec<u8>> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    writer.finish()?;
    Ok(writer.into_inner()?)
}

/// The schema that [`encode_schema`] wrote.
///
/// # Errors
/// When the bytes are no Arrow IPC stream.
pub fn decode_schema(bytes: &[u8]) -> Result<SchemaRef> {
    Ok(StreamReader::try_new(Cursor::new(bytes), None)?.schema())
}
