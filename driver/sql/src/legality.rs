//! What a streaming query may do, by Spark's rules; everything else is refused before anything starts.

use std::collections::BTreeSet;

use datafusion::common::JoinType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, Limit, LogicalPlan, SkipType};
use millstream_plan::event_time::EVENT_TIME;
use millstream_plan::source::SourceTable;
use millstream_plan::spec::{OutputMode, SlotId};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::QueryText;

/// What is known of the rows of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shape {
    /// They come from a stream.
    streaming: bool,
    /// How many aggregations they went through.
    aggregations: usize,
    /// One of them was by GROUP BY, not by DISTINCT.
    grouped: bool,
}

/// Checks a streaming query.
pub(crate) struct Legality<'a> {
    pub(crate) text: &'a QueryText,
    pub(crate) streams: &'a BTreeSet<SlotId>,
    pub(crate) mode: OutputMode,
    /// Where the mode is given, else where the query begins.
    pub(crate) mode_at: Location,
}

fn refuse<T>(at: Location, message: impl Into<String>, help: &str) -> Checked<T> {
    Err(Fault::new(SqlErrorKind::Unsupported, at, message).help(help))
}

impl Legality<'_> {
    /// Checks the shape of a plan, as written, against the output mode.
    pub(crate) fn check_shape(&self, planned: &LogicalPlan) -> Checked<()> {
        let shape = self.shape(planned)?;
        if self.mode == OutputMode::Complete && shape.aggregations == 0 {
            return refuse(
                self.mode_at,
                "OUTPUT MODE complete needs an aggregation: without one the result would be the whole stream, for ever",
                "use OUTPUT MODE append, or aggregate with GROUP BY",
            );
        }
        Ok(())
    }

    /// Checks the grouping keys of an optimised plan against the output mode.
    pub(crate) fn check_keys(&self, optimized: &LogicalPlan) -> Checked<()> {
        if self.mode == OutputMode::Append && !groups_end(optimized, self.streams) {
            return refuse(
                self.mode_at,
                "OUTPUT MODE append needs to know when a group is over: no GROUP BY key is event time with a watermark",
                "group by window(time, ...) or by the time column itself and add WATERMARK time DELAY OF INTERVAL ... to its stream, or use OUTPUT MODE update or complete",
            );
        }
        Ok(())
    }

    fn shape(&self, plan: &LogicalPlan) -> Checked<Shape> {
        self.subqueries(plan)?;
        self.numbered_rows(plan)?;
        let inputs = plan
            .inputs()
            .into_iter()
            .map(|i| self.shape(i))
            .collect::<Checked<Vec<_>>>()?;
        let first = inputs.first().copied().unwrap_or_default();
        Ok(match plan {
            LogicalPlan::TableScan(_) => Shape {
                streaming: is_streaming(plan, self.streams),
                ..Shape::default()
            },
            LogicalPlan::Aggregate(aggregate) if first.streaming => {
                self.aggregate_functions(&aggregate.aggr_expr)?;
                Shape {
                    grouped: true,
                    ..self.aggregated(first)?
                }
            }
            // Spark's UNION without ALL comes here as well.
            LogicalPlan::Distinct(_) if first.streaming => self.aggregated(first)?,
            LogicalPlan::Sort(_) if first.streaming => {
                if !first.grouped || self.mode != OutputMode::Complete {
                    return refuse(
                        self.text.place_of("ORDER"),
                        "a stream cannot be sorted: ORDER BY is possible only over an aggregation in OUTPUT MODE complete",
                        "take ORDER BY away, or aggregate with OUTPUT MODE complete",
                    );
                }
                first
            }
            LogicalPlan::Limit(limit) if first.streaming => self.limit(limit, first)?,
            LogicalPlan::Window(_) if first.streaming => {
                return refuse(
                    self.text.place_of("OVER"),
                    "window functions (OVER) are not possible over a stream",
                    "group by a time window instead: GROUP BY window(time, '10 minutes')",
                );
            }
            LogicalPlan::Join(join) => self.join(join.join_type, &inputs)?,
            LogicalPlan::Union(_) => {
                if inputs.iter().any(|s| s.streaming) && !inputs.iter().all(|s| s.streaming) {
                    return refuse(
                        self.text.place_of("UNION"),
                        "a stream and a batch cannot be united",
                        "read both with STREAM, or both without",
                    );
                }
                Shape {
                    streaming: first.streaming,
                    aggregations: inputs.iter().map(|s| s.aggregations).max().unwrap_or(0),
                    grouped: inputs.iter().any(|s| s.grouped),
                }
            }
            _ => Shape {
                streaming: inputs.iter().any(|s| s.streaming),
                aggregations: inputs.iter().map(|s| s.aggregations).max().unwrap_or(0),
                grouped: inputs.iter().any(|s| s.grouped),
            },
        })
    }

    fn limit(&self, limit: &Limit, input: Shape) -> Checked<Shape> {
        let skips = !matches!(limit.get_skip_type(), Ok(SkipType::Literal(0)));
        let (word, message) = match self.mode {
            OutputMode::Update => ("LIMIT", "LIMIT over a stream is not possible in OUTPUT MODE update"),
            OutputMode::Append | OutputMode::Complete if skips => (
                "OFFSET",
                "OFFSET over a stream is not possible: batches have no rows in common",
            ),
            OutputMode::Append | OutputMode::Complete => return Ok(input),
        };
        refuse(
            self.text.place_of(word),
            message,
            "use it over rows in OUTPUT MODE append, or over an aggregation in OUTPUT MODE complete",
        )
    }

    fn aggregated(&self, input: Shape) -> Checked<Shape> {
        if input.aggregations > 0 {
            return refuse(
                self.text.place_of("GROUP"),
                "an aggregation over the result of another aggregation of a stream is not supported yet",
                "write the first result to a topic and aggregate it in a query of its own",
            );
        }
        Ok(Shape {
            aggregations: 1,
            ..input
        })
    }

    fn aggregate_functions(&self, aggregates: &[Expr]) -> Checked<()> {
        for expr in aggregates {
            let mut distinct = None;
            let _ = expr.apply(|e| {
                if let Expr::AggregateFunction(f) = e
                    && f.params.distinct
                {
                    distinct = Some(f.func.name().to_owned());
                }
                Ok(TreeNodeRecursion::Continue)
            });
            if let Some(name) = distinct {
                return refuse(
                    self.text.place_of("DISTINCT"),
                    format!(
                        "{name}(DISTINCT ...) is not possible over a stream: every value ever seen would have to be kept"
                    ),
                    "use approx_count_distinct(...)",
                );
            }
        }
        Ok(())
    }

    fn join(&self, kind: JoinType, inputs: &[Shape]) -> Checked<Shape> {
        let (left, right) = (
            inputs.first().copied().unwrap_or_default(),
            inputs.get(1).copied().unwrap_or_default(),
        );
        let at = self.text.place_of("JOIN");
        let both = Shape {
            streaming: left.streaming || right.streaming,
            aggregations: left.aggregations + right.aggregations,
            grouped: left.streaming && left.grouped || right.streaming && right.grouped,
        };
        if left.streaming && right.streaming {
            return refuse(
                at,
                "joining two streams is not supported yet",
                "join a stream with a table of files",
            );
        }
        // The static side may not be the one whose unmatched rows are kept: nobody knows when the stream has no match.
        let refused = match kind {
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => left.streaming,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => right.streaming,
            JoinType::Full => both.streaming,
            _ => false,
        };
        if refused {
            let name = match kind {
                JoinType::Full => "a FULL join",
                JoinType::Right => "a RIGHT join with a stream on the left",
                JoinType::Left => "a LEFT join with a stream on the right",
                _ => "a SEMI or ANTI join with a stream on the right",
            };
            return refuse(
                at,
                format!("{name} is not possible: rows of the table without a match would have to wait for ever"),
                "keep the stream on the side whose rows are kept",
            );
        }
        // Only the streaming side's aggregations count.
        Ok(Shape {
            aggregations: if left.streaming {
                left.aggregations
            } else {
                right.aggregations
            },
            ..both
        })
    }

    /// Rows are numbered anew in every batch: Spark refuses that anywhere in a streaming query.
    fn numbered_rows(&self, plan: &LogicalPlan) -> Checked<()> {
        let name = "monotonically_increasing_id";
        let asks = |e: &Expr| Ok(matches!(e, Expr::ScalarFunction(f) if f.func.name() == name));
        if !plan.expressions().iter().any(|e| e.exists(asks).unwrap_or(false)) {
            return Ok(());
        }
        refuse(
            self.text.place_of(name),
            format!("{name}() is not possible in a streaming query: every batch would begin again"),
            "use partition and offset of the table",
        )
    }

    /// A stream in a subquery of an expression has no end to wait for.
    fn subqueries(&self, plan: &LogicalPlan) -> Checked<()> {
        let mut found = false;
        let _ = plan.apply_expressions(|e| {
            e.apply(|e| {
                let subquery = match e {
                    Expr::ScalarSubquery(s) => Some(&s.subquery),
                    Expr::InSubquery(s) => Some(&s.subquery.subquery),
                    Expr::Exists(s) => Some(&s.subquery.subquery),
                    _ => None,
                };
                if let Some(subquery) = subquery {
                    found |= self.shape(subquery).map_or(true, |s| s.streaming);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        });
        if found {
            return refuse(
                self.text.place_of("STREAM"),
                "a stream cannot stand in a subquery of an expression",
                "join with it, or read the table without STREAM",
            );
        }
        Ok(())
    }
}

/// Whether rows of a stream come out of `plan`.
pub(crate) fn is_streaming(plan: &LogicalPlan, streams: &BTreeSet<SlotId>) -> bool {
    plan.exists(|node| {
        let LogicalPlan::TableScan(scan) = node else {
            return Ok(false);
        };
        let slot = source_as_provider(&scan.source)
            .ok()
            .and_then(|p| p.downcast_ref::<SourceTable>().map(SourceTable::slot));
        Ok(slot.is_some_and(|slot| streams.contains(&slot)))
    })
    .unwrap_or(false)
}

/// Whether every aggregation of a stream has a key that tells when a group is over.
fn groups_end(plan: &LogicalPlan, streams: &BTreeSet<SlotId>) -> bool {
    let endless = plan.exists(|node| {
        let LogicalPlan::Aggregate(aggregate) = node else {
            return Ok(false);
        };
        let keys = aggregate.group_expr_len()?;
        let fields = aggregate.schema.fields().iter();
        let ends = fields.take(keys).any(|f| f.metadata().contains_key(EVENT_TIME));
        Ok(!ends && is_streaming(node, streams))
    });
    !endless.unwrap_or(true)
}
