//! Checkpoints: their text, their signatures, and many of them in one file.

use std::time::Duration;

use sceau::audit::{Checkpoint, CheckpointError, NoteKey, NoteLines, SignedCheckpoint, TrustedKey, one_line};
use sceau::base::UnixTime;
use sceau::jose::{Algorithm, Jwk, PrivateKey};

const ORIGIN: &str = "id.example.fr/audit";

struct Signer {
    private: PrivateKey,
    key: NoteKey,
}

fn signer() -> Signer {
    named(ORIGIN)
}

fn named(name: &str) -> Signer {
    let private = PrivateKey::generate(Algorithm::EdDsa).unwrap();
    let jwk = Jwk::from(private.public().clone()).to_json();
    Signer { key: NoteKey::from_jwk(name, &jwk).unwrap(), private }
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint {
        origin: String::from(ORIGIN),
        size,
        root: [7; 32],
        at: UnixTime::from_millis(1_800_000_000_123),
    }
}

fn note(signer: &Signer, checkpoint: &Checkpoint) -> String {
    let signature = signer.private.sign(checkpoint.text().as_bytes()).unwrap();
    checkpoint.signed(&signer.key, &signature)
}

#[test]
fn the_text_is_origin_size_root_and_time() {
    assert_eq!(Checkpoint::origin_of("https://id.example.fr"), ORIGIN);
    assert_eq!(Checkpoint::origin_of("http://localhost:8080/"), "localhost:8080/audit");
    assert_eq!(
        checkpoint(12).text(),
        "id.example.fr/audit\n12\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\nat 1800000000123\n"
    );
}

#[test]
fn a_note_is_believed_by_the_key_that_signed_it() {
    let signer = signer();
    let note = note(&signer, &checkpoint(12));
    let read = SignedCheckpoint::parse(&note).unwrap();
    assert_eq!(read.origin(), ORIGIN);
    assert_eq!(read.verify(std::slice::from_ref(&signer.key)).unwrap(), &checkpoint(12));
    assert_eq!(read.verify(&[]).unwrap_err(), CheckpointError::UnknownKey);
    assert_eq!(read.verify(&[self::signer().key]).unwrap_err(), CheckpointError::UnknownKey);
}

#[test]
fn what_a_key_signed_after_its_revocation_is_not_believed() {
    let (stolen, successor) = (signer(), signer());
    let signed = checkpoint(12);
    let minute = Duration::from_mins(1);
    let key = |until| [TrustedKey { key: stolen.key.clone(), until }];
    let read = SignedCheckpoint::parse(&note(&stolen, &signed)).unwrap();
    for until in [None, Some(signed.at), Some(signed.at.minus(minute)), Some(signed.at.plus(minute))] {
        assert_eq!(read.believed(&key(until)).unwrap(), &signed, "{until:?}");
    }
    let revoked = key(Some(signed.at.minus(minute).minus(Duration::from_millis(1))));
    assert_eq!(read.believed(&revoked).unwrap_err(), CheckpointError::Revoked);
    // Another key that stands vouches for it; one that signed nothing does not.
    let both = [revoked[0].clone(), TrustedKey { key: successor.key.clone(), until: None }];
    assert_eq!(read.believed(&both).unwrap_err(), CheckpointError::Revoked);
    let twice = format!(
        "{}{}",
        note(&stolen, &signed),
        note(&successor, &signed).lines().last().map(|line| format!("{line}\n")).unwrap()
    );
    assert_eq!(SignedCheckpoint::parse(&twice).unwrap().believed(&both).unwrap(), &signed);
    assert_eq!(read.believed(&both[1..]).unwrap_err(), CheckpointError::UnknownKey);
}

#[test]
fn a_key_is_given_with_the_time_of_its_revocation() {
    let key = named("a@b/audit").key;
    let until = UnixTime::from_secs(1_800_000_000);
    for (until, text) in
        [(None, key.encoded()), (Some(until), format!("{}@{}", key.encoded(), until.rfc3339()))]
    {
        let trusted = TrustedKey { key: key.clone(), until };
        assert_eq!(trusted.to_string(), text);
        assert_eq!(text.parse::<TrustedKey>().unwrap(), trusted);
    }
    let bad = [("@", CheckpointError::Until), ("@yesterday", CheckpointError::Until)];
    for (end, error) in bad {
        assert_eq!(format!("{}{end}", key.encoded()).parse::<TrustedKey>().unwrap_err(), error, "{end}");
    }
    assert_eq!("x@2027-01-15T08:00:00Z".parse::<TrustedKey>().unwrap_err(), CheckpointError::Key);
    let earlier = TrustedKey { key, until: Some(until) }.until(Some(until.minus(Duration::from_secs(1))));
    assert_eq!(earlier.until(None).until, Some(until.minus(Duration::from_secs(1))));
}

/// The example of the specification of notes.
#[test]
fn a_key_is_written_with_its_name_and_identifier() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = NoteKey::parse(text).unwrap();
    assert_eq!(key.encoded(), text);
    assert_eq!(key.id(), [0x03, 0x3d, 0xe0, 0xae]);
    for bad in [
        "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.com+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033de0ae+As4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuA==",
        "sum.golang.org+033de0ae",
        "",
    ] {
        assert_eq!(NoteKey::parse(bad).unwrap_err(), CheckpointError::Key, "{bad}");
    }
}

