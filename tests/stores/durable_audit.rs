//! Audit events that stand alone, committed in groups.

use futures_util::future::join_all;
use sceau::ports::PortError;

use super::durable::{granted, on_every_engine};

#[test]
fn events_that_come_together_are_all_there_and_the_chain_holds() {
    on_every_engine(async |world| {
        let before = world.verified().await;
        let events: Vec<_> = (0..300).map(|_| granted()).collect();
        let appended = join_all(events.iter().map(|event| world.stores.audit.append(event))).await;
        assert!(appended.iter().all(Result::is_ok));
        assert_eq!(world.verified().await, before + 300);
    });
}

#[test]
fn a_caller_that_gives_up_takes_no_other_event_along() {
    on_every_engine(async |world| {
        let before = world.verified().await;
        let (first, second) = (granted(), granted());
        {
            let mut given_up = world.stores.audit.append(&first);
            let waker = std::task::Waker::noop();
            let mut context = std::task::Context::from_waker(waker);
            // Once in a thousand another thread has committed it already.
            let _ = given_up.as_mut().poll(&mut context);
        }
        world.stores.audit.append(&second).await.unwrap();
        assert_eq!(world.verified().await, before + 2);
    });
}

#[test]
fn a_full_queue_refuses_at_once_and_says_so() {
    on_every_engine(async |world| {
        let before = world.verified().await;
        let events: Vec<_> = (0..1500).map(|_| granted()).collect();
        let mut appends: Vec<_> = events.iter().map(|event| world.stores.audit.append(event)).collect();
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        let mut refused = 0;
        let mut waiting = Vec::new();
        for mut append in appends.drain(..) {
            match append.as_mut().poll(&mut context) {
                std::task::Poll::Pending => waiting.push(append),
                std::task::Poll::Ready(Ok(())) => {}
                std::task::Poll::Ready(Err(error)) => {
                    assert!(matches!(error, PortError::Unavailable(_)), "{error}");
                    refused += 1;
                }
            }
        }
        // Other threads may commit a group meanwhile: at least one queue of them finds its place.
        assert!(waiting.len() >= 1024 && refused <= 476, "{refused}");
        let appended = join_all(waiting).await;
        assert!(appended.iter().all(Result::is_ok));
        assert_eq!(world.verified().await, before + 1500 - refused);
        world.stores.audit.append(&granted()).await.unwrap();
    });
}
