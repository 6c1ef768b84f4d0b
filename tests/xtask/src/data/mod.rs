//! The project's own sales: made up row by row, adding up to published figures country by country.
//!
//! `sales_seed.csv` and `sales_incremental_large.csv` (`|` separated, one header line) and `sales_regions.csv` (`,` separated, quoted).
//! The generator takes no input and no clock, so the same files come out on every machine; they are committed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use figures::{COUNTRIES, Country, Figure, OTHER_SPELLINGS, Region};

pub mod figures;

const HEADER: &str = "payment_id|customer_id|amount|payment_date|city|district|country";

/// 2021-05-08 21:20:00 UTC, the second before which no sale happens.
const SEED_FROM: u64 = 1_620_508_800;
/// 2021-05-10 13:00:00 UTC: incremental sales begin where the seed ends.
const INCREMENTAL_FROM: u64 = 1_620_651_600;

/// One sale, as a line of the sales files.
struct Sale {
    customer: u32,
    cents: u32,
    city: &'static str,
    district: &'static str,
    country: &'static str,
}

/// A small deterministic generator (splitmix64): good enough to shuffle made-up rows.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % (bound.max(1) as u64)).unwrap_or(0)
    }
}

/// Writes the three files into `folder`.
///
/// # Errors
/// When a figure cannot be split into prices ending in .99, or a file cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, text) in files()? {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The files as (name, content).
///
/// # Errors
/// When a figure cannot be split into prices ending in .99.
pub fn files() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("sales_seed.csv", sales(|country| country.2, 1, 16_050, SEED_FROM, 570)?),
        (
            "sales_incremental_large.csv",
            sales(|country| country.3, 2, 16_300, INCREMENTAL_FROM, 1_050)?,
        ),
        ("sales_regions.csv", regions()),
    ])
}

/// Sales that add up to `figure` for every country, in random order, `pace_s` seconds apart on average, numbered from `first_id`.
fn sales(figure: fn(&Country) -> Figure, seed: u64, first_id: usize, from_s: u64, pace_s: usize) -> Result<String> {
    let mut dice = Dice(seed);
    let mut rows = Vec::new();
    for country in COUNTRIES {
        let (sum, orders) = figure(country);
        let cities: Vec<&str> = country.4.split(';').collect();
        for cents in prices(sum, orders, &mut dice).with_context(|| format!("prices for {}", country.0))? {
            let place = cities.get(dice.below(cities.len())).copied().unwrap_or_default();
            let (city, district) = place.split_once('/').unwrap_or((place, ""));
            let customer = u32::try_from(1 + dice.below(599))?;
            rows.push(Sale {
                customer,
                cents,
                city,
                district,
                country: country.0,
            });
        }
    }
    for last in (1..rows.len()).rev() {
        let other = dice.below(last + 1);
        rows.swap(last, other);
    }
    let mut text = format!("{HEADER}\n");
    let mut at = from_s;
    for (number, sale) in rows.iter().enumerate() {
        at += 1 + dice.below(2 * pace_s) as u64;
        let Sale {
            customer,
            cents,
            city,
            district,
            country,
        } = sale;
        let id = first_id + number;
        let (whole, part) = (cents / 100, cents % 100);
        writeln!(
            text,
            "{id}|{customer}|{whole}.{part:02}|{}|{city}|{district}|{country}",
            date_time(at)
        )?;
    }
    Ok(text)
}

/// Splits `sum` cents over `orders` prices ending in .99: spread around the mean, never below 0.99.
fn prices(sum: u32, orders: u32, dice: &mut Dice) -> Result<Vec<u32>> {
    if orders == 0 {
        ensure!(sum == 0, "a sum of {sum} without orders");
        return Ok(Vec::new());
    }
    ensure!(
        sum >= 99 * orders && (sum - 99 * orders).is_multiple_of(100),
        "{sum} cents are not {orders} prices ending in .99"
    );
    let whole = (sum - 99 * orders) / 100;
    let mut units = vec![whole / orders; orders as usize];
    for extra in units.iter_mut().take((whole % orders) as usize) {
        *extra += 1;
    }
    // Moving one unit from one order to another keeps the sum; a few moves an order make the prices look like prices.
    for _ in 0..3 * orders {
        let (giver, taker) = (dice.below(units.len()), dice.below(units.len()));
        if giver != taker && units[giver] > 2 && units[taker] < 12 {
            units[giver] -= 1;
            units[taker] += 1;
        }
    }
    Ok(units.into_iter().map(|unit| unit * 100 + 99).collect())
}

