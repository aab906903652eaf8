//! The most memory this process has had.

use super::machine::field;

/// The peak of the resident set, in bytes; `None` where the system does not tell.
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes: u64 = field(&status, "VmHWM")?.strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
