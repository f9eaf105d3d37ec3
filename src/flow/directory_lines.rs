//! The lines of a file, one at a time and none held.

use std::io::{self, BufRead};

/// More than any line may have: the rest of a longer one is passed over.
const LONGEST: usize = 64 * 1024;

/// How the reading of a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRead {
    /// There was no further line.
    Nothing,
    /// A line with its line end.
    Whole,
    /// The last line, without a line end.
    Cut,
}

/// Where lines come from.
pub trait LineSource: Send {
    /// Puts the next line, without its end (LF or CRLF), in `line`; at most 64 KiB of it.
    ///
    /// # Errors
    /// What the file's reader says.
    fn next_line(&mut self, line: &mut Vec<u8>) -> io::Result<LineRead>;
}

/// The lines of a buffered reader.
pub struct BufferedLines<R>(pub R);

impl<R: BufRead + Send> LineSource for BufferedLines<R> {
    fn next_line(&mut self, line: &mut Vec<u8>) -> io::Result<LineRead> {
        line.clear();
        let mut read = LineRead::Nothing;
        loop {
            let buffer = self.0.fill_buf()?;
            if buffer.is_empty() {
                return Ok(read);
            }
            read = LineRead::Cut;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            let room = LONGEST.saturating_sub(line.len());
            line.extend(part.iter().take(room));
            let used = end.map_or(buffer.len(), |end| end.saturating_add(1));
            self.0.consume(used);
            if end.is_some() {
                line.pop_if(|last| *last == b'\r');
                return Ok(LineRead::Whole);
            }
        }
    }
}

/// The lines of a text.
#[must_use]
pub const fn text_lines(text: &str) -> BufferedLines<&[u8]> {
    BufferedLines(text.as_bytes())
}
