//! Who is signed in, as the provider says: a professional or a patient.

use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims};
use openidconnect::{AdditionalClaims, UserInfoClaims};
use serde::{Deserialize, Serialize};

use crate::base::{Secret, UnixTime};

/// Who is signed in.
#[derive(Clone)]
pub(super) struct SignedIn {
    /// Given names and family name.
    pub(super) name: String,
    /// `acr` of the ID token.
    pub(super) acr: String,
    /// When the person proved who they are.
    pub(super) auth_time: Option<UnixTime>,
    /// `SubjectNameID`: the national identifier of a professional.
    pub(super) subject_name_id: Option<String>,
    /// Birth date and place of a patient, as claims.
    pub(super) birth: Option<String>,
    /// Matricule of the national health identity of a patient.
    pub(super) ins: Option<String>,
    /// `sub`: the person for this service alone.
    pub(super) subject: String,
    /// The claims of the ID token and those of userinfo, as JSON to be read.
    pub(super) told: [String; 2],
    /// The ID token, for the logout.
    pub(super) id_token: Secret,
}

/// The claims that the service reads beside the standard ones; those that are absent are left out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct MoreClaims {
    #[serde(rename = "SubjectNameID", skip_serializing_if = "Option::is_none")]
    subject_name_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name_array: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthplace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthcountry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ins: Option<InsClaim>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct InsClaim {
    matricule: String,
    oid: String,
    status: String,
}

impl AdditionalClaims for MoreClaims {}

impl SignedIn {
    /// The person of a verified ID token and of the userinfo that belongs to it.
    pub(super) fn of(
        claims: &CoreIdTokenClaims,
        userinfo: &UserInfoClaims<MoreClaims, CoreGenderClaim>,
        id_token: Secret,
    ) -> Self {
        let given = userinfo.given_name().and_then(|name| name.get(None)).map(|name| name.as_str());
        let family = userinfo.family_name().and_then(|name| name.get(None)).map(|name| name.as_str());
        let more = userinfo.additional_claims();
        let place =
            [&more.birthplace, &more.birthcountry].into_iter().flatten().filter(|code| !code.is_empty());
        let birth = userinfo.birthdate().filter(|_| more.birthcountry.is_some()).map(|date| {
            let parts: Vec<&str> = std::iter::once(date.as_str()).chain(place.map(String::as_str)).collect();
            parts.join(" · ")
        });
        Self {
            name: [given, family].into_iter().flatten().collect::<Vec<_>>().join(" "),
            acr: claims.auth_context_ref().map(|acr| acr.to_string()).unwrap_or_default(),
            auth_time: claims.auth_time().map(|at| UnixTime::from_secs(at.timestamp())),
            subject_name_id: more.subject_name_id.clone(),
            birth,
            ins: more.ins.as_ref().map(|ins| ins.matricule.clone()),
            subject: claims.subject().to_string(),
            told: [readable(claims), readable(userinfo)],
            id_token,
        }
    }

    /// Whether this is a patient: a professional always has a national identifier.
    pub(super) const fn is_patient(&self) -> bool {
        self.subject_name_id.is_none()
    }
}

/// Claims as indented JSON.
fn readable(claims: &impl Serialize) -> String {
    serde_json::to_string_pretty(claims).unwrap_or_default()
}
