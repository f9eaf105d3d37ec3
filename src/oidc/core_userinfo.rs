//! Which claims about a person a client gets: the union of its scopes and of the claims it named, within what it
//! registered for.
//!
//! Spec: <https://openid.net/specs/openid-connect-core-1_0.html>. Covers 5.3.2 (`sub` always), 5.4 (scope values) and
//! 5.5 (individual claims). The sector scopes and the exact capitals are those of Pro Santé Connect. It does not read
//! identities: it filters what the caller gives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::ClaimSpec;
use crate::oauth::{Client, Profile, ScopeSet};

/// The names of the claims released to one client by one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedClaims(BTreeSet<&'static str>);

impl ReleasedClaims {
    /// Whether the claim called `name` is released.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    /// The members of `claims` that are released.
    #[must_use]
    pub fn filter(&self, mut claims: Map<String, Value>) -> Map<String, Value> {
        claims.retain(|name, _| self.contains(name));
        claims
    }
}

/// The claims that `client` gets at the `UserInfo` endpoint under a grant of `scope`, with the claims `requested` there
/// one by one (OpenID Connect Core 5.4 and 5.5).
#[must_use]
pub fn released_claims(
    client: &Client,
    scope: &ScopeSet,
    requested: &BTreeMap<String, ClaimSpec>,
) -> ReleasedClaims {
    // 5.3.2: `sub` is always there.
    let mut released = requested_claims(client, requested);
    released.0.insert("sub");
    for (claim, scopes) in CLAIM_SCOPES {
        let by_scope = scopes.iter().any(|one| scope.contains(one));
        if by_scope || gets_everything(client, scopes) {
            released.0.insert(*claim);
        }
    }
    released
}

/// The claims that `client` gets because it `requested` them one by one: all that an ID token says about a person, since
/// what a scope releases is given at the `UserInfo` endpoint (OpenID Connect Core 5.4).
///
/// Only a claim that one of the client's registered scopes would release: naming a claim is never more than asking for
/// its scope.
#[must_use]
pub fn requested_claims(client: &Client, requested: &BTreeMap<String, ClaimSpec>) -> ReleasedClaims {
    let allowed = |scopes: &[&str]| {
        gets_everything(client, scopes) || scopes.iter().any(|one| client.scopes.contains(one))
    };
    let named =
        CLAIM_SCOPES.iter().filter(|(claim, scopes)| requested.contains_key(*claim) && allowed(scopes));
    ReleasedClaims(named.map(|(claim, _)| *claim).collect())
}

/// Pro Santé Connect gives its services every sector claim.
fn gets_everything(client: &Client, scopes: &[&str]) -> bool {
    client.profile == Profile::Psc && scopes.contains(&ALL)
}

/// The scope that releases every sector claim.
const ALL: &str = "scope_all";

/// Each claim about a person with the scopes that release it. The capitals are those of the sector.
pub const CLAIM_SCOPES: &[(&str, &[&str])] = &[
    ("given_name", &[ALL, "profile"]),
    ("family_name", &[ALL, "profile"]),
    ("preferred_username", &[ALL, "profile", "rpps", "identity"]),
    ("SubjectNameID", &[ALL, "rpps", "identity"]),
    ("otherIds", &[ALL, "rpps", "identity"]),
    ("SubjectRole", &[ALL]),
    ("SubjectOrganization", &[ALL]),
    ("SubjectOrganizationID", &[ALL]),
    ("SubjectRefPro", &[ALL]),
    ("Secteur_Activite", &[ALL]),
    ("Palier_Authentification", &[ALL]),
    ("PSI_Locale", &[ALL]),
    ("UITVersion", &[ALL]),
    ("Mode_Acces_Raison", &[ALL]),
    ("Acces_Regulation_Medicale", &[ALL]),
    ("authMode", &[ALL]),
];
