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

/// Why what a person typed is not an e-mail address that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailFault {
    /// Nothing.
    #[error("empty")]
    Empty,
    /// Longer than 254 characters, or than 64 before the `@` (RFC 5321 4.5.3.1).
    #[error("too long")]
    TooLong,
    /// Not one `@` with something on both sides.
    #[error("not one @ between a name and a domain")]
    NoAt,
    /// A blank, a bracket, an accent, or a dot out of place, before the `@` (RFC 5321 4.1.2, `Dot-string`).
    #[error("a character that an address does not have")]
    Characters,
    /// What follows the `@` is not a domain name of at least two labels (RFC 1035 2.3.1).
    #[error("not a domain after the @")]
    Domain,
}

/// The e-mail address that a person typed, without blanks around it. Stricter than [`is_email`], which says of a
/// directory's address that it is harmless: here somebody can still correct it.
///
/// # Errors
/// [`EmailFault`]: the first rule that is broken.
pub fn typed_email(typed: &str) -> Result<&str, EmailFault> {
    let text = typed.trim();
    if text.is_empty() {
        return Err(EmailFault::Empty);
    }
    let (local, domain) = text.split_once('@').ok_or(EmailFault::NoAt)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(EmailFault::NoAt);
    }
    if text.len() > MAX_EMAIL || local.len() > MAX_LOCAL {
        return Err(EmailFault::TooLong);
    }
    if !local.split('.').all(is_atom) {
        return Err(EmailFault::Characters);
    }
    let labels: Vec<&str> = domain.split('.').collect();
    let top = labels.last().is_some_and(|top| top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()));
    if labels.len() < 2 || !top || !labels.iter().all(|label| is_label(label)) {
        return Err(EmailFault::Domain);
    }
    Ok(text)
}

/// RFC 5321 4.5.3.1.1.
const MAX_LOCAL: usize = 64;

/// RFC 5322 3.2.3.
fn is_atom(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    !text.is_empty() && text.bytes().all(legal)
}

/// RFC 1035 2.3.1, as relaxed by RFC 1123 2.1.
fn is_label(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(legal)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
