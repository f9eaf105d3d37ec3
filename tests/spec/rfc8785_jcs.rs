use sceau::jose::{JcsError, JsonCaps, canonicalise, parse_strict};
use serde_json::{Value, json};

fn canonical(value: &Value) -> String {
    String::from_utf8(canonicalise(value).unwrap()).unwrap()
}

#[test]
fn s3_2_3_members_are_sorted_by_utf16_code_units() {
    let value = json!({
        "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis"
    });
    let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
        \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
        \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
    assert_eq!(canonical(&value), expected);
}

#[test]
fn s3_2_2_2_strings_are_escaped_as_in_the_example() {
    let value =
        parse_strict(br#"{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}"#, JsonCaps::JOSE)
            .unwrap();
    assert_eq!(canonical(&value), "{\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

#[test]
fn s3_2_2_2_every_control_has_its_one_form() {
    let value = json!("\0\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\u{2028}");
    assert_eq!(canonical(&value), "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\u{2028}\"");
}

#[test]
fn s3_2_1_no_white_space_and_arrays_keep_their_order() {
    let value = json!({"b": ["z", "a", ""], "a": {"d": [], "c": "x y"}});
    assert_eq!(canonical(&value), r#"{"a":{"c":"x y","d":[]},"b":["z","a",""]}"#);
}

#[test]
fn types_not_covered_are_refused() {
    for value in [
        json!(1),
        json!(true),
        json!(null),
        json!([1]),
        json!([["a"]]),
        json!([{}]),
        json!({"a": {"b": 1.5}}),
    ] {
        assert_eq!(canonicalise(&value), Err(JcsError::Type), "{value}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| (0..depth).fold(json!("x"), |value, _| json!({"a": value}));
    assert!(canonicalise(&nested(8)).is_ok());
    assert_eq!(canonicalise(&nested(9)), Err(JcsError::TooDeep));
}

proptest::proptest! {
    #[test]
    fn canonical_text_reads_back_and_is_stable(
        members in proptest::collection::btree_map(".{0,12}", proptest::collection::vec(".{0,12}", 0..3), 0..6)
    ) {
        let value = json!(members);
        let text = canonicalise(&value).unwrap();
        let read: Value = serde_json::from_slice(&text).unwrap();
        proptest::prop_assert_eq!(&read, &value);
        proptest::prop_assert_eq!(canonicalise(&read).unwrap(), text);
    }
}
