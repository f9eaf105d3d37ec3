use sceau::jose::{JsonCaps, StrictJsonError, parse_strict};
use serde_json::json;

fn reason(text: &[u8]) -> StrictJsonError {
    parse_strict(text, JsonCaps::JOSE).unwrap_err()
}

#[test]
fn values_of_every_type_are_read_as_serde_json_reads_them() {
    let text = r#" {"a":[1,-2,3.5,1e3,true,false,null,"\u00e9\ud83d\ude00\n"],"b":{"a":{}},"c":18446744073709551615} "#;
    let expected: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(parse_strict(text.as_bytes(), JsonCaps::JOSE), Ok(expected));
}

#[test]
fn s2_3_duplicate_members_are_refused_at_every_level() {
    let duplicates = [
        r#"{"alg":"ES256","alg":"none"}"#,
        r#"{"sub":"a","\u0073ub":"b"}"#,
        r#"{"a":{"b":[{"c":1,"c":1}]}}"#,
        r#"[{"":1,"":2}]"#,
        r#"{"a":null,"b":1,"a":null}"#,
    ];
    for text in duplicates {
        assert_eq!(reason(text.as_bytes()), StrictJsonError::Duplicate, "{text}");
    }
}

#[test]
fn s2_3_the_same_name_in_two_objects_is_no_duplicate() {
    assert_eq!(parse_strict(br#"{"a":{"a":1},"A":2}"#, JsonCaps::JOSE), Ok(json!({"a": {"a": 1}, "A": 2})));
}

#[test]
fn what_is_not_one_json_text_is_refused() {
    let table: [(&[u8], StrictJsonError); 16] = [
        (b"\xEF\xBB\xBF{}", StrictJsonError::ByteOrderMark),
        (b"{} {}", StrictJsonError::Trailing),
        (b"{}\0", StrictJsonError::Trailing),
        (b"{},", StrictJsonError::Trailing),
        (b"", StrictJsonError::Syntax),
        (b"{\"a\":1,}", StrictJsonError::Syntax),
        (b"{'a':1}", StrictJsonError::Syntax),
        (b"{a:1}", StrictJsonError::Syntax),
        (b"{\"a\":01}", StrictJsonError::Syntax),
        (b"{\"a\":NaN}", StrictJsonError::Syntax),
        (b"{\"a\":1e999}", StrictJsonError::Syntax),
        (b"{\"a\":\"\xFF\"}", StrictJsonError::Syntax),
        (b"{\"a\":\"\\ud800\"}", StrictJsonError::Syntax),
        (b"{\"a\":\"\n\"}", StrictJsonError::Syntax),
        (b"{\"a\":1 // no\n}", StrictJsonError::Syntax),
        (b"{\"a\":\"b", StrictJsonError::Syntax),
    ];
    for (text, expected) in table {
        assert_eq!(reason(text), expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn caps_hold_at_their_edge() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let object = |members: usize| {
        let members: Vec<String> = (0..members).map(|index| format!("\"m{index}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let padded = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let table = [
        (nested(8), None),
        (nested(9), Some(StrictJsonError::TooDeep)),
        (nested(4000), Some(StrictJsonError::TooDeep)),
        (object(32), None),
        (object(33), Some(StrictJsonError::TooManyMembers)),
        (padded(8192), None),
        (padded(8193), Some(StrictJsonError::TooLong)),
    ];
    for (text, expected) in table {
        assert_eq!(
            parse_strict(text.as_bytes(), JsonCaps::JOSE).err(),
            expected,
            "{:.20} {}",
            text,
            text.len()
        );
    }
}
