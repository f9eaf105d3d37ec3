//! The keys of this replica as metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::flow::Provider;

/// Sets the gauges and counters of the keys.
pub(super) fn report(provider: &Provider) {
    let figures = provider.key_figures();
    for figure in figures.states {
        let labels = [
            ("use", figure.purpose.as_str().to_owned()),
            ("algorithm", figure.algorithm),
            ("state", figure.state.as_str().to_owned()),
        ];
        metrics::gauge!("sceau_keys", &labels).set(f64::from(figure.count));
        // Of none there is no age: not a number, which no threshold meets.
        let age = figure.youngest.as_ref().map_or(f64::NAN, Duration::as_secs_f64);
        metrics::gauge!("sceau_key_age_seconds", &labels).set(age);
    }
    for (algorithm, wait) in figures.waits {
        metrics::gauge!("sceau_key_wait_seconds", "algorithm" => algorithm).set(wait.as_secs_f64());
    }
    let alarms = &provider.keyring.alarms;
    for (alarm, count) in [("revoked", &alarms.revoked), ("bad_signature", &alarms.bad_signatures)] {
        let count = count.load(Ordering::Relaxed);
        metrics::counter!("sceau_key_alarms_total", "alarm" => alarm).absolute(count);
    }
}
