//! An authenticator whose every field can be set wrong: written for the tests, sharing no code with the product.

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use sceau::base::{base64url, sha256};
use sceau::jose::{Algorithm, PrivateKey, PublicKey};
use serde_cbor_2::Value as Cbor;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(super) const RP_ID: &str = "example.org";
pub(super) const ORIGIN: &str = "https://example.org";
pub(super) const APP_ORIGIN: &str = "android:apk-key-hash:Zm9yIHRoZSB0ZXN0cyBvbmx5";
pub(super) const CHALLENGE: [u8; 32] = [7; 32];
pub(super) const AAGUID: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888);

pub(super) const UP: u8 = 0x01;
pub(super) const UV: u8 = 0x04;
pub(super) const BE: u8 = 0x08;
pub(super) const BS: u8 = 0x10;
pub(super) const AT: u8 = 0x40;
pub(super) const ED: u8 = 0x80;

/// A key pair of the authenticator.
pub(super) fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::Es256).unwrap()
}

/// Who signs the attestation statement.
pub(super) enum Signer {
    Own,
    Certified { key: PrivateKey, chain: Vec<Vec<u8>> },
    Nobody,
}

/// A registration; as built it is good.
pub(super) struct Registration {
    pub key: PrivateKey,
    pub client: Map<String, Value>,
    pub rp_id: String,
    pub flags: u8,
    pub count: u32,
    pub aaguid: Uuid,
    pub attested_id: Vec<u8>,
    pub id: Vec<u8>,
    pub raw_id: Vec<u8>,
    pub kind: String,
    pub cose: BTreeMap<Cbor, Cbor>,
    pub behind_data: Vec<u8>,
    pub format: String,
    pub alg: i128,
    pub signer: Signer,
    pub more_statement: BTreeMap<Cbor, Cbor>,
    pub flip_signature: bool,
    /// Changes the client data after the signature.
    pub late_client: Option<Vec<u8>>,
    /// Replaces the attestation object.
    pub object: Option<Vec<u8>>,
}

pub(super) fn client(kind: &str) -> Map<String, Value> {
    let value = json!({
        "type": kind, "challenge": base64url(CHALLENGE), "origin": ORIGIN, "crossOrigin": false,
    });
    value.as_object().unwrap().clone()
}

impl Registration {
    pub(super) fn good() -> Self {
        let key = key();
        let cose = cose(key.public());
        let id = b"a credential id of the tests".to_vec();
        Self {
            key,
            client: client("webauthn.create"),
            rp_id: String::from(RP_ID),
            flags: UP | UV | AT,
            count: 1,
            aaguid: AAGUID,
            attested_id: id.clone(),
            raw_id: id.clone(),
            id,
            kind: String::from("public-key"),
            cose,
            behind_data: Vec::new(),
            format: String::from("packed"),
            alg: -7,
            signer: Signer::Own,
            more_statement: BTreeMap::new(),
            flip_signature: false,
            late_client: None,
            object: None,
        }
    }

    /// Attested by `leaf` and the certificates after it.
    pub(super) fn certified(leaf: &Certificate, above: &[&Certificate]) -> Self {
        let mut chain = vec![leaf.der.clone()];
        chain.extend(above.iter().map(|certificate| certificate.der.clone()));
        Self { signer: Signer::Certified { key: leaf.private(), chain }, ..Self::good() }
    }

    pub(super) fn data(&self) -> Vec<u8> {
        let length = u16::try_from(self.attested_id.len()).unwrap().to_be_bytes();
        let key = serde_cbor_2::to_vec(&Cbor::Map(self.cose.clone())).unwrap();
        let mut data = data(&self.rp_id, self.flags, self.count);
        if self.flags & AT != 0 {
            data.extend([self.aaguid.as_bytes().as_slice(), &length, &self.attested_id, &key].concat());
        }
        data.extend(&self.behind_data);
        data
    }

    pub(super) fn statement(&self, client: &[u8]) -> BTreeMap<Cbor, Cbor> {
        let message = [self.data().as_slice(), &sha256(&[client])].concat();
        let mut statement = self.more_statement.clone();
        let signature = match &self.signer {
            Signer::Nobody => return statement,
            Signer::Own => sign(&self.key, &message, self.flip_signature),
            Signer::Certified { key, chain } => {
                let chain = chain.iter().cloned().map(Cbor::Bytes).collect();
                statement.insert(text("x5c"), Cbor::Array(chain));
                sign(key, &message, self.flip_signature)
            }
        };
        statement.insert(text("alg"), Cbor::Integer(self.alg));
        statement.entry(text("sig")).or_insert(Cbor::Bytes(signature));
        statement
    }

    pub(super) fn object(&self) -> Vec<u8> {
        let client = Value::Object(self.client.clone()).to_string();
        serde_cbor_2::to_vec(&Cbor::Map(BTreeMap::from([
            (text("fmt"), text(&self.format)),
            (text("attStmt"), Cbor::Map(self.statement(client.as_bytes()))),
            (text("authData"), Cbor::Bytes(self.data())),
        ])))
        .unwrap()
    }

    pub(super) fn json(&self) -> Value {
        let client = Value::Object(self.client.clone()).to_string().into_bytes();
        let object = self.object.clone().unwrap_or_else(|| self.object());
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.raw_id),
            "type": self.kind,
            "clientExtensionResults": {},
            "challenge": "a client's own challenge is no challenge",
            "response": {
                "clientDataJSON": base64url(self.late_client.clone().unwrap_or(client)),
                "attestationObject": base64url(object),
            },
        })
    }
}

