//! What lies in the store tells nothing, and cannot be altered or moved unnoticed.

use std::collections::BTreeMap;

use sceau::approval::Recipient;
use sceau::base::{ApprovalId, InteractionId, TokenHash};
use sceau::device::{ActivationCodes, PendingEnrolment};
use sceau::ports::{Ceremony, OpenLimits, PortResult, ThrottleRule};

use super::ephemeral::{Kit, MINUTE, is_corrupt};
use super::ephemeral_samples::{
    NEEDLE, activation, approval, ceremony, code, enrolment, federation, interaction, pushed, recipient,
    record, session, token,
};

/// What somebody does to the bytes of a value.
type Alteration = fn(&mut Vec<u8>);

/// One value of each kind, and under what to find it.
struct Kept {
    token: TokenHash,
    ceremony: Ceremony,
    enrolment: PendingEnrolment,
    activation: ActivationCodes,
    interaction: InteractionId,
    recipient: Recipient,
    approval: ApprovalId,
}

pub(super) async fn nothing_lies_in_clear(kit: &Kit) {
    let kept = keep(kit).await;
    let subject = b"needle-899700000001";
    let rule = ThrottleRule { name: "contract", limit: 3, window: MINUTE };
    kit.throttle.hit(rule, subject, kit.now()).await.unwrap();
    kit.replay.first_seen(kit.proof(), &kept.token, kit.soon(), kit.now()).await.unwrap();
    let dump = kit.at_rest.dump().await;
    let mut secrets = vec![NEEDLE.as_bytes().to_vec(), b"\"42\"".to_vec(), b"client".to_vec()];
    secrets.push(kept.ceremony.challenge.to_vec());
    secrets.push(kept.recipient.as_bytes().to_vec());
    let ids = [
        kept.approval.uuid(),
        kept.interaction.uuid(),
        kept.ceremony.device.uuid(),
        kept.enrolment.id.uuid(),
    ];
    for id in ids {
        secrets.extend([id.hyphenated().to_string().into_bytes(), id.as_bytes().to_vec()]);
    }
    assert!(dump.len() >= 11);
    for (key, value) in &dump {
        for secret in &secrets {
            assert!(!contains(key.as_bytes(), secret), "in the key {key}");
            assert!(!contains(value, secret), "in the value of {key}");
        }
    }
}

pub(super) async fn every_alteration_is_noticed(kit: &Kit) {
    let alterations: [(&str, Alteration); 7] = [
        ("tag", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("ciphertext", |bytes| bytes[60] ^= 0x80),
        ("key id", |bytes| bytes[22] ^= 1),
        ("truncated", |bytes| bytes.truncate(40)),
        ("state", |bytes| bytes[1] = 2),
        ("version", |bytes| bytes[9] = bytes[9].wrapping_add(1)),
        ("deadline", |bytes| bytes[14] = bytes[14].wrapping_add(1)),
    ];
    for (name, alter) in alterations {
        let kept = keep(kit).await;
        for (key, mut bytes) in kit.at_rest.dump().await {
            alter(&mut bytes);
            kit.at_rest.overwrite(&key, &bytes).await;
        }
        for (kind, answer) in read(kit, &kept).await {
            assert!(is_corrupt(&answer), "{kind} with altered {name}: {answer:?}");
        }
    }
}

/// A value of the same kind, put where another belongs.
pub(super) async fn a_moved_value_does_not_open(kit: &Kit) {
    let theirs = {
        keep(kit).await;
        kit.at_rest.dump().await.into_iter().collect::<BTreeMap<_, _>>()
    };
    let ours = keep(kit).await;
    let kind = |key: &str| key.split(':').next().unwrap().to_owned();
    for (key, _) in kit.at_rest.dump().await.into_iter().filter(|(key, _)| !theirs.contains_key(key)) {
        let (_, other) = theirs.iter().find(|(their, _)| kind(their) == kind(&key)).unwrap();
        kit.at_rest.overwrite(&key, other).await;
    }
    for (kind, answer) in read(kit, &ours).await {
        assert!(is_corrupt(&answer), "{kind}: {answer:?}");
    }
}

async fn keep(kit: &Kit) -> Kept {
    let (soon, now) = (kit.soon(), kit.now());
    let begun = interaction(kit, soon);
    let recipient = recipient(kit);
    let asked = approval(kit, recipient, "42");
    let kept = Kept {
        token: token(kit),
        ceremony: ceremony(kit, soon),
        enrolment: enrolment(kit, soon),
        activation: activation(kit, Some(soon)),
        interaction: begun.id,
        recipient,
        approval: asked.request().id,
    };
    kit.one_shot.put_code(&kept.token, &code(kit, soon)).await.unwrap();
    kit.one_shot.put_pushed(&kept.token, &pushed(soon)).await.unwrap();
    kit.one_shot.put_ceremony(&kept.ceremony).await.unwrap();
    kit.one_shot.put_enrolment(&kept.enrolment).await.unwrap();
    kit.one_shot.put_activation(&kept.activation).await.unwrap();
    kit.one_shot.put_federation(&kept.token, &federation(kit, soon)).await.unwrap();
    kit.interactions.insert(&begun).await.unwrap();
    kit.approvals.open(&asked, OpenLimits { live: 5 }, now).await.unwrap();
    kit.sessions.insert(&kept.token, &session(kit, soon, soon)).await.unwrap();
    kit.access_tokens.put(&kept.token, &record(kit, soon)).await.unwrap();
    kept
}

async fn read(kit: &Kit, kept: &Kept) -> Vec<(&'static str, PortResult<()>)> {
    let now = kit.now();
    let Kept { token, ceremony, enrolment, activation, .. } = kept;
    let code = kit.one_shot.take_code(token, now).await.map(drop);
    let loaded = kit.one_shot.load_pushed(token, now).await.map(drop);
    let finished =
        kit.one_shot.finish_pushed(token, InteractionId::random(&*kit.entropy), now).await.map(drop);
    let ceremony = kit.one_shot.take_ceremony(ceremony.approval, ceremony.device, now).await.map(drop);
    let enrolment = kit.one_shot.take_enrolment(enrolment.id, now).await.map(drop);
    let activation = kit.one_shot.take_activation(activation.person, now).await.map(drop);
    let federation = kit.one_shot.take_federation(token, now).await.map(drop);
    let touched = kit.sessions.touch(token, kit.soon(), now).await.map(drop);
    vec![
        ("code", code),
        ("pushed", loaded),
        ("finished", finished),
        ("ceremony", ceremony),
        ("enrolment", enrolment),
        ("activation", activation),
        ("federation", federation),
        ("interaction", kit.interactions.load(kept.interaction, now).await.map(drop)),
        ("approval", kit.approvals.load(kept.approval, now).await.map(drop)),
        ("list", kit.approvals.list(&kept.recipient, now).await.map(drop)),
        ("touched", touched),
        ("session", kit.sessions.load(token, now).await.map(drop)),
        ("access token", kit.access_tokens.load(token, now).await.map(drop)),
    ]
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
