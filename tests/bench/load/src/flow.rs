//! One logical operation as a state machine over the connections of a worker, and those that are single requests.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::client::Client;
use crate::http::{Answer, position};

/// Requests, each for one of the worker's connections.
pub type Requests = Vec<(usize, Vec<u8>)>;

/// What an answer leads to.
pub enum Next {
    /// These requests; none waits for other answers.
    Send(Requests),
    /// The operation has succeeded or failed.
    Done(bool),
}

pub trait Flow {
    /// Connections that the flow needs.
    fn channels(&self) -> usize {
        1
    }

    /// Begins an operation.
    fn start(&mut self) -> Requests;

    /// Takes the answer that came on `channel`.
    fn answered(&mut self, channel: usize, answer: Answer<'_>) -> Next;

    /// Whether what comes before the measured operation is done.
    fn is_ready(&self) -> bool {
        true
    }
}

/// A body must hold this.
pub type Needle = &'static [u8];

fn holds(answer: Answer<'_>, needle: Needle) -> Next {
    Next::Done(answer.is_good() && position(answer.raw_body(), needle).is_some())
}

/// The same request for ever.
pub struct Same(pub Rc<[u8]>, pub Needle);

impl Flow for Same {
    fn start(&mut self) -> Requests {
        vec![(0, self.0.to_vec())]
    }

    fn answered(&mut self, _: usize, answer: Answer<'_>) -> Next {
        holds(answer, self.1)
    }
}

/// Requests made beforehand, all of them in turn.
pub struct Each {
    pub requests: Rc<Vec<Vec<u8>>>,
    pub next: Rc<Cell<usize>>,
    pub needle: Needle,
}

impl Flow for Each {
    fn start(&mut self) -> Requests {
        let at = self.next.get();
        self.next.set((at + 1) % self.requests.len());
        vec![(0, self.requests[at].clone())]
    }

    fn answered(&mut self, _: usize, answer: Answer<'_>) -> Next {
        holds(answer, self.needle)
    }
}

/// Client credentials with a new assertion each time, signed beforehand as long as they last.
pub struct Asserted {
    pub client: Rc<Client>,
    pub signed: Rc<RefCell<Vec<Vec<u8>>>>,
    pub signed_late: Rc<Cell<u64>>,
}

impl Flow for Asserted {
    fn start(&mut self) -> Requests {
        let request = self.signed.borrow_mut().pop().unwrap_or_else(|| {
            self.signed_late.set(self.signed_late.get() + 1);
            self.client.credentials_request()
        });
        vec![(0, request)]
    }

    fn answered(&mut self, _: usize, answer: Answer<'_>) -> Next {
        holds(answer, b"\"access_token\"")
    }
}
