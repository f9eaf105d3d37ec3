//! Time, and what processes have used of it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Ticks of /proc in a second: 100 on every Linux that these figures are taken on.
const TICKS: f64 = 100.0;

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or_default()
}

/// A process whose use of the processor is told apart, with its children: PostgreSQL has one for each connection.
pub struct Watched {
    pub name: String,
    pid: u32,
}

/// What a process has used.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub seconds: f64,
    pub resident_kib: u64,
}

impl Watched {
    /// `NAME:PID`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, pid) = text.split_once(':')?;
        Some(Self { name: name.to_owned(), pid: pid.parse().ok()? })
    }

    pub fn own() -> Self {
        Self { name: "client".to_owned(), pid: std::process::id() }
    }

    /// Of the process and its children that live.
    pub fn usage(&self) -> Usage {
        let mut all = fields(self.pid).map(|of| of.usage()).unwrap_or_default();
        for child in children(self.pid) {
            all.seconds += child.seconds;
            all.resident_kib += child.resident_kib;
        }
        all
    }
}

struct Stat(Vec<String>);

impl Stat {
    /// Field `number` of proc(5).
    fn number(&self, number: usize) -> f64 {
        self.0.get(number - 3).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    fn usage(&self) -> Usage {
        let seconds = (self.number(14) + self.number(15)) / TICKS;
        Usage { seconds, resident_kib: self.number(24) as u64 * 4 }
    }
}

fn fields(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(Stat(text[text.rfind(')')? + 2..].split(' ').map(str::to_owned).collect()))
}

fn children(of: u32) -> Vec<Usage> {
    let Ok(listing) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = listing.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let stats = pids.filter_map(fields).filter(|stat| stat.number(4) as u32 == of);
    stats.map(|stat| stat.usage()).collect()
}
