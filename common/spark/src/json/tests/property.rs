//! Made-up and damaged documents: the decoder and the model agree on all of them.

use arrow::datatypes::{DataType, Fields};

use super::{model, show};
use crate::ddl;
use crate::json::record::RecordDecoder;
use crate::json::{JsonOptions, utf8};

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

fn expected(bytes: &[u8], fields: &Fields) -> String {
    let mut text = Vec::new();
    utf8::append_repaired(bytes, &mut text);
    let text = String::from_utf8(text).unwrap();
    let blank = text.trim_matches([' ', '\t', '\r', '\n']).is_empty();
    match model::parse_object(&text) {
        _ if blank => "-".to_owned(),
        Some(tree) => model::convert(&tree, &DataType::Struct(fields.clone())).unwrap(),
        None => format!("({})", vec!["-"; fields.len()].join(", ")),
    }
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
            let documents: Vec<_> = (start..start + 1000)
                .map(|seed| {
                    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                    let mut bytes = document(&mut dice, 3, true).into_bytes();
                    if dice.roll(2) == 0 {
                        damage(&mut dice, &mut bytes);
                    }
                    bytes
                })
                .collect();
            documents.iter().for_each(|d| decoder.append(Some(d)));
            let rows = decoder.finish_struct().unwrap();
            for (at, document) in documents.iter().enumerate() {
                let text = String::from_utf8_lossy(document);
                assert_eq!(
                    show(&rows, at),
                    expected(document, &fields),
                    "seed {}: {text:?}",
                    start + at as u64
                );
            }
        }
    }
}
