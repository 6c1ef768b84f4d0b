//! What a sink asks of the columns it is given.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use millstream_plan::spec::{FileFormat, SinkSpec};
use millstream_spark::type_name::spark_type;
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::engine_fault;
use crate::plan::scope::{Relation, columns, unique};
use crate::tables::{Provider, Table};

/// Names the columns after an INSERT's list, else after the declared columns of the table.
pub(super) fn given_columns(
    mut relation: Relation,
    given: &[(String, Location)],
    table: &Table,
    at: Location,
) -> Checked<Relation> {
    if !given.is_empty() {
        if given.len() != relation.names.len() {
            let message = format!(
                "{} columns are named, the query has {}",
                given.len(),
                relation.names.len()
            );
            return Err(Fault::new(
                SqlErrorKind::Type,
                given.first().map_or(at, |g| g.1),
                message,
            ));
        }
        relation.names = given.iter().map(|(n, _)| n.clone()).collect();
        return Ok(relation);
    }
    if let (Provider::Files(_), Some((fields, _))) = (table.provider, &table.columns) {
        if fields.len() != relation.names.len() {
            let message = format!(
                "'{}' has {} columns, the query has {}",
                table.name,
                fields.len(),
                relation.names.len()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        relation.names = fields.iter().map(|f| f.name().clone()).collect();
    }
    Ok(relation)
}

/// Records whether what is there gives way; Kafka cannot forget.
pub(super) fn overwriting(sink: SinkSpec, overwrite: bool, streaming: bool, at: Location) -> Checked<SinkSpec> {
    let refused = |message: &str| Err(Fault::new(SqlErrorKind::Unsupported, at, message).help("use INSERT INTO"));
    match sink {
        SinkSpec::Kafka { .. } if overwrite => refused("a topic cannot be overwritten, only appended to"),
        SinkSpec::Files { .. } if overwrite && streaming => {
            refused("a stream cannot overwrite files, only append to them")
        }
        SinkSpec::Files {
            format,
            path,
            single_file,
            mut options,
        } => {
            options.set("mode", if overwrite { "overwrite" } else { "append" });
            Ok(SinkSpec::Files {
                format,
                path,
                single_file,
                options,
            })
        }
        sink => Ok(sink),
    }
}

/// Checks and shapes the columns for the sink.
pub(super) fn fit_sink(relation: Relation, sink: &SinkSpec, table: &Table, at: Location) -> Checked<Relation> {
    match sink {
        SinkSpec::Kafka { topic, .. } => fit_kafka(relation, topic.is_some(), table, at),
        SinkSpec::Files { format, .. } => {
            for (name, field) in relation.names.iter().zip(relation.plan.schema().fields()) {
                let of = field.data_type();
                if relation.names.iter().filter(|n| n.eq_ignore_ascii_case(name)).count() > 1 {
                    return Err(Fault::new(
                        SqlErrorKind::Name,
                        at,
                        format!("column '{name}' appears twice, files need different names"),
                    )
                    .help("rename one with AS"));
                }
                let nested = matches!(
                    of,
                    DataType::Struct(_) | DataType::List(_) | DataType::Map(..) | DataType::Binary
                );
                if *format == FileFormat::Csv && nested {
                    let message = format!(
                        "column '{name}' is {}, which CSV cannot hold",
                        spark_type(of).to_uppercase()
                    );
                    return Err(
                        Fault::new(SqlErrorKind::Type, at, message).help("use to_json(...), or cast it to STRING")
                    );
                }
                if millstream_spark::types::is_interval(of) {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        format!("column '{name}' is an interval, which files cannot hold"),
                    ));
                }
            }
            declared_types(relation, table, at)
        }
        _ => Ok(relation),
    }
}

pub(super) fn declared_types(relation: Relation, table: &Table, at: Location) -> Checked<Relation> {
    let Some((fields, _)) = &table.columns else {
        return Ok(relation);
    };
    let items: Vec<Expr> = columns(&relation.plan)
        .into_iter()
        .zip(&relation.names)
        .map(|(column, name)| {
            let column = Expr::Column(column);
            match fields.iter().find(|f| f.name().eq_ignore_ascii_case(name)) {
                Some(field) => datafusion::logical_expr::cast(column, field.data_type().clone()).alias(name),
                None => column.alias(name),
            }
        })
        .collect();
    let plan = LogicalPlanBuilder::from(relation.plan)
        .project(items)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, at))?;
    Ok(Relation {
        plan,
        names: relation.names,
    })
}

/// Kafka's columns: types checked, others dropped, NULL typed.
pub(super) fn fit_kafka(relation: Relation, has_topic: bool, table: &Table, at: Location) -> Checked<Relation> {
    let all = columns(&relation.plan);
    let fields = relation.plan.schema().fields().clone();
    let text = "STRING or BINARY";
    let mut items = Vec::new();
    let mut names = Vec::new();
    for (index, name) in relation.names.iter().enumerate() {
        let lower = name.to_ascii_lowercase();
        let of = fields[index].data_type();
        let textual = matches!(
            of,
            DataType::Utf8
                | DataType::Binary
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::BinaryView
                | DataType::LargeBinary
        );
        let (fits, expected, typed) = match lower.as_str() {
            "key" | "value" => (textual, text, DataType::Utf8),
            "topic" => (
                matches!(of, DataType::Utf8 | DataType::Utf8View),
                "STRING",
                DataType::Utf8,
            ),
            "partition" => (*of == DataType::Int32, "INT", DataType::Int32),
            "headers" => (
                spark_type(of) == "array<struct<key:string,value:binary>>",
                "ARRAY<STRUCT<key: STRING, value: BINARY>>",
                DataType::Null,
            ),
            _ => continue,
        };
        if names.contains(&lower) {
            return Err(Fault::new(
                SqlErrorKind::Name,
                at,
                format!("column '{lower}' appears twice"),
            ));
        }
        let column = Expr::Column(all[index].clone());
        if *of == DataType::Null && typed != DataType::Null {
            items.push(datafusion::logical_expr::cast(column, typed).alias(&lower));
        } else if fits {
            items.push(column.alias(&lower));
        } else {
            let message = format!(
                "column '{lower}' of a Kafka sink is {expected}, here it is {}",
                spark_type(of).to_uppercase()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message).help(format!(
                "cast it: CAST({name} AS {})",
                expected.split(" or ").next().unwrap_or_default()
            )));
        }
        names.push(lower);
    }
    if !names.iter().any(|n| n == "value") {
        let message = format!(
            "writing to Kafka needs a column 'value', the query has: {}",
            relation.names.join(", ")
        );
        return Err(Fault::new(SqlErrorKind::Name, at, message)
            .help("for instance: SELECT CAST(id AS STRING) AS key, to_json(struct(*)) AS value FROM ..."));
    }
    if !has_topic && !names.iter().any(|n| n == "topic") {
        return Err(Fault::new(
            SqlErrorKind::Option,
            at,
            format!("nothing says which topic '{}' writes to", table.name),
        )
        .help("add the option topic 'name' to the table, or a column 'topic' to the query"));
    }
    let plan = LogicalPlanBuilder::from(relation.plan)
        .project(items)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, at))?;
    debug_assert_eq!(unique(&names), names);
    Ok(Relation { plan, names })
}
