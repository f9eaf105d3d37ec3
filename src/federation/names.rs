//! How names and identities of the civil register are compared.
//!
//! Two registers write one name in several ways: `FRANÇOIS` and `Francois`, `L'Hôte` and `L HOTE`. The rules, in order:
//!
//! 1. Unicode compatibility decomposition (NFKD, UAX 15), then marks of U+0300 to U+036F are dropped: accents, cedilla;
//! 2. `œ` → `OE`, `æ` → `AE`, `ß` → `SS`, `ø` → `O`, `ł` → `L`, `đ` → `D`;
//! 3. upper case;
//! 4. apostrophes, hyphens and blanks, however many, → one space; none at either end;
//! 5. any other character is kept, and so equals itself only.
//!
//! Particles are kept, nothing is abbreviated, no prefix, sound or order is forgiven: `DE LA TOUR` is not `TOUR`, `JEAN
//! PIERRE` is not `JEAN`, and lists of first names of different lengths differ. Whoever is refused by this proves both
//! sides instead.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::identity::Pivot;

/// The name as it is compared; idempotent.
#[must_use]
pub fn normalise_name(name: &str) -> String {
    let letters: String = name.nfkd().filter(|c| !is_diacritic(*c)).flat_map(letters_of).collect();
    let words: Vec<&str> = letters.split(is_separator).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// What a blind index of an identity is computed from: every trait with its length, so that no two identities give the same
/// bytes (`LOU` + `ISEMARTIN`, `LOUISE` + `MARTIN`). To be keyed (HMAC) before it is stored; redacted in `Debug`, wiped
/// when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexMaterial(Zeroizing<Vec<u8>>);

impl IndexMaterial {
    /// The bytes. Every call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Each part after its length in 8 bytes, most significant first.
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Zeroizing::new(Vec::new());
        for part in parts {
            bytes.extend(length(part.len()));
            bytes.extend(part);
        }
        Self(bytes)
    }
}

impl fmt::Debug for IndexMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexMaterial([redacted])")
    }
}

/// The index material of an identity: normalised names, and the other traits as they are.
#[must_use]
pub fn index_material(pivot: &Pivot) -> IndexMaterial {
    let traits = pivot.expose();
    let family_name = normalise_name(&traits.family_name);
    let given_names: Vec<String> = traits.given_names.iter().map(|name| normalise_name(name)).collect();
    let birth_date = traits.birth_date.to_string();
    // The number of first names comes before them: a list cannot run into the next trait.
    let count = length(given_names.len());
    let place = traits.birth_place.as_ref().map_or("", |place| place.as_str());
    let head: [&[u8]; 3] = [LABEL, family_name.as_bytes(), &count];
    let tail = [traits.sex.as_str(), birth_date.as_str(), place, traits.birth_country.as_str()];
    let given = given_names.iter().map(String::as_bytes);
    IndexMaterial::of(head.into_iter().chain(given).chain(tail.iter().map(|part| part.as_bytes())))
}

/// Whether two identities are those of one person by these rules. A presumed birth date equals the same presumed date
/// only, and an unspecified sex no other.
#[must_use]
pub fn same_identity(one: &Pivot, other: &Pivot) -> bool {
    index_material(one) == index_material(other)
}

/// Changes when a rule does, so that an old index is found to be old.
const LABEL: &[u8] = b"pivot 1";

fn is_diacritic(c: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&c)
}

fn letters_of(c: char) -> Vec<char> {
    match c {
        'œ' | 'Œ' => vec!['O', 'E'],
        'æ' | 'Æ' => vec!['A', 'E'],
        'ß' | 'ẞ' => vec!['S', 'S'],
        'ø' | 'Ø' => vec!['O'],
        'ł' | 'Ł' => vec!['L'],
        'đ' | 'Đ' => vec!['D'],
        _ => c.to_uppercase().collect(),
    }
}

/// Blanks, and every apostrophe and hyphen in use. NFKD has already made a space of the acute accent that stands alone.
fn is_separator(c: char) -> bool {
    const APOSTROPHES: &str = "'`\u{2BB}\u{2BC}\u{2018}\u{2019}\u{201B}\u{2032}";
    const HYPHENS: &str = "-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}";
    c.is_whitespace() || APOSTROPHES.contains(c) || HYPHENS.contains(c)
}

fn length(length: usize) -> [u8; 8] {
    u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes()
}
