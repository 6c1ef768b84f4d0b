//! Measures the JSON decoder on sales records: `cargo run --release -p millstream-spark --example decode_json`.

use std::hint::black_box;
use std::time::Instant;

use millstream_spark::ddl;
use millstream_spark::json::{JsonOptions, RecordDecoder};

const RECORDS: usize = 200_000;
const BATCH: usize = 8192;
const ROUNDS: usize = 10;
const SCHEMA: &str = "payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, \
                      country STRING";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let declared = ddl::parse_schema(SCHEMA)?;
    let records: Vec<String> = (0..RECORDS).map(sale).collect();
    let bytes: usize = records.iter().map(String::len).sum();
    for (name, projection) in [
        ("3 of 7 columns", vec![2, 6, 3]),
        ("all columns", (0..7).collect()),
        ("none", vec![]),
    ] {
        let mut decoder = RecordDecoder::try_new(&declared, &projection, &JsonOptions::default())?;
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for batch in records.chunks(BATCH) {
                batch.iter().for_each(|record| decoder.append(Some(record.as_bytes())));
                assert_eq!(decoder.malformed() + decoder.partial(), 0);
                black_box(decoder.finish()?);
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        let rate = RECORDS as f64 / best / 1e6;
        println!("{name}: {rate:.2} M records/s of {} bytes", bytes / RECORDS);
    }
    Ok(())
}

fn sale(at: usize) -> String {
    let amount = ["1.99", "2.99", "3.99", "5.99", "10.99"][at % 5];
    let city = ["Guangzhou", "São Paulo", "Ambattur", "Taipei", "Santa Barbara"][at % 5];
    let country = [
        "China",
        "Brazil",
        "India",
        "Taiwan",
        "Russian Federation",
        "United States",
        "Côte d'Ivoire",
    ][at % 7];
    format!(
        r#"{{"payment_id":{},"customer_id":{},"amount":{amount},"payment_date":"2021-05-08T12:{:02}:{:02}.{:03}Z","city":"{city}","district":"Guangdong","country":"{country}"}}"#,
        16_050 + at,
        at % 600,
        at / 60 % 60,
        at % 60,
        at % 1000,
    )
}
