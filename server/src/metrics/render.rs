//! The figures in Prometheus' text format.

use std::fmt::Write;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use neodex::Stats;

use crate::metrics::{Histogram, Metrics};

/// What is read off when somebody asks, rather than counted.
#[derive(Debug)]
pub(crate) struct Sizes {
    pub(crate) stats: Stats,
    pub(crate) waiting_requests: usize,
    pub(crate) queued_tokens: usize,
    pub(crate) running_ingests: usize,
    pub(crate) ready: bool,
}

/// Everything, as text.
pub(crate) fn render(metrics: &Metrics, sizes: &Sizes) -> String {
    let mut page = Page::default();
    page.requests(metrics);
    let stats = &sizes.stats;
    page.gauge(
        "neodex_requests_in_flight",
        "Requests being answered.",
        metrics.in_flight.load(Ordering::Relaxed) as f64,
    );
    page.gauge("neodex_requests_waiting", "Requests in line for a thread.", sizes.waiting_requests as f64);
    page.gauge("neodex_ingests_running", "Requests that write documents.", sizes.running_ingests as f64);
    page.gauge("neodex_connections", "Open connections.", metrics.connections.load(Ordering::Relaxed) as f64);
    page.counter("neodex_slow_queries_total", "Searches slower than the threshold.", metrics.slow_queries.get());
    page.counter("neodex_panics_total", "Requests that ended in a panic.", metrics.panics.get());
    page.gauge("neodex_embed_queue_tokens", "Tokens waiting for the model or in it.", sizes.queued_tokens as f64);
    page.counter("neodex_embed_texts_total", "Texts embedded for requests.", metrics.embedded_texts.get());
    page.counter("neodex_embed_tokens_total", "Tokens embedded for requests.", metrics.embedded_tokens.get());
    page.counter(
        "neodex_embed_cached_queries_total",
        "Query vectors that were remembered.",
        metrics.cached_queries.get(),
    );
    page.histogram("neodex_embed_batch_seconds", "Time of a batch in the model.", &[("", &metrics.batch_seconds)]);
    page.histogram(
        "neodex_embed_batch_fill",
        "Tokens of a batch, as a part of the budget.",
        &[("", &metrics.batch_fill)],
    );
    page.head("neodex_documents_ingested_total", "Documents sent, by what became of them.", "counter");
    for (outcome, counter) in [
        ("added", &metrics.added),
        ("replaced", &metrics.replaced),
        ("skipped", &metrics.skipped),
        ("failed", &metrics.failed),
    ] {
        page.sample("neodex_documents_ingested_total", &format!("outcome=\"{outcome}\""), counter.get() as f64);
    }
    page.counter("neodex_documents_deleted_total", "Documents deleted.", metrics.deleted.get());
    page.gauge("neodex_documents", "Documents in the database.", stats.documents as f64);
    page.gauge("neodex_chunks", "Passages in the database.", stats.chunks as f64);
    page.gauge("neodex_vectors", "Passages that have a vector.", stats.vectors as f64);
    page.gauge("neodex_vectors_pending", "Passages that wait for a vector.", stats.pending as f64);
    page.gauge("neodex_text_bytes", "Bytes of text.", stats.text_bytes as f64);
    page.head("neodex_size_bytes", "Bytes, by part.", "gauge");
    for (part, bytes) in [
        ("store", stats.bytes.store),
        ("lexical", stats.bytes.lexical),
        ("vectors_in_memory", stats.bytes.vectors_in_memory),
    ] {
        page.sample("neodex_size_bytes", &format!("part=\"{part}\""), bytes as f64);
    }
    page.gauge("neodex_lexical_segments", "Segments of the lexical index.", stats.segments as f64);
    let behind = stats.sequence.saturating_sub(stats.searchable_sequence);
    page.gauge("neodex_changes_not_searchable", "Durable changes that searches do not see yet.", behind as f64);
    page.gauge("neodex_ready", "Whether the server is ready.", f64::from(u8::from(sizes.ready)));
    if let Some(bytes) = resident_bytes() {
        page.gauge("process_resident_memory_bytes", "Memory of the process.", bytes as f64);
    }
    page.head("neodex_build_info", "The version.", "gauge");
    page.sample("neodex_build_info", &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")), 1.0);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn requests(&mut self, metrics: &Metrics) {
        let requests = metrics.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = |(method, route, status): &(String, String, u16)| {
            format!("method=\"{}\",route=\"{}\",status=\"{status}\"", escape(method), escape(route))
        };
        let series: Vec<(String, &Histogram)> = requests.iter().map(|(key, series)| (labels(key), series)).collect();
        let series: Vec<(&str, &Histogram)> =
            series.iter().map(|(labels, series)| (labels.as_str(), *series)).collect();
        self.histogram(
            "neodex_http_request_seconds",
            "Time from the head of a request to the head of its answer.",
            &series,
        );
        drop(requests);
        let searches = metrics.searches.lock().unwrap_or_else(PoisonError::into_inner);
        let series: Vec<(String, &Histogram)> =
            searches.iter().map(|(mode, series)| (format!("mode=\"{mode}\""), series)).collect();
        let series: Vec<(&str, &Histogram)> =
            series.iter().map(|(labels, series)| (labels.as_str(), *series)).collect();
        self.histogram("neodex_search_seconds", "Time of a search, without embedding its query.", &series);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "gauge");
        self.sample(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.sample(name, "", value as f64);
    }

    fn histogram(&mut self, name: &str, help: &str, series: &[(&str, &Histogram)]) {
        self.head(name, help, "histogram");
        for (labels, histogram) in series {
            let (buckets, count, sum) = histogram.read();
            let comma = if labels.is_empty() { "" } else { "," };
            for (bound, upto) in buckets {
                self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), upto as f64);
            }
            self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), count as f64);
            self.sample(&format!("{name}_sum"), labels, sum);
            self.sample(&format!("{name}_count"), labels, count as f64);
        }
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The process's resident memory, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
