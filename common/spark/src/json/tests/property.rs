//! Made-up and damaged documents: the decoder and the model agree on all of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray};
use arrow::datatypes::{DataType, Fields};

use super::{model, show};
use crate::ddl;
use crate::json::column::StructColumn;
use crate::json::from_json::decode_json;
use crate::json::record::RecordDecoder;
use crate::json::{JsonOptions, TimeParserPolicy, recover, utf8};
use crate::zone::Tz;

/// A small generator of numbers; the same seed gives the same document everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const NAMES: [&str; 10] = [
    "i",
    "l",
    "d",
    "s",
    "b",
    "r",
    "m",
    "n",
    "other",
    "a_name_longer_than_sixteen",
];
const SCALARS: [&str; 30] = [
    "0",
    "1",
    "-7",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775809",
    "1.5",
    "-0",
    "-0.0",
    "1e3",
    "1E-5",
    "1e400",
    "true",
    "false",
    "null",
    "NaN",
    "-Infinity",
    "\"\"",
    "\"plain\"",
    "'single \"quoted\"'",
    "\"es\\\"c\\u00e9\\n\\/\"",
    "\"\u{e9}\u{1F600}\"",
    "\"\\ud83d\\ude00\\ud800x\"",
    "\"NaN\"",
    "\"long enough to need several words of eight bytes\"",
    "12345678901234567890",
    "0.1",
    "\"\\'\"",
    "\"12\"",
    "123456.789e-2",
];
const BLANKS: [&str; 8] = ["", "", "", "", " ", "\n", "\t ", "  \r\n"];
const DAMAGE: &[u8] = b"{}[]:,\"'\\ \n\0\x1f019.-+eEtfnNIux/\x80\xC3\xED\xFF";

fn document(dice: &mut Dice, depth: usize, names: bool) -> String {
    match if depth == 0 { 0 } else { dice.roll(4) } {
        _ if names => {
            let count = dice.roll(9);
            let members: Vec<_> = (0..count)
                .map(|at| {
                    let name = if dice.roll(4) > 0 { NAMES[at] } else { dice.pick(&NAMES) };
                    let name = if dice.roll(12) == 0 {
                        name.replace('a', "\\u0061")
                    } else {
                        name.to_owned()
                    };
                    let inner = dice.roll(3) == 0;
                    let value = document(dice, depth.saturating_sub(1), inner && depth > 0);
                    let blanks: Vec<_> = (0..4).map(|_| dice.pick(&BLANKS)).collect();
                    format!("{}\"{name}\"{}:{}{value}{}", blanks[0], blanks[1], blanks[2], blanks[3])
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        1 => {
            let count = dice.roll(4);
            let elements: Vec<_> = (0..count).map(|_| document(dice, depth - 1, false)).collect();
            format!("[{}]", elements.join(", "))
        }
        _ => dice.pick(&SCALARS).to_owned(),
    }
}

fn damage(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len() + 1);
        let byte = DAMAGE[dice.roll(DAMAGE.len())];
        match dice.roll(4) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => {
                bytes.remove(at);
            }
            2 if at < bytes.len() => bytes[at] = byte,
            _ => bytes.insert(at, byte),
        }
    }
}

/// What the model says; `None` where the record is broken, of which it knows nothing.
fn expected(bytes: &[u8], fields: &Fields) -> Option<String> {
    let mut text = Vec::new();
    utf8::append_repaired(bytes, &mut text);
    let text = String::from_utf8(text).unwrap();
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Some("-".to_owned());
    }
    model::convert(&model::parse_object(&text)?, &DataType::Struct(fields.clone()))
}

fn documents(seeds: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let made = |seed: u64| {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut bytes = document(&mut dice, 3, true).into_bytes();
        if dice.roll(2) == 0 {
            damage(&mut dice, &mut bytes);
        }
        bytes
    };
    seeds.map(made).collect()
}

/// Decodes the documents of many seeds in one go, so that each follows another of other shape and fate.
#[test]
fn the_decoder_agrees_with_the_model() {
    let declared = ddl::parse_schema(
        "i INT, l BIGINT, d DOUBLE, s STRING, b BOOLEAN, r ARRAY<INT>, m MAP<STRING,STRING>, \
         n STRUCT<i: INT, s: STRING, r: ARRAY<STRUCT<l: BIGINT>>>, a_name_longer_than_sixteen STRING",
    )
    .unwrap();
    let projections: [&[usize]; 3] = [&[0, 1, 2, 3, 4, 5, 6, 7, 8], &[3, 0], &[7, 5, 2]];
    for projection in projections {
        let fields: Fields = projection.iter().map(|&at| declared[at].clone()).collect();
        let mut decoder = RecordDecoder::try_new(&declared, projection, &JsonOptions::default()).unwrap();
        for start in (1..=20_000u64).step_by(1000) {
            let documents = documents(start..start + 1000);
            documents.iter().for_each(|d| decoder.append(Some(d)));
            let rows = decoder.finish_struct().unwrap();
            for (at, document) in documents.iter().enumerate() {
                if let Some(expected) = expected(document, &fields) {
                    let text = String::from_utf8_lossy(document);
                    assert_eq!(show(&rows, at), expected, "seed {}: {text:?}", start + at as u64);
                }
            }
        }
    }
}