/// An assertion; as built it is good.
pub(super) struct Assertion {
    pub client: Map<String, Value>,
    pub rp_id: String,
    pub flags: u8,
    pub count: u32,
    pub id: Vec<u8>,
    pub raw_id: Vec<u8>,
    pub kind: String,
    pub user_handle: Value,
    pub behind_data: Vec<u8>,
    pub flip_signature: bool,
    /// Changes what was signed, after the signature.
    pub late_client: Option<Vec<u8>>,
    pub late_data: Option<Vec<u8>>,
    pub signature: Option<Vec<u8>>,
}

impl Assertion {
    pub(super) fn good(id: &[u8], user_handle: Uuid) -> Self {
        Self {
            client: client("webauthn.get"),
            rp_id: String::from(RP_ID),
            flags: UP | UV,
            count: 2,
            id: id.to_vec(),
            raw_id: id.to_vec(),
            kind: String::from("public-key"),
            user_handle: json!(base64url(user_handle.as_bytes())),
            behind_data: Vec::new(),
            flip_signature: false,
            late_client: None,
            late_data: None,
            signature: None,
        }
    }

    pub(super) fn data(&self) -> Vec<u8> {
        [data(&self.rp_id, self.flags, self.count), self.behind_data.clone()].concat()
    }

    pub(super) fn signature(&self, key: &PrivateKey) -> Vec<u8> {
        let client = Value::Object(self.client.clone()).to_string();
        let message = [self.data().as_slice(), &sha256(&[client.as_bytes()])].concat();
        sign(key, &message, self.flip_signature)
    }

    pub(super) fn json(&self, key: &PrivateKey) -> Value {
        let client = Value::Object(self.client.clone()).to_string().into_bytes();
        let signature = self.signature.clone().unwrap_or_else(|| self.signature(key));
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.raw_id),
            "type": self.kind,
            "clientExtensionResults": { "appid": true },
            "response": {
                "clientDataJSON": base64url(self.late_client.clone().unwrap_or(client)),
                "authenticatorData": base64url(self.late_data.clone().unwrap_or_else(|| self.data())),
                "signature": base64url(signature),
                "userHandle": self.user_handle,
            },
        })
    }
}

fn data(rp_id: &str, flags: u8, count: u32) -> Vec<u8> {
    [sha256(&[rp_id.as_bytes()]).as_slice(), &[flags], &count.to_be_bytes()].concat()
}

fn sign(key: &PrivateKey, message: &[u8], flip: bool) -> Vec<u8> {
    let fixed = key.sign(message).unwrap();
    let mut der = p256::ecdsa::Signature::from_slice(&fixed).unwrap().to_der().as_bytes().to_vec();
    if flip {
        *der.last_mut().unwrap() ^= 1;
    }
    der
}

pub(super) fn cose(key: &PublicKey) -> BTreeMap<Cbor, Cbor> {
    let PublicKey::P256(key) = key else { unreachable!("ES256 keys only") };
    let (x, y) = key.coordinates();
    BTreeMap::from([
        (Cbor::Integer(1), Cbor::Integer(2)),
        (Cbor::Integer(3), Cbor::Integer(-7)),
        (Cbor::Integer(-1), Cbor::Integer(1)),
        (Cbor::Integer(-2), Cbor::Bytes(x.to_vec())),
        (Cbor::Integer(-3), Cbor::Bytes(y.to_vec())),
    ])
}

pub(super) fn text(value: &str) -> Cbor {
    Cbor::Text(String::from(value))
}

/// A certificate, its key, and what it was made of.
pub(super) struct Certificate {
    pub der: Vec<u8>,
    pub pem: String,
    params: CertificateParams,
    pair: KeyPair,
}

impl Certificate {
    /// A root named `name`.
    pub(super) fn root(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        change(&mut params);
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let made = CertifiedIssuer::self_signed(params.clone(), &pair).unwrap();
        let (der, pem) = (made.der().to_vec(), made.pem());
        Self { der, pem, params, pair }
    }

    /// An authority named `name` under this one.
    pub(super) fn authority(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        change(&mut params);
        self.issue(params)
    }

    /// An attestation certificate under this one; as built it is good for [`AAGUID`].
    pub(super) fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(Some("FR"), "Authenticator Attestation");
        params.is_ca = IsCa::ExplicitNoCa;
        params.custom_extensions = vec![aaguid_extension(AAGUID)];
        change(&mut params);
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let issuer = Issuer::from_params(&self.params, &self.pair);
        let made = params.signed_by(&pair, &issuer).unwrap();
        let (der, pem) = (made.der().to_vec(), made.pem());
        Self { der, pem, params, pair }
    }

    pub(super) fn private(&self) -> PrivateKey {
        let der = PrivatePkcs8KeyDer::from(self.pair.serialize_der());
        PrivateKey::from_pkcs8(Algorithm::Es256, der.secret_pkcs8_der()).unwrap()
    }
}

pub(super) fn subject(country: Option<&str>, unit: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(country) = country {
        name.push(DnType::CountryName, country);
    }
    name.push(DnType::OrganizationName, "Maker");
    name.push(DnType::OrganizationalUnitName, unit);
    name.push(DnType::CommonName, "Model 1");
    name
}

pub(super) fn aaguid_extension(aaguid: Uuid) -> CustomExtension {
    let value = [&[0x04, 0x10], aaguid.as_bytes().as_slice()].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], value)
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}
