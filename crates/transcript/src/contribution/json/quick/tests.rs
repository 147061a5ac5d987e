//! What the quick reader takes, it takes as `serde_json` does.

use serde::Deserialize;
use serde_json::Value;

use super::*;

/// One byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(1);
        (&mut self.0).take(len as u64).read(buffer)
    }
}

fn quick(text: &str) -> Option<Value> {
    let mut reader = QuickReader::new(Drip(text.as_bytes()));
    let value = Value::deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(value)
}

#[test]
fn what_it_takes_it_takes_as_serde_json_does() {
    for usual in [
        "[]",
        "{}",
        " [ 1 , 20 ,\r\n\t0 ] ",
        r#"{"a":[true,false,null],"b":{"c":"é \u007f, é"}}"#
            .replace("\\u007f", "\u{7f}")
            .as_str(),
        "18446744073709551",
        "[[[[[[[[]]]]]]]]",
        r#"{"a":1,"a":2}"#,
    ] {
        assert_eq!(
            quick(usual),
            Some(serde_json::from_str(usual).unwrap()),
            "{usual}"
        );
    }
}

#[test]
fn what_it_does_not_take_is_left_to_serde_json() {
    let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
    for unusual in [
        "",
        " ",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{1:1}",
        "{\"a\" 1}",
        "01",
        "-1",
        "1.5",
        "1e3",
        "18446744073709551616",
        "nul",
        "nulll",
        "truefalse",
        "\"\\n\"",
        "\"\n\"",
        "\"",
        "\"a",
        "[] []",
        "[]x",
        "{]",
        "[}",
        "+1",
        &deep,
    ] {
        assert_eq!(quick(unusual), None, "{unusual}");
    }
}