/// Without BINARY: what a text that is no Base64 does to the rest of its record depends on whether it is decoded.
const TYPES: [&str; 13] = [
    "INT",
    "TINYINT",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(12,3)",
    "STRING",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP_NTZ",
    "ARRAY<",
    "MAP<STRING, ",
    "STRUCT<",
];

fn type_of(dice: &mut Dice, depth: usize) -> String {
    match dice.pick(&TYPES) {
        open if open.ends_with(['<', ' ']) && depth == 0 => "STRING".to_owned(),
        "STRUCT<" => {
            let names: Vec<_> = NAMES.iter().filter(|_| dice.roll(2) == 0).collect();
            let fields: Vec<_> = names
                .iter()
                .map(|name| format!("{name}: {}", type_of(dice, depth - 1)))
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        open if open.ends_with(['<', ' ']) => format!("{open}{}>", type_of(dice, depth - 1)),
        scalar => scalar.to_owned(),
    }
}

/// A schema of the generator's names with any types.
fn schema(dice: &mut Dice) -> String {
    let names: Vec<_> = NAMES.iter().filter(|_| dice.roll(3) > 0).collect();
    let fields: Vec<_> = names
        .iter()
        .map(|name| format!("{name} {}", type_of(dice, 2)))
        .collect();
    if fields.is_empty() {
        "i INT".to_owned()
    } else {
        fields.join(", ")
    }
}

/// `from_json` reads whole schemas, a declared source only the columns a query asks for: the rows are the same.
#[test]
fn the_decoder_of_a_source_agrees_with_from_json() {
    for round in 1..=40u64 {
        let mut dice = Dice(round.wrapping_mul(0xD134_2543_DE82_EF95));
        let text = schema(&mut dice);
        let declared = ddl::parse_schema(&text).unwrap();
        let documents = documents(round * 1000..round * 1000 + 500);
        let column: ArrayRef = Arc::new(BinaryArray::from_iter(documents.iter().map(Some)));
        let whole = DataType::Struct(declared.clone().into());
        let corrected = [("timeParserPolicy".to_owned(), "CORRECTED".to_owned())];
        let general = decode_json(&column, &whole, &corrected, Tz::UTC).unwrap();
        let general = general.as_struct();
        let projection: Vec<usize> = (0..declared.len()).filter(|_| dice.roll(2) == 0).collect();
        let options = JsonOptions {
            time_parser_policy: TimeParserPolicy::Corrected,
            ..JsonOptions::default()
        };
        let mut decoder = RecordDecoder::try_new(&declared, &projection, &options).unwrap();
        documents.iter().for_each(|d| decoder.append(Some(d)));
        let columns = decoder.finish().unwrap();
        for (column, at) in columns.iter().zip(&projection) {
            for (row, document) in documents.iter().enumerate() {
                let document = String::from_utf8_lossy(document);
                assert_eq!(
                    show(column, row),
                    show(general.column(*at), row),
                    "{text}: {document:?}"
                );
            }
        }
    }
}

/// The second reading is for records the first refuses, but knows all of JSON.
#[test]
fn the_second_reading_agrees_with_the_first() {
    for round in 1..=40u64 {
        let mut dice = Dice(round.wrapping_mul(0xA076_1D64_78BD_642F));
        let text = schema(&mut dice);
        let declared: Fields = ddl::parse_schema(&text).unwrap().into();
        let options = JsonOptions {
            time_parser_policy: TimeParserPolicy::Corrected,
            ..JsonOptions::default()
        };
        let all: Vec<usize> = (0..declared.len()).collect();
        let fields: Vec<_> = declared.iter().map(|f| f.as_ref().clone()).collect();
        let mut decoder = RecordDecoder::try_new(&fields, &all, &options).unwrap();
        for document in documents(round * 1000..round * 1000 + 500) {
            let mut repaired = Vec::new();
            utf8::append_repaired(&document, &mut repaired);
            let document = String::from_utf8(repaired).unwrap();
            if model::parse_object(&document).is_none() {
                continue;
            }
            decoder.append(Some(document.as_bytes()));
            let first = decoder.finish_struct().unwrap();
            let mut row = StructColumn::new(&declared).unwrap();
            let mut context = options.context().unwrap();
            recover::record(&mut row, None, &document, options.leniency, &mut context).unwrap();
            row.complete_row(true);
            assert_eq!(show(&row.finish().unwrap(), 0), show(&first, 0), "{text}: {document:?}");
        }
    }
}
