//! The forms of cells of the directory extract: dates and telephone numbers.

use std::str::FromStr;

/// `DD/MM/YYYY`, by its form and ranges; a part that is not known is zero.
pub(super) fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let [day, month, year] = parts.as_slice() else { return false };
    let within = |part: &str, width: usize, most: u16| {
        part.len() == width
            && part.bytes().all(|b| b.is_ascii_digit())
            && u16::from_str(part).is_ok_and(|number| number <= most)
    };
    within(day, 2, 31) && within(month, 2, 12) && within(year, 4, 2100)
}

/// Digits, with the separators and the `+` people write.
pub(super) fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (6..=15).contains(&digits) && text.bytes().all(|b| b.is_ascii_digit() || b"+ .-()".contains(&b))
}
