//! The queue of messages: what it refuses, how it tries again, how it ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sceau::adapter::message_queue::{Carriers, MessageQueue, Pace, QueueWorker};
use sceau::app::Deliveries;
use sceau::base::{Clock, TestClock};
use sceau::device::Channel;
use sceau::ports::{Carrier, CarrierError, CodeSender as _, Delivery, DeliveryObserver, Message, PortError};
use tokio::sync::Semaphore;

use super::smtp_sender::{LIFE, code};
use crate::support::START;

const LATER: CarrierError = CarrierError::Temporary { reason: "later", after: None };
const LONG: Duration = Duration::from_secs(10);

/// A carrier that answers as told, then well; and an observer that listens.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<CarrierError>>,
    tries: Mutex<Vec<Message>>,
    is_silent: bool,
    ends: Mutex<Vec<(Channel, Delivery)>>,
    ended: Option<Semaphore>,
}

#[async_trait]
impl Carrier for Scripted {
    async fn carry(&self, message: &Message) -> Result<(), CarrierError> {
        self.tries.lock().unwrap().push(message.clone());
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        self.answers.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl DeliveryObserver for Scripted {
    async fn ended(&self, message: &Message, delivery: Delivery) {
        self.ends.lock().unwrap().push((message.channel, delivery));
        self.ended.as_ref().unwrap().add_permits(1);
    }
}

struct Lab {
    queue: MessageQueue,
    worker: Option<QueueWorker>,
    scripted: Arc<Scripted>,
    clock: Arc<TestClock>,
}

impl Lab {
    fn new(answers: &[CarrierError], is_silent: bool, pace: Pace) -> Self {
        let scripted = Arc::new(Scripted {
            answers: Mutex::new(answers.iter().copied().collect()),
            is_silent,
            ended: Some(Semaphore::new(0)),
            ..Scripted::default()
        });
        let clock = Arc::new(TestClock::at(START));
        let carrier: Arc<dyn Carrier> = scripted.clone();
        let carriers = Carriers { email: Arc::clone(&carrier), phone: carrier };
        let ticking: Arc<dyn Clock> = clock.clone();
        let (queue, worker) = MessageQueue::new(carriers, pace, ticking);
        Self { queue, worker: Some(worker), scripted, clock }
    }

    fn start(&mut self) -> Deliveries {
        Deliveries::start(self.worker.take().unwrap(), self.scripted.clone())
    }

    async fn send(&self, channel: Channel) -> Result<(), PortError> {
        self.queue.send(code(channel, "contact")).await
    }

    async fn end(&self) -> (Channel, Delivery) {
        let ended = self.scripted.ended.as_ref().unwrap();
        tokio::time::timeout(LONG, ended.acquire()).await.unwrap().unwrap().forget();
        *self.scripted.ends.lock().unwrap().last().unwrap()
    }

    fn tries(&self) -> usize {
        self.scripted.tries.lock().unwrap().len()
    }
}

fn quick() -> Pace {
    let (first_pause, longest_pause) = (Duration::from_millis(1), Duration::from_millis(4));
    Pace { first_pause, longest_pause, ..Pace::default() }
}

#[tokio::test]
async fn a_message_is_tried_again_as_the_same_message() {
    let mut lab = Lab::new(&[LATER, LATER, LATER], false, quick());
    let _deliveries = lab.start();
    lab.send(Channel::Email).await.unwrap();
    assert_eq!(lab.end().await, (Channel::Email, Delivery::Delivered));
    let tries = lab.scripted.tries.lock().unwrap();
    assert_eq!(tries.len(), 4);
    assert!(tries.iter().all(|message| message.id == tries[0].id));
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let mut lab = Lab::new(&[CarrierError::Permanent { reason: "no" }], false, quick());
    let _deliveries = lab.start();
    lab.send(Channel::Phone).await.unwrap();
    assert_eq!(lab.end().await, (Channel::Phone, Delivery::Refused));
    assert_eq!(lab.tries(), 1);
}

#[tokio::test]
async fn a_code_past_its_deadline_is_not_sent() {
    let mut lab = Lab::new(&[], false, quick());
    lab.send(Channel::Email).await.unwrap();
    lab.clock.advance(LIFE);
    let _deliveries = lab.start();
    assert_eq!(lab.end().await, (Channel::Email, Delivery::TooLate));
    assert_eq!(lab.tries(), 0);
}

#[tokio::test]
async fn a_server_that_asks_for_more_time_than_is_left_ends_it() {
    let after = |after| CarrierError::Temporary { reason: "later", after: Some(after) };
    for (wait, delivery, tries) in [
        (LIFE, Delivery::TooLate, 1),
        (Duration::MAX, Delivery::TooLate, 1),
        (Duration::ZERO, Delivery::Delivered, 2),
    ] {
        let mut lab = Lab::new(&[after(wait)], false, quick());
        let _deliveries = lab.start();
        lab.send(Channel::Email).await.unwrap();
        assert_eq!((lab.end().await.1, lab.tries()), (delivery, tries), "{wait:?}");
    }
}

#[tokio::test]
async fn a_try_that_never_ends_is_given_up() {
    let mut lab = Lab::new(&[], true, Pace { attempt: Duration::from_millis(5), ..quick() });
    let deliveries = lab.start();
    lab.send(Channel::Email).await.unwrap();
    let twice = async {
        while lab.tries() < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LONG, twice).await.unwrap();
    assert!(deliveries.stop(LONG).await);
    assert_eq!(lab.end().await, (Channel::Email, Delivery::Stopped));
}

#[tokio::test]
async fn a_full_queue_refuses_and_one_channel_does_not_hold_up_the_other() {
    let mut lab = Lab::new(&[], true, Pace { places: 3, lines: 1, ..quick() });
    let _deliveries = lab.start();
    for channel in [Channel::Email, Channel::Email, Channel::Phone] {
        lab.send(channel).await.unwrap();
    }
    assert!(matches!(lab.send(Channel::Phone).await, Err(PortError::Unavailable(_))));
    let both = async {
        while lab.tries() < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LONG, both).await.unwrap();
    let tried: Vec<_> = lab.scripted.tries.lock().unwrap().iter().map(|message| message.channel).collect();
    assert_eq!(tried, [Channel::Email, Channel::Phone], "the second mail waits for its line");
}

#[tokio::test]
async fn at_the_end_each_message_has_one_more_try_and_is_told_of() {
    let slow = Pace { first_pause: Duration::from_mins(1), ..Pace::default() };
    for (answers, delivery) in [(vec![LATER], Delivery::Delivered), (vec![LATER, LATER], Delivery::Stopped)] {
        let mut lab = Lab::new(&answers, false, slow);
        let deliveries = lab.start();
        lab.send(Channel::Email).await.unwrap();
        while lab.tries() < 1 {
            tokio::task::yield_now().await;
        }
        assert!(deliveries.stop(LONG).await);
        assert_eq!((lab.end().await.1, lab.tries()), (delivery, 2));
        assert!(lab.send(Channel::Email).await.is_err(), "closed");
    }
}

#[tokio::test]
async fn what_hangs_at_the_end_is_cut_and_told_of() {
    let mut lab = Lab::new(&[], true, quick());
    let deliveries = lab.start();
    lab.send(Channel::Email).await.unwrap();
    lab.send(Channel::Phone).await.unwrap();
    assert!(!deliveries.stop(Duration::from_millis(20)).await);
    lab.end().await;
    assert_eq!(lab.end().await.1, Delivery::Stopped);
}
