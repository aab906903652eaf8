//! Texts to vectors for many callers at once: a bounded queue, batches by token budget, and a memory of queries.

mod batch;
mod cache;
mod queue;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use neodex::Embedder;
use tokio::sync::{Semaphore, oneshot};

use crate::config::{Batching, ServerConfig};
use crate::embed::batch::Batcher;
use crate::embed::cache::Cache;
use crate::embed::queue::{Arriving, Job, Rate};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::refusal::{Code, Refusal};
use crate::work;

/// What a text is embedded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// Something to look for.
    Query,
    /// Something to be found.
    Document,
}

/// Vectors of texts, in their order, and how many tokens the texts had.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) tokens: usize,
}

/// The front of the batcher.
pub(crate) struct Meaning {
    embedder: Arc<dyn Embedder>,
    jobs: std::sync::mpsc::Sender<Job>,
    /// Tokens that may still be queued.
    room: Arc<Semaphore>,
    arriving: Arc<AtomicUsize>,
    rate: Arc<Rate>,
    batching: Batching,
    most_texts: usize,
    cache: Cache,
    metrics: Arc<Metrics>,
}

impl Meaning {
    /// Starts the thread that runs the model. It ends with the last handle.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(embedder: Arc<dyn Embedder>, config: &ServerConfig, metrics: Arc<Metrics>) -> Result<Self> {
        let batching = config.batching.clone();
        let (jobs, queue) = std::sync::mpsc::channel();
        let (arriving, rate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Rate::default()));
        let batcher = Batcher {
            embedder: Arc::clone(&embedder),
            batching: batching.clone(),
            arriving: Arc::clone(&arriving),
            rate: Arc::clone(&rate),
            metrics: Arc::clone(&metrics),
        };
        std::thread::Builder::new()
            .name("neodex-embed".to_owned())
            .spawn(move || batcher.run(&queue))
            .map_err(|error| Error::System { what: "a thread", reason: error.to_string() })?;
        Ok(Self {
            embedder,
            jobs,
            room: Arc::new(Semaphore::new(batching.queue_tokens.min(Semaphore::MAX_PERMITS))),
            arriving,
            rate,
            cache: Cache::new(batching.cached_queries),
            batching,
            most_texts: config.limits.texts,
            metrics,
        })
    }

    /// What the model is called.
    pub(crate) fn name(&self) -> &str {
        self.embedder.name()
    }

    /// The model's fingerprint.
    pub(crate) fn fingerprint(&self) -> String {
        self.embedder.fingerprint()
    }

    /// Components of a vector.
    pub(crate) fn dimension(&self) -> usize {
        self.embedder.dimension()
    }

    /// The largest window of the model, in tokens.
    pub(crate) fn window_tokens(&self) -> usize {
        self.embedder.window_tokens()
    }

    /// Tokens in the queue and under way.
    pub(crate) fn queued_tokens(&self) -> usize {
        self.batching.queue_tokens.saturating_sub(self.room.available_permits())
    }

    /// The vector of a query, remembered or made.
    ///
    /// # Errors
    /// As [`Meaning::embed`].
    pub(crate) async fn query(&self, query: &str) -> Result<Vec<f32>, Refusal> {
        if let Some(vector) = self.cache.get(query) {
            self.metrics.cached_queries.add(1);
            return Ok(vector);
        }
        let embedded = self.embed(Role::Query, vec![query.to_owned()]).await?;
        let vector = embedded.vectors.into_iter().next().unwrap_or_default();
        self.cache.put(query, &vector);
        Ok(vector)
    }

    /// Vectors of texts.
    ///
    /// # Errors
    /// 413 for more than a request may bring, 429 when the queue is full, 500 when the model fails.
    pub(crate) async fn embed(&self, role: Role, texts: Vec<String>) -> Result<Embedded, Refusal> {
        if texts.is_empty() {
            return Ok(Embedded { vectors: Vec::new(), tokens: 0 });
        }
        if texts.len() > self.most_texts {
            let (found, most) = (texts.len(), self.most_texts);
            return Err(Refusal::new(
                Code::TooLarge,
                format!("{found} texts in one request, at most {most} are taken"),
            ));
        }
        let arriving = Arriving::new(&self.arriving);
        let (texts, counts) = self.count(texts).await?;
        let tokens: usize = counts.iter().sum();
        let capacity = self.batching.queue_tokens;
        if tokens > capacity {
            let message =
                format!("the texts have {tokens} tokens together, at most {capacity} are taken in one request");
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let mut replies = Vec::new();
        for (texts, tokens) in pieces(texts, &counts, self.batching.batch_tokens) {
            let permits = u32::try_from(tokens).unwrap_or(u32::MAX);
            let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(permits) else {
                // Pieces that are queued already see that nobody waits for them, and are passed over.
                let seconds = self.rate.seconds_for(self.queued_tokens());
                return Err(Refusal::overloaded("the model is busy, and its queue is full", seconds));
            };
            let (reply, answer) = oneshot::channel();
            let job = Job { role, texts, tokens, room, reply };
            self.jobs.send(job).map_err(|_| Refusal::internal("the embedding thread is gone"))?;
            replies.push(answer);
        }
        drop(arriving);
        let mut vectors = Vec::with_capacity(counts.len());
        for reply in replies {
            let made = reply.await.map_err(|_| Refusal::internal("the embedding thread dropped a job"))?;
            vectors.extend(made.map_err(Refusal::internal)?);
        }
        Ok(Embedded { vectors, tokens })
    }

    /// The texts with their numbers of tokens, special ones included.
    async fn count(&self, texts: Vec<String>) -> Result<(Vec<String>, Vec<usize>), Refusal> {
        let embedder = Arc::clone(&self.embedder);
        let count = move || {
            let counts = texts.iter().map(|text| embedder.count_tokens(text) + 2).collect();
            (texts, counts)
        };
        work::detached(count).await
    }
}

impl std::fmt::Debug for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meaning").field("model", &self.embedder.name()).finish_non_exhaustive()
    }
}

/// Cuts a request into pieces of at most `budget` tokens; a longer text is a piece of its own.
fn pieces(texts: Vec<String>, counts: &[usize], budget: usize) -> Vec<(Vec<String>, usize)> {
    let mut pieces: Vec<(Vec<String>, usize)> = Vec::new();
    for (text, &tokens) in texts.into_iter().zip(counts) {
        match pieces.last_mut() {
            Some((piece, sum)) if *sum + tokens <= budget => {
                piece.push(text);
                *sum += tokens;
            }
            _ => pieces.push((vec![text], tokens)),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_the_order_and_the_budget() {
        let texts: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let cut = pieces(texts, &[3, 4, 20, 1], 8);
        let shapes: Vec<(usize, usize)> = cut.iter().map(|(texts, tokens)| (texts.len(), *tokens)).collect();
        assert_eq!(shapes, [(2, 7), (1, 20), (1, 1)]);
        assert_eq!(cut[1].0, ["c"]);
    }
}
