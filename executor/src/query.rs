//! A query set up on this executor: plans decoded once, readers and state kept between batches.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use millstream_common::domain::offset::{OffsetRange, TopicPartition};
use millstream_kafka::{KafkaConfig, Role, Sender, SourceReader};
use millstream_plan::codec;
use millstream_plan::slot::{Batches, TaskInputs};
use millstream_plan::spec::{KafkaSource, QuerySpec, ReduceStageSpec, SinkSpec, SlotId, key_groups_of};
use millstream_proto::control::v1::PrepareQuery;
use millstream_spark::zone::Tz;
use millstream_spark::{SessionSettings, task_context};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::error::TaskError;
use crate::shuffle::{BlockClient, StaticTables};
use crate::state::{FileStore, Layout, ReduceState};
use crate::storage::StoreFiles;

/// Batches after which a state or a partition that none of them used is let go: its task runs elsewhere now.
const UNUSED_BATCHES_MAX: u64 = 8;

/// One start of a query, as far as this executor is concerned.
pub struct Query {
    /// What was sent.
    pub spec: QuerySpec,
    /// The session it belongs to.
    pub session: u64,
    /// Session time zone.
    pub time_zone: Tz,
    /// The state's columns, for a query with a reduce stage.
    pub layout: Option<Arc<Layout>>,
    plans: Vec<Arc<dyn ExecutionPlan>>,
    context: Arc<TaskContext>,
    tables: BTreeMap<SlotId, Arc<Vec<arrow::array::RecordBatch>>>,
    states: Mutex<HashMap<u32, Arc<Mutex<ReduceState>>>>,
    state_files: Option<Arc<dyn FileStore>>,
    readers: Mutex<HashMap<SlotId, Reader>>,
    sender: Mutex<Option<Sender>>,
}

/// A source's consumer, and the batch that last read each of its partitions.
struct Reader {
    reader: Arc<SourceReader>,
    last_read: HashMap<TopicPartition, u64>,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query")
            .field("query", &self.spec.query)
            .field("generation", &self.spec.generation)
            .finish_non_exhaustive()
    }
}

impl Query {
    /// Decodes plans and fetches static tables.
    ///
    /// # Errors
    /// When the message is of another build, names an unknown time zone, or a static table does not come.
    pub async fn prepare(
        message: &PrepareQuery,
        session: u64,
        client: &BlockClient,
        tables: &StaticTables,
    ) -> Result<Self, TaskError> {
        let spec: QuerySpec = serde_json::from_slice(&message.spec_json).map_err(TaskError::Specification)?;
        let time_zone: Tz = spec.time_zone.parse().map_err(|_| TaskError::TimeZone {
            name: spec.time_zone.clone(),
        })?;
        let context = task_context(&SessionSettings {
            time_zone,
            target_partitions: 1,
        });
        let plans = message
            .plans
            .iter()
            .map(|bytes| codec::decode(bytes, &context))
            .collect::<Result<Vec<_>, _>>()
            .map_err(TaskError::plan("decoding the query's plan"))?;
        let mut by_slot = BTreeMap::new();
        for table in &message.static_tables {
            let rows = tables
                .get(client, &table.blocks_address, &table.content_hash)
                .await
                .map_err(|source| TaskError::Fetch { block: None, source })?;
            by_slot.insert(SlotId(table.slot), rows);
        }
        let (mut layout, mut state_files) = (None, None);
        if let Some(reduce) = &spec.reduce {
            let plan = plans
                .get(reduce.aggregate)
                .ok_or_else(|| unknown("plan", reduce.aggregate))?;
            layout = Some(Arc::new(Layout::try_new(plan, reduce.event_time_key)?));
            if let Some(location) = &reduce.state_location {
                let files: Arc<dyn FileStore> = Arc::new(StoreFiles::open(location, Handle::current())?);
                state_files = Some(files);
            }
        }
        Ok(Self {
            spec,
            session,
            time_zone,
            layout,
            plans,
            context,
            tables: by_slot,
            states: Mutex::default(),
            state_files,
            readers: Mutex::default(),
            sender: Mutex::default(),
        })
    }

    /// A copy of plan `index` that one task may run.
    ///
    /// # Errors
    /// [`TaskError::Unknown`].
    pub fn plan(&self, index: usize) -> Result<Arc<dyn ExecutionPlan>, TaskError> {
        let plan = self.plans.get(index).ok_or_else(|| unknown("plan", index))?;
        // Operators keep what they built, filters and metrics: a shared plan gives wrong rows the second time.
        reset_plan_states(Arc::clone(plan)).map_err(TaskError::plan("preparing the plan"))
    }

    /// The context of a task's plan; every plan finds the static tables beside `inputs`.
    #[must_use]
    pub fn inputs(&self) -> TaskInputs {
        self.tables.iter().fold(TaskInputs::default(), |inputs, (slot, rows)| {
            inputs.with(*slot, Arc::new(Batches(rows.to_vec())))
        })
    }

