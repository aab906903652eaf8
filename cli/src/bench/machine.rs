//! The machine a figure was measured on, without which it means nothing.

use std::fs;

use serde::Serialize;

/// The machine. What cannot be found out is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    os: &'static str,
    architecture: &'static str,
    vector_instructions: &'static str,
    cores: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    neodex: &'static str,
    build: &'static str,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        Self {
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            vector_instructions: neodex::instruction_set(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| field(&text, "model name")),
            memory_bytes: fs::read_to_string("/proc/meminfo")
                .ok()
                .and_then(|text| field(&text, "MemTotal")?.strip_suffix(" kB")?.parse::<u64>().ok())
                .map(|kilobytes| kilobytes * 1024),
            neodex: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { os, architecture, vector_instructions, cores, neodex, build, .. } = self;
        let processor = self.processor.as_deref().unwrap_or(architecture);
        write!(f, "neodex {neodex} ({build}) on {os}, {processor}, {vector_instructions}, {cores} cores")
    }
}

/// The value of the first line `name : value`.
pub(super) fn field(text: &str, name: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    values.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmHWMx: 1 kB\nVmHWM:\t  3456 kB\n";
        assert_eq!(field(text, "VmHWM").as_deref(), Some("3456 kB"));
        assert_eq!(field(text, "Vm"), None);
    }
}
