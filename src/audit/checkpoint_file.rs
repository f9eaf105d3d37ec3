//! Many checkpoints in one text: notes one after the other, and lines of syslog that carry one.
//!
//! A line of syslog has the note as `note=` and base64url: notes have several lines, which receivers of syslog cut.

use crate::base::{base64url, from_base64url};

/// A note and the line it begins at, from 1.
pub type PlacedNote = (u64, String);

/// Cuts lines into notes.
#[derive(Debug, Default)]
pub struct NoteLines {
    number: u64,
    begun: u64,
    note: String,
    signatures: bool,
}

impl NoteLines {
    /// Takes the next line, without its end. Gives the note that ends before it, or that it carries.
    pub fn line(&mut self, line: &str) -> Option<PlacedNote> {
        self.number = self.number.saturating_add(1);
        if let Some(note) = carried(line) {
            return Some((self.number, note));
        }
        let goes_on = if self.signatures { line.starts_with(SIGNED_BY) } else { !line.is_empty() };
        if goes_on {
            self.push(line);
            return None;
        }
        if !self.signatures {
            // The empty line between text and signatures; before a text it says nothing.
            if !self.note.is_empty() {
                self.note.push('\n');
                self.signatures = true;
            }
            return None;
        }
        let ended = self.end();
        if !line.is_empty() {
            self.push(line);
        }
        ended
    }

    /// The last note, when it is followed by nothing.
    pub fn end(&mut self) -> Option<PlacedNote> {
        self.signatures = false;
        let note = std::mem::take(&mut self.note);
        (!note.is_empty()).then_some((self.begun, note))
    }

    fn push(&mut self, line: &str) {
        if self.note.is_empty() {
            self.begun = self.number;
        }
        self.note.push_str(line);
        self.note.push('\n');
    }
}

/// A note on one line, for syslog.
#[must_use]
pub fn one_line(note: &str) -> String {
    format!("{CARRIES}{}", base64url(note))
}

fn carried(line: &str) -> Option<String> {
    let (_, encoded) = line.split_once(CARRIES)?;
    let encoded = encoded.split_whitespace().next()?;
    String::from_utf8(from_base64url(encoded).ok()?).ok()
}

const SIGNED_BY: &str = "\u{2014} ";
const CARRIES: &str = "note=";