    /// The context all tasks' contexts derive from.
    #[must_use]
    pub fn context(&self) -> &TaskContext {
        &self.context
    }

    /// The reduce stage.
    ///
    /// # Errors
    /// [`TaskError::Unknown`] for a query without one.
    pub fn reduce(&self) -> Result<(&ReduceStageSpec, &Arc<Layout>), TaskError> {
        self.spec
            .reduce
            .as_ref()
            .zip(self.layout.as_ref())
            .ok_or(TaskError::Unknown {
                what: "reduce stage",
                index: 0,
            })
    }

    /// The state of reduce task `index`, empty when this executor has not held it yet.
    ///
    /// # Errors
    /// [`TaskError::Unknown`] for a query without a reduce stage.
    pub fn state(&self, index: u32) -> Result<Arc<Mutex<ReduceState>>, TaskError> {
        let (reduce, layout) = self.reduce()?;
        let mut states = self.states.lock();
        let state = states.entry(index).or_insert_with(|| {
            let key_groups = key_groups_of(index, reduce.tasks);
            Arc::new(Mutex::new(ReduceState::new(
                Arc::clone(layout),
                key_groups,
                self.state_files.clone(),
            )))
        });
        Ok(Arc::clone(state))
    }

    /// All states held; the lock on the map is not kept.
    fn states(&self) -> Vec<Arc<Mutex<ReduceState>>> {
        self.states.lock().values().cloned().collect()
    }

    /// Memory of all states not in use right now.
    #[must_use]
    pub fn state_bytes(&self) -> u64 {
        let bytes: usize = self
            .states()
            .iter()
            .filter_map(|state| state.try_lock().map(|state| state.bytes()))
            .sum();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// `batch` exists. Blocks while a task holds a state. States that other executors have taken over are dropped.
    pub fn commit(&self, batch: u64) {
        self.release_partitions(batch);
        for state in self.states() {
            state.lock().commit(batch);
        }
        self.states.lock().retain(|_, state| {
            state
                .try_lock()
                .is_none_or(|state| state.version() + UNUSED_BATCHES_MAX > batch)
        });
    }

    /// `batch` is undone. Blocks while a task holds a state.
    pub fn abort(&self, batch: u64) {
        self.states().iter().for_each(|state| state.lock().abort(batch));
    }

    /// The consumer of a source, opened on first use and shared by all tasks: it reads ahead between batches. `ranges` are what
    /// `batch` is about to read.
    ///
    /// # Errors
    /// [`TaskError::Kafka`] for options that cannot be used.
    pub fn reader(
        &self,
        slot: SlotId,
        source: &KafkaSource,
        batch: u64,
        ranges: &[OffsetRange],
    ) -> Result<Arc<SourceReader>, TaskError> {
        let mut readers = self.readers.lock();
        let entry = match readers.entry(slot) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(free) => {
                let config = KafkaConfig::from_options(&source.options, Role::Reader)?;
                let prefix = source.options.get("groupIdPrefix").unwrap_or("millstream-source");
                let group = format!("{prefix}-{}-{}-executor", self.spec.query, self.spec.generation);
                let reader = Arc::new(SourceReader::open(&config, &group)?);
                free.insert(Reader {
                    reader,
                    last_read: HashMap::new(),
                })
            }
        };
        for range in ranges {
            entry.last_read.insert(range.partition.clone(), batch);
        }
        Ok(Arc::clone(&entry.reader))
    }

    /// Stops reading ahead of partitions that other executors read now.
    fn release_partitions(&self, batch: u64) {
        for entry in self.readers.lock().values_mut() {
            let before = entry.last_read.len();
            entry
                .last_read
                .retain(|_, last| last.saturating_add(UNUSED_BATCHES_MAX) > batch);
            if entry.last_read.len() < before
                && let Err(error) = entry.reader.retain(|partition| entry.last_read.contains_key(partition))
            {
                // They cost memory and nothing else; the next batch tries again.
                tracing::warn!(
                    reason = crate::error::chain(&error),
                    "partitions read elsewhere are still fetched"
                );
            }
        }
    }

    /// A sender of its own for one task, over the connection all tasks of the query share.
    ///
    /// # Errors
    /// [`TaskError::Kafka`] for options that cannot be used.
    pub fn sender(&self) -> Result<Sender, TaskError> {
        let mut sender = self.sender.lock();
        if let Some(sender) = sender.as_ref().filter(|sender| sender.is_usable()) {
            return Ok(sender.share());
        }
        let Some(SinkSpec::Kafka { options, .. }) = &self.spec.sink else {
            return Err(TaskError::Unknown {
                what: "Kafka sink",
                index: 0,
            });
        };
        let opened = Sender::open(&KafkaConfig::from_options(options, Role::Producer)?)?;
        let share = opened.share();
        *sender = Some(opened);
        Ok(share)
    }
}

fn unknown(what: &'static str, index: usize) -> TaskError {
    TaskError::Unknown {
        what,
        index: u64::try_from(index).unwrap_or(u64::MAX),
    }
}
