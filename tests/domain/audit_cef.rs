//! Records as collectors read them.

use std::collections::BTreeMap;

use sceau::audit::cef;

fn record(members: &[(&str, &str)]) -> BTreeMap<String, String> {
    members.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_record_is_one_line_without_what_is_personal_or_of_the_lane() {
    let record = record(&[
        ("v", "1"),
        ("id", "I"),
        ("at", "1800000000000"),
        ("kind", "device.enrolled"),
        ("decision", "success"),
        ("reason", "granted"),
        ("person", "P"),
        ("client", "clinic"),
        ("device", "D"),
        ("txn", "T"),
        ("acr", "eidas2"),
        ("actor", "operator"),
        ("count.codes", "2"),
        ("on_behalf_of", "O"),
        ("personal.address", "hash"),
        ("writer", "W"),
        ("seq", "7"),
        ("prev", "h"),
    ]);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        cef(12, &record),
        format!(
            "CEF:0|sceau|sceau|{version}|device.enrolled|device enrolled|3|rt=1800000000000 externalId=I \
             outcome=success reason=granted suid=P requestClientApplication=clinic deviceExternalId=D \
             sourceServiceName=operator cn1Label=logIndex cn1=12 cs1Label=transaction cs1=T cs2Label=acr cs2=eidas2 \
             cs3Label=counts cs3=count.codes\\=2 cs4Label=others cs4=on_behalf_of\\=O"
        )
    );
}

#[test]
fn no_text_of_a_record_begins_another_field_or_line() {
    let record = record(&[
        ("kind", "a|b\\c\nd"),
        ("decision", "refusal"),
        ("reason", "x=1 suid=other\\\r\nCEF:0|y"),
        ("txn", "t=|"),
    ]);
    let line = cef(0, &record);
    assert!(!line.contains(['\n', '\r']));
    assert!(line.contains("|a\\|b\\\\c d|a\\|b\\\\c d|5|outcome=failure "), "{line}");
    assert!(line.contains("reason=x\\=1 suid\\=other\\\\\\r\\nCEF:0|y "), "{line}");
    assert!(line.ends_with("cs1=t\\=|"), "{line}");
}

#[test]
fn what_somebody_must_look_at_is_severe() {
    let severity = |kind, decision| {
        let line = cef(0, &record(&[("kind", kind), ("decision", decision)]));
        line.split('|').nth(6).unwrap().to_owned()
    };
    assert_eq!(severity("code.replay", "refusal"), "8");
    assert_eq!(severity("key.revoked", "success"), "8");
    assert_eq!(severity("tokens.issued", "success"), "3");
    assert_eq!(severity("tokens.issued", "refusal"), "5");
    assert_eq!(severity("of.tomorrow", "success"), "3");
}
