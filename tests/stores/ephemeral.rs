//! What the contract of the ephemeral ports runs on. A backend makes a [`Kit`] and lists the functions of the
//! `ephemeral_*` files as tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sceau::base::{Clock as _, SeededEntropy, TestClock, UnixTime};
use sceau::ports::{
    AccessTokens, Approvals, Interactions, OneShot, PortError, PortResult, Replay, ReplayKind, Sessions,
    Throttle,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// The time at which every kit begins.
pub(super) const START: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
/// Tasks released together in a race, how often it is run, and over how many values in a row where one value would
/// be decided before the second task is awake.
pub(super) const RACERS: usize = 50;
pub(super) const ROUNDS: usize = 20;
pub(super) const VALUES: usize = 100;
pub(super) const ROUNDS_OF_MANY: usize = 5;
const SPINS: usize = 10_000;

/// An empty backend and its clock.
#[derive(Clone)]
pub(super) struct Kit {
    pub(super) one_shot: Arc<dyn OneShot>,
    pub(super) interactions: Arc<dyn Interactions>,
    pub(super) approvals: Arc<dyn Approvals>,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) access_tokens: Arc<dyn AccessTokens>,
    pub(super) replay: Arc<dyn Replay>,
    pub(super) throttle: Arc<dyn Throttle>,
    pub(super) at_rest: Arc<dyn AtRest>,
    pub(super) clock: Arc<TestClock>,
    pub(super) entropy: Arc<SeededEntropy>,
}

impl Kit {
    pub(super) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// A proof with a nonce of the present generation.
    pub(super) fn proof(&self) -> ReplayKind {
        ReplayKind::DpopProof { generation: self.replay.known_generation().number }
    }

    /// An assertion made now.
    pub(super) fn assertion(&self) -> ReplayKind {
        ReplayKind::ClientAssertion { made: self.now() }
    }

    /// A minute from now.
    pub(super) fn soon(&self) -> UnixTime {
        self.now().plus(MINUTE)
    }
}

/// The view of whoever holds the store but not its key.
#[async_trait]
pub(super) trait AtRest: Send + Sync {
    /// Every key and value; a value with steps in the form of `SealedValue::to_bytes`.
    async fn dump(&self) -> Vec<(String, Vec<u8>)>;
    /// Replaces a value by bytes of the same form.
    async fn overwrite(&self, key: &str, bytes: &[u8]);
}

/// Runs [`RACERS`] tasks released together by a barrier; their answers, in the order they came.
pub(super) async fn race<T, F>(task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut tasks = JoinSet::new();
    for racer in 0..RACERS {
        let (barrier, task) = (Arc::clone(&barrier), task(racer));
        tasks.spawn(async move {
            barrier.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

/// Races for each of `values` in turn; every one must have exactly one winner. The first two racers at a value wait
/// for each other, so that a gap of nanoseconds between looking and acting is hit.
pub(super) async fn race_for_each<V, F>(
    values: Vec<V>,
    attempt: impl Fn(V) -> F + Clone + Send + Sync + 'static,
) where
    V: Clone + Send + Sync + 'static,
    F: Future<Output = PortResult<bool>> + Send + 'static,
{
    let count = values.len();
    let arrived: Arc<[AtomicUsize]> = (0..count).map(|_| AtomicUsize::new(0)).collect();
    let answers = race(|_| {
        let (values, attempt, arrived) = (values.clone(), attempt.clone(), Arc::clone(&arrived));
        async move {
            let mut won = Vec::new();
            for (value, arrived) in values.into_iter().zip(arrived.iter()) {
                arrived.fetch_add(1, Ordering::SeqCst);
                for _ in 0..SPINS {
                    if arrived.load(Ordering::SeqCst) >= 2 {
                        break;
                    }
                    std::hint::spin_loop();
                }
                won.push(attempt(value).await.unwrap());
            }
            won
        }
    })
    .await;
    for value in 0..count {
        let winners = answers.iter().filter(|won| won[value]).count();
        assert_eq!(winners, 1, "winners of value {value}");
    }
}

/// How many of the racers were told yes.
pub(super) fn winners(answers: Vec<PortResult<bool>>) -> usize {
    answers.into_iter().filter(|answer| *answer.as_ref().unwrap()).count()
}

pub(super) fn is_corrupt<T>(answer: &PortResult<T>) -> bool {
    matches!(answer, Err(PortError::Corrupt(_)))
}

pub(super) fn is_conflict<T>(answer: &PortResult<T>) -> bool {
    matches!(answer, Err(PortError::Conflict))
}
