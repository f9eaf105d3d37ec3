//! The slot of a key in a Redis cluster (Redis Cluster Specification, "Key distribution model" and "Hash tags").

/// The slot of `key`: of what is between its first braces, if anything is.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    let mut halves = key.splitn(2, |byte| *byte == b'{');
    let tag = halves.nth(1).and_then(|rest| {
        let length = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..length).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM: polynomial 1021, from zero, most significant bit first.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| {
            if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
        })
    })
}

/// How many there are.
pub(super) const SLOTS: u16 = 16_384;
