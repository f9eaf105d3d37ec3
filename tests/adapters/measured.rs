//! What is told of the time that identity providers above us and Redis take, whether they do what they are asked or not.

use std::str::FromStr;
use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sceau::adapter::measured::MeasuredUpstream;
use sceau::adapter::redis::{History, RedisStore};
use sceau::base::{Clock as _, Secret, SeededEntropy, TestClock, TokenHash, UnixTime};
use sceau::federation::ProviderId;
use sceau::jose::Sealer;
use sceau::ports::{
    OneShot as _, PortError, Throttle as _, ThrottleRule, Upstream, UpstreamError, UpstreamLogout,
    UpstreamOutage, UpstreamRequest,
};

use super::upstream_fake::{Instead, Lab, callback, request};
use crate::stores::redis_server::Server;

/// What is told on this thread, where meters are found from now on.
fn listening() -> (metrics::LocalRecorderGuard<'static>, PrometheusHandle) {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    (metrics::set_default_local_recorder(recorder), recorder.handle())
}

/// The value of a series, whole with its labels; zero when there is none.
fn value<T: FromStr + Default>(told: &PrometheusHandle, series: &str) -> T {
    let rendered = told.render();
    let line = rendered.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or_else(T::default, |value| value.parse().ok().unwrap())
}

/// How often each step of `provider` was told of: leave, redeem, logout.
fn steps(told: &PrometheusHandle, provider: &str) -> [u32; 3] {
    let series = |step| format!("sceau_upstream_seconds_count{{provider=\"{provider}\",step=\"{step}\"}}");
    ["leave", "redeem", "logout"].map(|step| value(told, &series(step)))
}

#[tokio::test]
async fn each_step_of_an_identity_provider_is_told_by_provider_and_step_when_it_fails_too() {
    let lab = Lab::new(false).await;
    let (_listening, told) = listening();
    let upstream = MeasuredUpstream::new(Arc::new(lab.fresh()));
    let logout = UpstreamLogout {
        provider: super::upstream_fake::id(),
        id_token_hint: Secret::new(String::from("hint")),
        state: Secret::new("5".repeat(64)),
        post_logout_redirect_uri: String::from("https://sceau.example/federation/fake/logged_out"),
    };
    assert_eq!(steps(&told, "fake"), [0, 0, 0]);
    upstream.authorization_url(&request()).await.unwrap();
    assert_eq!(steps(&told, "fake"), [1, 0, 0]);
    let answer = upstream.redeem(&callback()).await.unwrap();
    assert_eq!(answer.userinfo["family_name"], "DUBOIS");
    assert_eq!(steps(&told, "fake"), [1, 1, 0]);
    assert!(upstream.logout_url(&logout).await.unwrap().is_some());
    assert_eq!(steps(&told, "fake"), [1, 1, 1]);

    // Two and a half seconds are waited for it.
    let spent = "sceau_upstream_seconds_sum{provider=\"fake\",step=\"redeem\"}";
    let before: f64 = value(&told, spent);
    assert!(before > 0.0 && before < 2.0, "{before}");
    lab.play(|play| play.instead = Some(("/token", Instead::Slow)));
    let failed = upstream.redeem(&callback()).await;
    assert!(matches!(failed, Err(UpstreamError::Unavailable(UpstreamOutage::TimedOut))), "{failed:?}");
    assert_eq!(steps(&told, "fake"), [1, 2, 1]);
    assert!(value::<f64>(&told, spent) - before > 2.0, "{}", told.render());

    // A name that is not of the settings makes no series: it comes from outside.
    let stranger = UpstreamRequest { provider: ProviderId::parse("stranger").unwrap(), ..request() };
    assert!(upstream.authorization_url(&stranger).await.is_err());
    assert!(!told.render().contains("stranger"), "{}", told.render());
    assert_eq!(steps(&told, "fake"), [1, 2, 1]);
}

#[tokio::test]
async fn each_call_of_redis_is_told_when_it_fails_too() {
    let (_listening, told) = listening();
    let mut server = Server::start(&[]);
    let clock = Arc::new(TestClock::at(UnixTime::from_secs(1_800_000_000)));
    let (sealer, entropy) = (Sealer::new(1, &[5; 32]), Arc::new(SeededEntropy::new(1)));
    let settings = server.settings();
    let store = RedisStore::connect(&settings, sealer, entropy, clock.clone(), History::None).await.unwrap();
    let calls = || value::<u32>(&told, "sceau_redis_seconds_count");
    let spent = || value::<f64>(&told, "sceau_redis_seconds_sum");
    let rule = ThrottleRule { name: "measured", limit: 3, window: std::time::Duration::from_mins(1) };

    let begun = calls();
    assert!(store.take_code(&TokenHash::of("nobody's"), clock.now()).await.unwrap().is_none());
    assert_eq!(calls() - begun, 1);
    assert!(store.hit(rule, b"a", clock.now()).await.unwrap());
    assert_eq!(calls() - begun, 2);

    // Nine tenths of a second are waited for it.
    let before = spent();
    server.command(&["CLIENT", "PAUSE", "3000", "ALL"]).await;
    let silent = store.take_code(&TokenHash::of("nobody's"), clock.now()).await;
    assert!(matches!(silent, Err(PortError::Unavailable(_))), "{silent:?}");
    assert_eq!(calls() - begun, 3);
    assert!(spent() - before > 0.8, "{}", told.render());
    server.kill();
    let gone = store.take_code(&TokenHash::of("nobody's"), clock.now()).await;
    assert!(matches!(gone, Err(PortError::Unavailable(_))), "{gone:?}");
    assert_eq!(calls() - begun, 4);
}
