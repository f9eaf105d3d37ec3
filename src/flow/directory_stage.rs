//! Reading an extract into the store, a part at a time.

use crate::identity::{LineError, LineReason, check_header, parse_line, whose_line};
use crate::ports::{RunClaim, RunNumbers, StagedLine};

use super::{ImportError, ImportObserver, LineRead, LineSource, Provider};

/// Text of a part: what staging holds in memory.
const PART: usize = 16 * 1024 * 1024;
/// Lines between two reports.
const REPORTED: u64 = 1000;

/// How far the reading is.
#[derive(Default)]
struct Reading {
    numbers: RunNumbers,
    line_number: u64,
    bytes: u64,
    part: Vec<StagedLine>,
    part_bytes: usize,
}

impl Provider {
    pub(super) async fn stage_extract(
        &self,
        claim: RunClaim,
        source: &mut dyn LineSource,
        observer: &mut dyn ImportObserver,
    ) -> Result<RunNumbers, ImportError> {
        let mut reading = Reading::default();
        while reading.fill(source, observer)? {
            self.stage_part(claim, &mut reading).await?;
        }
        self.stage_part(claim, &mut reading).await?;
        observer.read(reading.numbers.size.lines, reading.bytes);
        Ok(reading.numbers)
    }

    async fn stage_part(&self, claim: RunClaim, reading: &mut Reading) -> Result<(), ImportError> {
        reading.part_bytes = 0;
        let part = std::mem::take(&mut reading.part);
        self.ports.directory.stage(claim, reading.numbers.chunks, part).await?;
        reading.numbers.chunks = reading.numbers.chunks.saturating_add(1);
        Ok(())
    }
}

impl Reading {
    /// Reads lines until a part is full; false at the end of the file.
    fn fill(
        &mut self,
        source: &mut dyn LineSource,
        observer: &mut dyn ImportObserver,
    ) -> Result<bool, ImportError> {
        let mut line = Vec::new();
        while self.part_bytes < PART {
            let read = source.next_line(&mut line)?;
            if read == LineRead::Nothing && self.line_number > 0 {
                return Ok(false);
            }
            self.line_number = self.line_number.saturating_add(1);
            self.bytes = self.bytes.saturating_add(u64::try_from(line.len()).unwrap_or(0)).saturating_add(1);
            self.numbers.line_end = read == LineRead::Whole;
            self.take(&line, observer)?;
        }
        Ok(true)
    }

    fn take(&mut self, line: &[u8], observer: &mut dyn ImportObserver) -> Result<(), ImportError> {
        let text = std::str::from_utf8(line);
        if self.line_number == 1 {
            let encoding = LineError { line: 1, column: None, reason: LineReason::Encoding };
            let checked = text.map_err(|_| encoding).and_then(check_header);
            return checked.map_err(ImportError::Layout);
        }
        let numbers = &mut self.numbers;
        numbers.size.lines = numbers.size.lines.saturating_add(1);
        if numbers.size.lines.is_multiple_of(REPORTED) {
            observer.read(numbers.size.lines, self.bytes);
        }
        let error = LineError { line: self.line_number, column: None, reason: LineReason::Encoding };
        match text
            .map_err(|_| error)
            .and_then(|text| parse_line(self.line_number, text).map(|line| (line, text)))
        {
            Ok((line, text)) => {
                self.keep(StagedLine {
                    national_id: line.national_id().clone(),
                    text: Some(text.to_owned()),
                });
            }
            Err(error) => {
                numbers.rejected = numbers.rejected.saturating_add(1);
                observer.rejected(&error);
                for national_id in whose_line(&String::from_utf8_lossy(line)) {
                    self.keep(StagedLine { national_id, text: None });
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, line: StagedLine) {
        let text = line.text.as_ref().map_or(0, String::len);
        self.part_bytes = self.part_bytes.saturating_add(text).saturating_add(OVERHEAD);
        self.part.push(line);
    }
}

/// Of a line beside its text.
const OVERHEAD: usize = 128;
