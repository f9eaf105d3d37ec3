//! Values of the version before and of the next one, while replicas are replaced one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sceau::adapter::ephemeral::Place;
use sceau::adapter::redis::{History, RedisSettings};
use sceau::adapter::sealed_value::{SealedValue, WRITTEN};
use sceau::base::TestClock;
use sceau::jose::{SealContext, Sealer};
use sceau::ports::{CodePayload, Versioned};
use serde_json::Value;

use super::ephemeral::{Kit, START, is_corrupt};
use super::ephemeral_redis::{kit_around, store};
use super::ephemeral_samples::{code, interaction, token};
use super::redis_server::shared;

#[tokio::test]
async fn what_the_next_version_writes_is_read_and_goes_on() {
    let kit = kit().await;
    let hash = token(&kit);
    let payload = code(&kit, kit.soon());
    kit.one_shot.put_code(&hash, &payload).await.unwrap();
    rewrite(&kit, &Place::code(&hash), WRITTEN + 1, &payload).await;
    let taken: CodePayload = kit.one_shot.take_code(&hash, kit.now()).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&taken).unwrap(), serde_json::to_value(&payload).unwrap());

    let begun = interaction(&kit, kit.soon());
    kit.interactions.insert(&begun).await.unwrap();
    rewrite(&kit, &Place::interaction(begun.id), WRITTEN + 1, &begun).await;
    for version in 0..2 {
        let found: Versioned<_> = kit.interactions.load(begun.id, kit.now()).await.unwrap().unwrap();
        assert_eq!((found.version, found.value.id), (version, begun.id));
        assert!(kit.interactions.advance(version, &begun).await.unwrap());
    }
    let written = value_at(&kit, &Place::interaction(begun.id)).await;
    assert_eq!(written[0], WRITTEN, "what this version writes, the one before reads");
}

#[tokio::test]
async fn a_schema_after_the_next_or_another_than_was_sealed_is_refused() {
    let kit = kit().await;
    let payload = code(&kit, kit.soon());
    for schema in [0, WRITTEN + 2] {
        let hash = token(&kit);
        kit.one_shot.put_code(&hash, &payload).await.unwrap();
        rewrite(&kit, &Place::code(&hash), schema, &payload).await;
        assert!(is_corrupt(&kit.one_shot.take_code(&hash, kit.now()).await), "schema {schema}");
    }
    let hash = token(&kit);
    kit.one_shot.put_code(&hash, &payload).await.unwrap();
    let place = Place::code(&hash);
    let mut bytes = value_at(&kit, &place).await;
    bytes[0] = WRITTEN + 1;
    assert!(SealedValue::from_bytes(&bytes).is_ok());
    kit.at_rest.overwrite(place.key(), &bytes).await;
    assert!(is_corrupt(&kit.one_shot.take_code(&hash, kit.now()).await), "the schema is sealed with it");
}

/// Seals `value` as another version would, with a field that this one does not know, over what lies at `place`.
async fn rewrite<T: serde::Serialize>(kit: &Kit, place: &Place, schema: u8, value: &T) {
    let mut plain = serde_json::to_value(value).unwrap();
    plain.as_object_mut().unwrap().insert(String::from("of_the_next_version"), Value::Bool(true));
    let mut clear = value_at(kit, place).await[..HEAD].to_vec();
    clear[0] = schema;
    let context = SealContext { kind: place.kind(), name: place.key().as_bytes(), clear: &clear };
    let body = Sealer::new(1, &[5; 32]).seal(&*kit.entropy, &context, &serde_json::to_vec(&plain).unwrap());
    kit.at_rest.overwrite(place.key(), &[clear, body].concat()).await;
}

async fn value_at(kit: &Kit, place: &Place) -> Vec<u8> {
    let dump = kit.at_rest.dump().await;
    dump.into_iter().find(|(key, _)| key == place.key()).unwrap().1
}

async fn kit() -> Kit {
    static PREFIXES: AtomicUsize = AtomicUsize::new(0);
    let clock = Arc::new(TestClock::at(START));
    let prefix = format!("schema{}", PREFIXES.fetch_add(1, Ordering::SeqCst));
    let settings = RedisSettings { prefix: prefix.clone(), ..shared().settings() };
    let store = Arc::new(store(&settings, &clock, History::None).await);
    kit_around(shared(), &prefix, store, clock)
}

const HEAD: usize = 18;
