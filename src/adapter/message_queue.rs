//! A [`CodeSender`] that only queues, in this process, so that the time of an answer does not tell who is known
//! (design decision 12). The worker carries the messages: tries again with growing pauses, never after the deadline.
//!
//! A queue that is full refuses. What waits when the process dies is lost: the person asks again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::base::Clock;
use crate::device::Channel;
use crate::ports::{
    Carrier, CarrierError, CodeSender, Delivery, DeliveryObserver, Message, PortError, PortResult,
};

/// Sizes and times of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Messages that wait or are under way.
    pub places: usize,
    /// Messages of one channel carried at once.
    pub lines: usize,
    /// Before the second try; doubles each time.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// One try, at most.
    pub attempt: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            places: 1024,
            lines: 8,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            attempt: Duration::from_secs(30),
        }
    }
}

/// Who carries which channel.
pub struct Carriers {
    /// E-mail.
    pub email: Arc<dyn Carrier>,
    /// Telephone.
    pub phone: Arc<dyn Carrier>,
}

/// How far a worker is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Takes messages.
    Open,
    /// Takes no more; each message has one more try, at once.
    Draining,
    /// Gives up what is left.
    Cut,
}

/// The entrance of the queue.
pub struct MessageQueue {
    places: Arc<Semaphore>,
    entrance: mpsc::UnboundedSender<Queued>,
}

/// What carries the messages of a queue.
pub struct QueueWorker {
    exit: mpsc::UnboundedReceiver<Queued>,
    round: Round,
}

impl MessageQueue {
    /// A queue and its worker, which nothing has started yet.
    #[must_use]
    pub fn new(carriers: Carriers, pace: Pace, clock: Arc<dyn Clock>) -> (Self, QueueWorker) {
        // Bounded by the places.
        let (entrance, exit) = mpsc::unbounded_channel();
        let line = || Semaphore::new(pace.lines);
        let round = Round { carriers, lines: (line(), line()), pace, clock };
        (Self { places: Arc::new(Semaphore::new(pace.places)), entrance }, QueueWorker { exit, round })
    }
}

#[async_trait]
impl CodeSender for MessageQueue {
    async fn send(&self, message: Message) -> PortResult<()> {
        let full = |_| PortError::Unavailable(String::from("the queue of messages is full"));
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let closed = |_| PortError::Unavailable(String::from("the queue of messages is closed"));
        self.entrance.send(Queued { message, _place: place }).map_err(closed)?;
        metrics::gauge!("sceau_messages_queued").increment(1.0);
        Ok(())
    }
}

impl QueueWorker {
    /// Carries messages until `stage` says otherwise; whoever drops its sender cuts. Each end is told to `observer`.
    pub async fn run(mut self, observer: Arc<dyn DeliveryObserver>, stage: watch::Receiver<Stage>) {
        let round = Arc::new(self.round);
        let mut under_way = JoinSet::new();
        let deliver = |queued| deliver(Arc::clone(&round), queued, Arc::clone(&observer), stage.clone());
        let mut ending = stage.clone();
        loop {
            tokio::select! {
                queued = self.exit.recv() => match queued {
                    Some(queued) => { under_way.spawn(deliver(queued)); }
                    None => break,
                },
                Some(_) = under_way.join_next() => {}
                _ = ending.wait_for(|stage| *stage > Stage::Open) => break,
            }
        }
        self.exit.close();
        while let Ok(queued) = self.exit.try_recv() {
            under_way.spawn(deliver(queued));
        }
        while under_way.join_next().await.is_some() {}
    }
}

/// A message with its place in the queue.
struct Queued {
    message: Message,
    _place: OwnedSemaphorePermit,
}

/// What all deliveries have in common.
struct Round {
    carriers: Carriers,
    lines: (Semaphore, Semaphore),
    pace: Pace,
    clock: Arc<dyn Clock>,
}

async fn deliver(
    round: Arc<Round>,
    queued: Queued,
    observer: Arc<dyn DeliveryObserver>,
    stage: watch::Receiver<Stage>,
) {
    let message = &queued.message;
    let delivery = round.carry(message, stage).await;
    observer.ended(message, delivery).await;
    let (channel, outcome) = (message.channel.as_str(), word(delivery));
    metrics::counter!("sceau_messages_total", "channel" => channel, "outcome" => outcome).increment(1);
    metrics::gauge!("sceau_messages_queued").decrement(1.0);
}

impl Round {
    async fn carry(&self, message: &Message, mut stage: watch::Receiver<Stage>) -> Delivery {
        let mut pause = self.pace.first_pause;
        loop {
            let last = *stage.borrow() > Stage::Open;
            let Some(tried) = self.attempt(message, &mut stage).await else { return Delivery::Stopped };
            let (reason, after) = match tried {
                Ok(delivery) => return delivery,
                Err(CarrierError::Permanent { reason }) => {
                    note(message, reason, "a message is refused");
                    return Delivery::Refused;
                }
                Err(CarrierError::Temporary { reason, after }) => (reason, after),
            };
            note(message, reason, "a message is not delivered yet");
            if last {
                return Delivery::Stopped;
            }
            let wait = after.unwrap_or(pause);
            if self.clock.now().plus(wait) >= message.deadline {
                return Delivery::TooLate;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stage.wait_for(|stage| *stage > Stage::Open) => {}
            }
            pause = pause.saturating_mul(2).min(self.pace.longest_pause);
        }
    }

    /// One try, once a line is free; none when the worker is cut first.
    async fn attempt(
        &self,
        message: &Message,
        stage: &mut watch::Receiver<Stage>,
    ) -> Option<Result<Delivery, CarrierError>> {
        let (carrier, lines) = match message.channel {
            Channel::Email => (&self.carriers.email, &self.lines.0),
            Channel::Phone => (&self.carriers.phone, &self.lines.1),
        };
        let trying = async {
            let _line = lines.acquire().await;
            // A code that is worth nothing any more is not sent.
            if self.clock.now() >= message.deadline {
                return Ok(Delivery::TooLate);
            }
            let late = CarrierError::Temporary { reason: "timeout", after: None };
            let tried = tokio::time::timeout(self.pace.attempt, carrier.carry(message)).await;
            tried.unwrap_or(Err(late)).map(|()| Delivery::Delivered)
        };
        tokio::select! {
            biased;
            _ = stage.wait_for(|stage| *stage == Stage::Cut) => None,
            tried = trying => Some(tried),
        }
    }
}

fn note(message: &Message, reason: &'static str, what: &'static str) {
    let channel = message.channel.as_str();
    tracing::warn!(message.id = %message.id, person.id = %message.person, channel, reason, "{what}");
}

const fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "sent",
        Delivery::Refused => "refused",
        Delivery::TooLate => "too_late",
        Delivery::Stopped => "stopped",
    }
}
