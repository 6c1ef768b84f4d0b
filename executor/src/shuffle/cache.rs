//! Static tables, fetched once per content.

use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use dashmap::DashMap;

use super::client::{BlockClient, FetchError};

/// A static table's rows.
pub type Table = Arc<Vec<RecordBatch>>;

/// Tables by the hash of their content, for as long as a query uses them.
#[derive(Debug, Default)]
pub struct StaticTables {
    tables: DashMap<String, Weak<Vec<RecordBatch>>>,
}

impl StaticTables {
    /// The table with this content, fetched from `address` unless some query holds it already.
    ///
    /// # Errors
    /// Those of [`BlockClient::table`].
    pub async fn get(&self, client: &BlockClient, address: &str, content_hash: &str) -> Result<Table, FetchError> {
        if let Some(table) = self.tables.get(content_hash).and_then(|table| table.upgrade()) {
            return Ok(table);
        }
        let table = Arc::new(client.table(address, content_hash).await?);
        self.tables.retain(|_, table| table.strong_count() > 0);
        self.tables.insert(content_hash.to_owned(), Arc::downgrade(&table));
        Ok(table)
    }
}
