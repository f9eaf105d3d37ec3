//! What a client is told of a person: of a professional by its scopes, of a patient also within its release policy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::identity::{
    AuthMode, Identity, Patient, PatientClaim, Person, ReleasePolicy, claims_of_scopes, patient_claims,
    sector_claims,
};
use crate::oauth::{Client, Profile, REPRESENTATION, ScopeSet};
use crate::oidc::{AuthenticationRequest, ClaimSpec, released_claims, requested_claims};
use crate::ports::Grant;

use super::Provider;
use super::parties::Parties;

/// Claims named one by one (OpenID Connect Core 5.5).
type Named = BTreeMap<String, ClaimSpec>;

impl Provider {
    /// The claims at the userinfo endpoint (OpenID Connect Core 5.3, 5.4), `sub` left out.
    pub(super) fn userinfo_claims(
        &self,
        client: &Client,
        (parties, auth_mode): (&Parties, AuthMode),
        scope: &ScopeSet,
        requested: &Named,
    ) -> Map<String, Value> {
        match &parties.about().identity {
            Identity::Professional(professional) => {
                let all = sector_claims(professional, auth_mode, &self.policy.sector);
                released_claims(client, scope, requested).filter(all)
            }
            Identity::Patient(patient) => {
                let mut wanted = claims_of_scopes(scope);
                wanted.extend(named_claims(client, requested));
                parties.discreet(self.claims_of_patient(client, patient, &wanted))
            }
        }
    }

    /// What the `UserInfo` endpoint tells during the life of an access token under `grant`: as of the issue, as the ID
    /// token does. None where it is decided anew at each use: acting for somebody, and hubs, which may refuse a person.
    pub(super) fn told_for_its_life(
        &self,
        client: &Client,
        parties: &Parties,
        grant: &Grant,
    ) -> Option<Map<String, Value>> {
        let holds = grant.on_behalf_of.is_none() && client.profile != Profile::FranceConnect;
        let about = (parties, grant.proof.auth_mode);
        holds.then(|| self.userinfo_claims(client, about, &grant.scope, &grant.claims.userinfo))
    }

    /// The claims that an ID token says: those named one by one (OpenID Connect Core 5.4, 5.5).
    pub(super) fn id_token_claims(
        &self,
        client: &Client,
        (parties, auth_mode): (&Parties, AuthMode),
        requested: &Named,
    ) -> Map<String, Value> {
        match &parties.about().identity {
            Identity::Professional(professional) => {
                let all = sector_claims(professional, auth_mode, &self.policy.sector);
                requested_claims(client, requested).filter(all)
            }
            Identity::Patient(patient) => {
                parties.discreet(self.claims_of_patient(client, patient, &named_claims(client, requested)))
            }
        }
    }

    /// What the consent page lists: scopes, or of a patient what will be sent.
    pub(super) fn consent_lines(
        &self,
        client: &Client,
        parties: &Parties,
        request: &AuthenticationRequest,
    ) -> Vec<String> {
        let scope = &request.oauth.scope;
        let Some(patient) = parties.about().patient() else {
            return scope.iter().map(str::to_owned).collect();
        };
        let sent = parties.discreet(self.claims_of_patient(client, patient, &wanted(client, request)));
        let groups = sent.keys().filter_map(|name| PatientClaim::named(name)).map(sentence);
        let mut lines = vec!["openid"];
        if scope.contains("offline_access") {
            lines.push("offline_access");
        }
        if scope.contains(REPRESENTATION) {
            lines.push(REPRESENTATION);
        }
        for group in groups {
            if !lines.contains(&group) {
                lines.push(group);
            }
        }
        lines.into_iter().map(str::to_owned).collect()
    }

    fn claims_of_patient(
        &self,
        client: &Client,
        patient: &Patient,
        wanted: &BTreeSet<PatientClaim>,
    ) -> Map<String, Value> {
        patient_claims(patient, wanted, &release_policy(client), self.policy.patients_ins)
    }
}

/// What the person's page lists of a remembered consent: scopes, or of a patient what is sent.
pub(super) fn remembered_lines(client: Option<&Client>, person: &Person, scope: &ScopeSet) -> Vec<String> {
    if person.patient().is_none() {
        return scope.iter().map(str::to_owned).collect();
    }
    let released = |claim: &PatientClaim| {
        client.is_some_and(|client| client.release.contains(claim.as_str())) && scope.contains(claim.as_str())
    };
    let plain = ["openid", "offline_access", REPRESENTATION].into_iter().filter(|name| scope.contains(name));
    let mut lines: Vec<&str> = plain.collect();
    for group in PatientClaim::ALL.into_iter().filter(released).map(sentence) {
        if !lines.contains(&group) {
            lines.push(group);
        }
    }
    lines.into_iter().map(str::to_owned).collect()
}

/// What a consent to this request covers: its scopes, and each claim about patients that it releases, so that a policy
/// that grew, or a claim named beyond the scopes, is asked again.
pub(super) fn consent_scope(client: &Client, request: &AuthenticationRequest) -> ScopeSet {
    let scope = &request.oauth.scope;
    let released = release_policy(client).released(&wanted(client, request));
    let mut names: Vec<&str> = scope.iter().collect();
    for claim in released {
        names.push(claim.as_str());
    }
    ScopeSet::parse(&names.join(" ")).unwrap_or_else(|_| scope.clone())
}

fn wanted(client: &Client, request: &AuthenticationRequest) -> BTreeSet<PatientClaim> {
    let mut wanted = claims_of_scopes(&request.oauth.scope);
    wanted.extend(named_claims(client, &request.claims.userinfo));
    wanted.extend(named_claims(client, &request.claims.id_token));
    wanted
}

/// Naming a claim is never more than asking for its scope.
fn named_claims(client: &Client, requested: &Named) -> BTreeSet<PatientClaim> {
    let allowed = claims_of_scopes(&client.scopes);
    requested
        .keys()
        .filter_map(|name| PatientClaim::named(name))
        .filter(|claim| allowed.contains(claim))
        .collect()
}

fn release_policy(client: &Client) -> ReleasePolicy {
    let registered = client.release.iter().filter_map(PatientClaim::named);
    if client.profile == Profile::FranceConnect {
        let accepted = ReleasePolicy::for_france_connect();
        return ReleasePolicy::of(registered.filter(|claim| accepted.allows(*claim)));
    }
    ReleasePolicy::of(registered)
}

/// The sentence of the consent page that tells of a claim.
const fn sentence(claim: PatientClaim) -> &'static str {
    match claim {
        PatientClaim::GivenName | PatientClaim::GivenNameArray | PatientClaim::FamilyName => "patient-names",
        PatientClaim::PreferredUsername => "patient-used-name",
        PatientClaim::Birthdate => "birthdate",
        PatientClaim::Gender => "gender",
        PatientClaim::Birthplace | PatientClaim::Birthcountry => "patient-birth-place",
        PatientClaim::Email => "email",
        PatientClaim::Ins => "ins",
    }
}