#[test]
fn any_changed_byte_of_a_note_is_refused() {
    let signer = signer();
    let good = note(&signer, &checkpoint(12));
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] ^= 1;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let believed = SignedCheckpoint::parse(&text)
            .and_then(|signed| signed.verify(std::slice::from_ref(&signer.key)).cloned());
        assert!(believed.is_err(), "byte {place}: {text}");
    }
}

#[test]
fn a_text_with_one_line_changed_is_refused_by_name() {
    let good = note(&signer(), &checkpoint(12));
    let table = [
        ("id.example.fr/audit\n12", "id.example fr/audit\n12", CheckpointError::Text("origin")),
        ("id.example.fr/audit\n12", "\n12", CheckpointError::Text("origin")),
        ("\n12\n", "\n012\n", CheckpointError::Text("size")),
        ("\n12\n", "\n-1\n", CheckpointError::Text("size")),
        ("\n12\n", "\n18446744073709551616\n", CheckpointError::Text("size")),
        ("Bwc=\n", "Bwc\n", CheckpointError::Text("root")),
        ("Bwc=\n", "BwcHBw==\n", CheckpointError::Text("root")),
        ("at 1800000000123", "at +1800000000123", CheckpointError::Text("time")),
        ("at 1800000000123\n", "at 1800000000123\nmore\n", CheckpointError::Text("end")),
        ("at 1800000000123\n", "", CheckpointError::Text("end")),
        ("\n\n", "\n", CheckpointError::Note),
        ("\u{2014} id", "- id", CheckpointError::SignatureLine),
        ("\u{2014} id", "\u{2014}  id", CheckpointError::SignatureLine),
    ];
    for (from, to, error) in table {
        assert!(good.contains(from), "{from:?}");
        let bad = good.replacen(from, to, 1);
        assert_eq!(SignedCheckpoint::parse(&bad).unwrap_err(), error, "{bad}");
    }
    let cut = good.trim_end();
    assert_eq!(SignedCheckpoint::parse(cut).unwrap_err(), CheckpointError::SignatureLine);
}

#[test]
fn a_witness_may_sign_beside_and_not_instead() {
    let (own, witness) = (signer(), named("witness.example"));
    let good = note(&own, &checkpoint(12));
    let other = note(&witness, &checkpoint(12));
    let line = other.lines().last().unwrap();
    let both = SignedCheckpoint::parse(&format!("{good}{line}\n")).unwrap();
    assert!(both.verify(std::slice::from_ref(&own.key)).is_ok());
    let alone = SignedCheckpoint::parse(&other).unwrap();
    assert_eq!(alone.verify(std::slice::from_ref(&own.key)).unwrap_err(), CheckpointError::UnknownKey);
    // A known key's wrong signature counts even beside a right one.
    let wrong = note(&own, &checkpoint(13));
    let line = wrong.lines().last().unwrap();
    let mixed = SignedCheckpoint::parse(&format!("{good}{line}\n")).unwrap();
    assert_eq!(mixed.verify(&[own.key]).unwrap_err(), CheckpointError::Signature);
}

#[test]
fn a_file_of_notes_is_cut_where_they_begin_whatever_a_crash_left() {
    let signer = signer();
    let notes: Vec<String> = (1..4).map(|size| note(&signer, &checkpoint(size))).collect();
    let cut = |text: &str| {
        let mut lines = NoteLines::default();
        let mut found: Vec<_> = text.lines().filter_map(|line| lines.line(line)).collect();
        found.extend(lines.end());
        found
    };
    assert_eq!(cut(""), []);
    let apart = format!("{}\n", notes.join("\n"));
    let close = notes.concat();
    for text in [&apart, &close] {
        let found = cut(text);
        assert_eq!(found.iter().map(|(_, note)| note.clone()).collect::<Vec<_>>(), notes, "{text}");
        assert_eq!(found[0].0, 1);
    }
    assert_eq!(cut(&apart)[1].0, 8);
    for length in 1..notes[0].len() {
        let Some(torn) = notes[0].get(..length) else { continue };
        let found = cut(&format!("{}\n{torn}\n\n{}\n", notes[1], notes[2]));
        let whole: Vec<_> = found
            .iter()
            .filter(|(_, note)| SignedCheckpoint::parse(note).is_ok())
            .map(|(_, note)| note)
            .collect();
        let first = *whole.first().unwrap();
        assert_eq!((first, *whole.last().unwrap()), (&notes[1], &notes[2]), "{length}");
    }
}

#[test]
fn a_line_of_syslog_carries_a_note() {
    let note = note(&signer(), &checkpoint(12));
    let mut lines = NoteLines::default();
    let line =
        format!("<109>1 2027-01-15T08:00:00Z h sceau 1 audit.checkpoint - size=12 {}", one_line(&note));
    assert_eq!(lines.line("another line of the collector"), None);
    assert_eq!(lines.line(&line), Some((2, note)));
}
