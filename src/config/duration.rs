//! Durations as operators write them: `"90s"`, `"30m"`, `"4h"`, `"365d"`.

use std::time::Duration;

use super::ConfigError;

/// The duration written for `setting`, or the `usual` one.
pub(super) fn read(
    setting: &'static str,
    text: Option<&str>,
    usual: Duration,
) -> Result<Duration, ConfigError> {
    let Some(text) = text else { return Ok(usual) };
    let duration = parse(text).ok_or_else(|| {
        ConfigError::refused(setting, "a duration is a whole number and s, m, h or d, such as \"90s\"")
    })?;
    if duration > LONGEST {
        return Err(ConfigError::refused(setting, "longer than ten years"));
    }
    Ok(duration)
}

/// A duration in the largest unit that says it exactly.
pub(super) fn write(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let unit = UNITS.iter().rev().find(|(_, length)| seconds >= *length && seconds.is_multiple_of(*length));
    let (name, length) = unit.copied().unwrap_or(('s', 1));
    format!("{}{name}", seconds / length)
}

fn parse(text: &str) -> Option<Duration> {
    let (_, length) = UNITS.iter().find(|(name, _)| text.ends_with(*name))?;
    let count = text.get(..text.len().checked_sub(1)?)?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    count.parse::<u64>().ok()?.checked_mul(*length).map(Duration::from_secs)
}

const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
const LONGEST: Duration = Duration::from_hours(24 * 3653);
