//! The nine jobs, their data, and what is known of their results.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xtask::data::figures::{COUNTRIES, Region};
use xtask::workspace;

use crate::broker::Record;

/// The file of job `number` (1 to 9).
///
/// # Errors
/// When there is none.
pub fn file(number: u32) -> Result<PathBuf> {
    let folder = workspace::root().join("bootstrap/jobs");
    let prefix = format!("{number:02}_");
    let mut found = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    found
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        })
        .with_context(|| format!("no job {number} in {}", folder.display()))
}

/// The folder with the project's own data.
#[must_use]
pub fn data() -> String {
    workspace::root().join("bootstrap/jobs/data").display().to_string()
}

/// Which sales count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sales {
    /// The 250 seed sales.
    Seed,
    /// Those and the 1,800 incremental ones.
    All,
}

/// One line of a result: a sum in cents and a number of orders, by country or region.
pub type Totals = BTreeMap<String, (u32, u32)>;

/// The published totals by country.
#[must_use]
pub fn by_country(sales: Sales) -> Totals {
    totals(sales, |country| country.0)
}

/// The published totals by region.
#[must_use]
pub fn by_region(sales: Sales) -> Totals {
    totals(sales, |country| country.1.name())
}

fn totals(sales: Sales, name: fn(&xtask::data::figures::Country) -> &'static str) -> Totals {
    let mut totals = Totals::new();
    for country in COUNTRIES {
        let (seed, more) = (country.2, country.3);
        let (sum, orders) = if sales == Sales::Seed {
            seed
        } else {
            (seed.0 + more.0, seed.1 + more.1)
        };
        if orders > 0 {
            let total = totals.entry(name(country).to_owned()).or_default();
            *total = (total.0 + sum, total.1 + orders);
        }
    }
    totals
}

/// Totals as the jobs print them, `name sales orders`, highest sales first and by name where sales are the same.
#[must_use]
pub fn printed(totals: &Totals) -> Vec<String> {
    let mut lines: Vec<(&String, u32, u32)> = totals
        .iter()
        .map(|(name, (sum, orders))| (name, *sum, *orders))
        .collect();
    lines.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
    lines
        .iter()
        .map(|(name, sum, orders)| format!("{name} {} {orders}", money(*sum)))
        .collect()
}

/// Cents as `format_number(..., 2)` prints their hundredth: `1,379.05`.
#[must_use]
pub fn money(cents: u32) -> String {
    let whole = (cents / 100).to_string();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{:02}", cents % 100)
}

/// One sale of the project's own data.
#[derive(Clone, Debug)]
pub struct Sale {
    /// Number of the payment.
    pub payment: u32,
    /// Number of the customer.
    pub customer: u32,
    /// Price in cents.
    pub cents: u32,
    /// City and district.
    pub place: (String, String),
    /// Country.
    pub country: String,
}

impl Sale {
    /// The region its country is listed under.
    #[must_use]
    pub fn region(&self) -> &'static str {
        let listed = COUNTRIES.iter().find(|country| country.0 == self.country);
        listed.map_or(Region::Unassigned, |country| country.1).name()
    }

    /// As the JSON that jobs 1 and 4 send, with this date.
    #[must_use]
    pub fn json(&self, epoch_s: i64) -> String {
        let Self {
            payment,
            customer,
            cents,
            place: (city, district),
            country,
        } = self;
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        format!(
            r#"{{"payment_id":{payment},"customer_id":{customer},"amount":{amount},"payment_date":{epoch_s},"city":"{city}","district":"{district}","country":"{country}"}}"#
        )
    }
}

/// The sales of the project's own files, in their order.
///
/// # Errors
/// When a file is missing or is not as the generator writes it.
pub fn sales(which: Sales) -> Result<Vec<Sale>> {
    let names: &[&str] = match which {
        Sales::Seed => &["sales_seed.csv"],
        Sales::All => &["sales_seed.csv", "sales_incremental_large.csv"],
    };
    let mut sales = Vec::new();
    for name in names {
        let text = std::fs::read_to_string(format!("{}/{name}", data()))?;
        for line in text.lines().skip(1) {
            let [payment, customer, amount, _, city, district, country] = line.split('|').collect::<Vec<_>>()[..]
            else {
                anyhow::bail!("{name}: not seven columns: {line}");
            };
            sales.push(Sale {
                payment: payment.parse()?,
                customer: customer.parse()?,
                cents: amount.replace('.', "").parse()?,
                place: (city.to_owned(), district.to_owned()),
                country: country.to_owned(),
            });
        }
    }
    Ok(sales)
}

/// Sales as records with times of their own: the first at `from_ms`, each following one `step_ms` later, spread over partitions in turn.
#[must_use]
pub fn records(sales: &[Sale], partitions: i32, from_ms: i64, step_ms: i64) -> Vec<Record> {
    let numbered = (0_i64..).zip(sales);
    let record = |(number, sale): (i64, &Sale)| {
        let at_ms = from_ms + number * step_ms;
        let partition = i32::try_from(number % i64::from(partitions)).unwrap_or(0);
        Record::of(sale.json(at_ms / 1_000))
            .keyed(sale.payment.to_string())
            .at(at_ms)
            .to(partition)
    };
    numbered.map(record).collect()
}
