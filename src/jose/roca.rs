//! Recognises RSA moduli made by the flawed Infineon generator of chip cards (ROCA, CVE-2017-15361).
//!
//! Such a prime is `k·M + (65537^a mod M)`, `M` being a product of small primes, so that the modulus is a power
//! of 65537 modulo each of them. A sound modulus passes for one with probability about 2⁻²⁸.

const SMALL_PRIMES: [u64; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the big-endian modulus `n` carries the fingerprint.
pub(super) fn has_fingerprint(n: &[u8]) -> bool {
    SMALL_PRIMES.iter().all(|prime| is_power_of_65537(remainder(n, *prime), *prime))
}

fn remainder(n: &[u8], prime: u64) -> u64 {
    n.iter().fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % prime)
}

fn is_power_of_65537(value: u64, prime: u64) -> bool {
    let mut power = 1;
    loop {
        if power == value {
            return true;
        }
        power = power * 65537 % prime;
        if power == 1 {
            return false;
        }
    }
}
