//! One search for whoever asks, the API or the page: limits, the query's vector from the batcher, the library's search on a thread where it
//! may block, and a line in the log when it was slow.

use std::time::Instant;

use neodex::{Mode, SearchResults};

use crate::refusal::{Code, Refusal};
use crate::state::App;
use crate::wire::search::SearchRequest;

/// Hits where nobody says how many.
const LIMIT: usize = 10;
/// Fields that may be counted in one search.
const MOST_FACETS: usize = 20;
/// Characters of a query in the log.
const LOGGED: usize = 200;

/// Runs it.
///
/// # Errors
/// 400 for arguments out of range, 409 for meaning without a model, 429 when too much is under way.
pub(crate) async fn run(app: &App, request: SearchRequest) -> Result<SearchResults, Refusal> {
    let started = Instant::now();
    check(app, &request)?;
    let shown: String = request.query.chars().take(LOGGED).collect();
    let filtered = request.filter.is_some();
    let answer = tokio::time::timeout(app.config.limits.answer_time, execute(app, request));
    let results = answer.await.map_err(|_| Refusal::new(Code::Unavailable, "the search took too long"))??;
    let took = started.elapsed();
    if took >= app.config.slow_query {
        app.metrics.slow_queries.add(1);
        tracing::warn!(
            target: "neodex_server::slow",
            query = %shown,
            mode = results.mode.name(),
            filtered,
            hits = results.hits.len(),
            took_ms = took.as_secs_f64() * 1e3,
            search_ms = results.took_ms,
            "slow query"
        );
    }
    Ok(results)
}

fn check(app: &App, request: &SearchRequest) -> Result<(), Refusal> {
    let limits = &app.config.limits;
    let limit = request.limit.unwrap_or(LIMIT);
    if limit == 0 || limit > limits.hits {
        return Err(Refusal::argument("limit", format!("{limit} is not between 1 and {}", limits.hits)));
    }
    if request.offset > limits.offset {
        let reason =
            format!("{} is more than {}; narrow the search with a filter instead", request.offset, limits.offset);
        return Err(Refusal::argument("offset", reason));
    }
    if request.query.len() > limits.query_bytes {
        let reason = format!("the query has {} bytes, at most {} are taken", request.query.len(), limits.query_bytes);
        return Err(Refusal::new(Code::TooLarge, reason).field("query"));
    }
    if request.filter.as_ref().is_some_and(|filter| filter.len() > limits.query_bytes) {
        return Err(Refusal::new(Code::TooLarge, "the filter is too long").field("filter"));
    }
    if request.facets.len() > MOST_FACETS {
        return Err(Refusal::argument("facets", format!("at most {MOST_FACETS} fields are counted at once")));
    }
    Ok(())
}

async fn execute(app: &App, request: SearchRequest) -> Result<SearchResults, Refusal> {
    let has_words = !request.query.trim().is_empty();
    let mode = request.mode.unwrap_or(if request.vector.is_some() && !has_words { Mode::Dense } else { Mode::Hybrid });
    let vector = match (request.vector.clone(), &app.meaning) {
        (Some(vector), _) => Some(vector),
        (None, Some(meaning)) if has_words && mode != Mode::Lexical => Some(meaning.query(&request.query).await?),
        _ => None,
    };
    let db = app.db.clone();
    let metrics = std::sync::Arc::clone(&app.metrics);
    let found = app.work.run(move || {
        let started = Instant::now();
        let mut search =
            db.search(request.query).mode(mode).limit(request.limit.unwrap_or(LIMIT)).offset(request.offset);
        if let Some(vector) = vector {
            search = search.vector(vector);
        }
        if let Some(filter) = request.filter {
            search = search.filter(filter);
        }
        if let Some(group) = request.group {
            search = search.group(group);
        }
        if request.explain {
            search = search.explain();
        }
        if let Some(weights) = request.weights {
            search = search.weights(weights.dense, weights.lexical);
        }
        if let Some(fusion) = request.fusion {
            search = search.fusion(fusion);
        }
        if let Some(k) = request.rrf_k {
            search = search.rrf_k(k);
        }
        for field in request.facets {
            search = search.facet(field);
        }
        let results = search.run();
        metrics.search(mode, started.elapsed());
        results
    });
    Ok(found.await??)
}
