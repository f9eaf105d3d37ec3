//! Addresses at which a person is reached, by their form.

/// RFC 5321 4.5.3.1.3, less the angle brackets.
const MAX_EMAIL: usize = 254;

/// Whether `text` is a number of ITU-T E.164 6.2: `+` and 7 to 15 digits.
#[must_use]
pub fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether `text` is an e-mail address: one `@` with something on both sides and no blank or bracket: an address that cannot become a header.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let legal = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;:\"()[]\\".contains(c);
    text.len() <= MAX_EMAIL
        && text.chars().all(legal)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
}
