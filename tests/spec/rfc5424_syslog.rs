//! RFC 5424 6 and RFC 5425 4.3: messages and their frame.

use sceau::audit::{Severity, SyslogSender, framed};
use sceau::base::UnixTime;

const NOON: UnixTime = UnixTime::from_secs(1_800_000_000);

fn speaker(host: &str) -> SyslogSender {
    SyslogSender { host: host.to_owned(), process: 42 }
}

#[test]
fn s6_a_message_has_every_field_of_the_header() {
    let message = speaker("id-1.example.fr").message(Severity::Notice, NOON, "device.enrolled", "said");
    assert_eq!(message, "<109>1 2027-01-15T08:00:00Z id-1.example.fr sceau 42 device.enrolled - said");
}

#[test]
fn s6_2_1_the_priority_is_facility_and_severity() {
    let begins = |severity| speaker("h").message(severity, NOON, "k", "t");
    assert!(begins(Severity::Warning).starts_with("<108>1 "));
    assert!(begins(Severity::Notice).starts_with("<109>1 "));
    assert!(begins(Severity::Informational).starts_with("<110>1 "));
}

#[test]
fn s6_2_a_field_holds_printable_ascii_and_is_never_empty() {
    let message = speaker("pharmacie de l’été\n").message(Severity::Notice, NOON, &"k".repeat(40), "t");
    let fields: Vec<&str> = message.split(' ').collect();
    assert_eq!((fields[2], fields[5].len()), ("pharmaciedelt", 32));
    assert_eq!(speaker("").message(Severity::Notice, NOON, "", "t").split(' ').nth(2), Some("-"));
}

#[test]
fn s6_4_text_is_one_line_and_says_when_it_is_utf_8() {
    let message = speaker("h").message(Severity::Notice, NOON, "k", "a\nb\r\tc");
    assert!(message.ends_with(" - a b  c"), "{message}");
    let accents = speaker("h").message(Severity::Notice, NOON, "k", "été");
    assert!(accents.ends_with(" - \u{feff}été"), "{accents}");
}

#[test]
fn s4_3_of_5425_the_frame_counts_bytes() {
    assert_eq!(framed("été"), "5 été".as_bytes());
}
