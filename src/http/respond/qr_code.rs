//! QR codes (ISO/IEC 18004) as one SVG path: inline, so that no image is fetched and no style is needed.

use std::fmt::Write as _;

use fast_qr::ECL;
use fast_qr::qr::QRBuilder;

/// A QR code to draw.
pub(super) struct QrCode {
    /// Modules on a side, with the quiet zone of four on each (ISO/IEC 18004 6.3.8).
    pub(super) size: usize,
    /// The dark modules, one bar for each run of them.
    pub(super) path: String,
}

impl QrCode {
    /// The code that says `text`; an empty drawing when no code holds it.
    pub(super) fn of(text: &str) -> Self {
        let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else {
            return Self { size: 1, path: String::new() };
        };
        let mut path = String::new();
        for row in 0..code.size {
            let mut column = QUIET;
            for run in code[row].chunk_by(|one, next| one.value() == next.value()) {
                if run.first().is_some_and(|module| module.value()) {
                    let _ = write!(path, "M{column} {}h{}v1h-{}z", row + QUIET, run.len(), run.len());
                }
                column += run.len();
            }
        }
        Self { size: code.size + 2 * QUIET, path }
    }
}

const QUIET: usize = 4;