/// The regions file: every listed country and, for those the sales spell otherwise, the other spelling.
fn regions() -> String {
    let listed = COUNTRIES
        .iter()
        .filter(|country| country.1 != Region::Unassigned)
        .map(|country| (country.0, country.1));
    let mut lines: Vec<(&str, Region)> = listed.chain(OTHER_SPELLINGS.iter().copied()).collect();
    lines.sort_unstable();
    let mut text = String::from("\"country\",\"region\"\n");
    for (country, region) in lines {
        text.push_str(&format!("\"{country}\",\"{}\"\n", region.name()));
    }
    text
}

/// `yyyy-MM-dd HH:mm:ss` of epoch seconds, UTC.
fn date_time(at: u64) -> String {
    let (days, second) = (at / 86_400, at % 86_400);
    // Civil date from a day count, with years that begin in March so that the leap day comes last.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Sums (cents) and orders by country, read back from a sales file.
    fn by_country(text: &str) -> BTreeMap<String, Figure> {
        let mut sums = BTreeMap::new();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split('|').collect();
            assert_eq!(fields.len(), 7, "{line}");
            let cents: u32 = fields[2].replace('.', "").parse().unwrap();
            let figure: &mut Figure = sums.entry(fields[6].to_owned()).or_default();
            figure.0 += cents;
            figure.1 += 1;
        }
        sums
    }

    fn of(files: &[(&'static str, String)], name: &str) -> String {
        files.iter().find(|file| file.0 == name).unwrap().1.clone()
    }

    #[test]
    fn rows_and_countries_are_as_published() {
        let files = files().unwrap();
        let seed = of(&files, "sales_seed.csv");
        let large = of(&files, "sales_incremental_large.csv");
        assert_eq!((seed.lines().count(), large.lines().count()), (251, 1_801));
        assert_eq!(by_country(&seed).len(), 68);
        assert_eq!(by_country(&seed)["India"], (13_880, 20));
        let all = by_country(&format!("{seed}{}", large.split_once('\n').unwrap().1));
        assert_eq!(all.len(), 105);
        assert_eq!(all["China"], (137_905, 195));
        assert_eq!(all["India"], (133_810, 190));
        assert_eq!(all["United States"], (91_569, 131));
        assert_eq!(all["Mexico"], (85_580, 120));
    }

    #[test]
    fn regions_are_as_published() {
        let files = files().unwrap();
        let listed: BTreeMap<String, String> = of(&files, "sales_regions.csv")
            .lines()
            .skip(1)
            .map(|line| {
                let (country, region) = line.trim_matches('"').rsplit_once("\",\"").unwrap();
                (country.to_owned(), region.to_owned())
            })
            .collect();
        let mut totals: BTreeMap<String, Figure> = BTreeMap::new();
        for name in ["sales_seed.csv", "sales_incremental_large.csv"] {
            for (country, figure) in by_country(&of(&files, name)) {
                let region = listed.get(&country).map_or("Unassigned", String::as_str);
                let total = totals.entry(region.to_owned()).or_default();
                *total = (total.0 + figure.0, total.1 + figure.1);
            }
        }
        let expected = [
            ("Africa", (102_959, 141)),
            ("Arab States", (24_468, 32)),
            ("Asia & Pacific", (578_088, 812)),
            ("Europe", (308_174, 426)),
            ("Latin America", (254_933, 367)),
            ("Middle East", (54_123, 77)),
            ("North America", (99_757, 143)),
            ("Unassigned", (34_848, 52)),
        ];
        assert_eq!(totals, expected.map(|(name, figure)| (name.to_owned(), figure)).into());
    }

    #[test]
    fn dates_are_civil() {
        assert_eq!(date_time(SEED_FROM), "2021-05-08 21:20:00");
        assert_eq!(date_time(INCREMENTAL_FROM), "2021-05-10 13:00:00");
        assert_eq!(date_time(951_782_400), "2000-02-29 00:00:00");
    }
}
