//! The Wycheproof vectors of whole tokens and key sets, and where all of them are: `../shared/data`, or the directory named by `SCEAU_SHARED`.

use std::path::PathBuf;

use sceau::base::from_base64url;
use sceau::jose::{Algorithm, CompactJws, JwkSet, Unverified};
use serde_json::{Value, json};

/// The vectors of `file`, or nothing (said aloud) where they are not at hand.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(super) fn vectors(file: &str) -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("SCEAU_SHARED").map(PathBuf::from);
    let found = std::iter::once(beside)
        .chain(named)
        .map(|shared| shared.join("data/wycheproof").join(file))
        .find(|path| path.exists());
    let Some(path) = found else {
        eprintln!("skipped: the Wycheproof vectors {file} are not here; name their place in SCEAU_SHARED");
        return None;
    };
    let text = std::fs::read(path).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

/// Each group of `vectors` with each of its tests.
pub(super) fn cases(vectors: &Value) -> Vec<(&Value, &Value)> {
    let groups = vectors["testGroups"].as_array().unwrap();
    let cases: Vec<_> = groups
        .iter()
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test)))
        .collect();
    assert_eq!(u64::try_from(cases.len()).unwrap(), vectors["numberOfTests"].as_u64().unwrap());
    cases
}

/// The bytes of a hexadecimal member.
pub(super) fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn json_web_signature() {
    let Some(vectors) = vectors("json_web_signature_test.json") else { return };
    let mut accepted = 0;
    for (group, test) in cases(&vectors) {
        let key = group.get("public").unwrap_or(&group["private"]);
        let token = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
        let expected = test["result"] == "valid" && is_within_our_rules(&token);
        assert_eq!(accepts(&json!({"keys": [key]}), &token), expected, "{test}");
        accepted += u32::from(expected);
    }
    assert_eq!(accepted, 14);
}

/// Valid tokens refused on purpose: other algorithms, and empty payloads.
fn is_within_our_rules(token: &str) -> bool {
    let mut segments = token.split('.');
    let header = segments.next().and_then(|segment| from_base64url(segment).ok()).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    let is_supported = ["ES256", "PS256", "RS256"].iter().any(|alg| header["alg"] == **alg);
    is_supported && segments.next().is_some_and(|payload| !payload.is_empty())
}

#[test]
fn json_web_key() {
    let Some(vectors) = vectors("json_web_key_test.json") else { return };
    for (group, test) in cases(&vectors) {
        let keys = group.get("public").unwrap_or(&group["private"]);
        let symmetric = keys.to_string().contains("\"oct\"");
        let expected = test["result"] == "valid" && !symmetric;
        assert_eq!(accepts(keys, test["jws"].as_str().unwrap()), expected, "{test}");
    }
}

/// Whether a token verifies with a set, as far as any payload can be read.
fn accepts(set: &Value, token: &str) -> bool {
    assert!(Unverified::parse(token, 65_536).is_err(), "these vectors sign no claims");
    let (Ok(set), Ok(jws)) = (JwkSet::parse(set), CompactJws::parse(token, 65_536)) else { return false };
    let alg = jws.header().alg;
    let Some(jwk) = set.find(jws.header().kid.as_deref(), alg) else { return false };
    jws.verify(&jwk.key, &[Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256]).is_ok()
}
