//! `/embed`, `/rerank` and `/info`, in the shapes of text-embeddings-inference.

use axum::extract::State;
use axum::http::Method;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::embed::Role;
use crate::refusal::Refusal;
use crate::routes::rerank::{rank, stretched};
use crate::routes::{Content, Operation, Routes};
use crate::state::App;
use crate::vector;
use crate::wire::tei::{EmbedAnswer, EmbedRequest, Info, Inputs, ModelType, Pooling, Rank, RerankRequest};

const TAG: &str = "text-embeddings-inference";

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::POST, "/embed", Access::Read)
        .about(TAG, "Embed texts", "One vector of length 1 for each text.")
        .takes(Content::json::<EmbedRequest>().example(r#"{"inputs": ["close vectors"]}"#))
        .answers(Content::json::<EmbedAnswer>())
        .refuses(&[400, 409, 413, 415, 422, 429]);
    routes.add(operation, embed);
    let operation = Operation::new(Method::POST, "/rerank", Access::Read)
        .about(TAG, "Put texts in order", "Best first. Scored by a bi-encoder, as `/info` says.")
        .takes(
            Content::json::<RerankRequest>()
                .example(r#"{"query": "close vectors", "texts": ["near neighbours", "apple pie"]}"#),
        )
        .answers(Content::json::<Vec<Rank>>())
        .refuses(&[400, 409, 413, 415, 422, 429]);
    routes.add(operation, rerank);
    let operation = Operation::new(Method::GET, "/info", Access::Read)
        .about(TAG, "What this server is", "The model, and what a request may bring.")
        .answers(Content::json::<Info>())
        .refuses(&[409]);
    routes.add(operation, info);
}

async fn embed(State(app): State<App>, Json(request): Json<EmbedRequest>) -> Result<Json<EmbedAnswer>, Refusal> {
    let texts = match request.inputs {
        Inputs::One(text) => vec![text],
        Inputs::Many(texts) if texts.is_empty() => return Err(Refusal::argument("inputs", "there is no text")),
        Inputs::Many(texts) => texts,
    };
    let meaning = app.meaning()?;
    vector::check_dimensions(request.dimensions, meaning.dimension())?;
    let embedded = meaning.embed(Role::from(request.prompt_name), texts).await?;
    Ok(Json(embedded.vectors.into_iter().map(|vector| vector::shorten(vector, request.dimensions)).collect()))
}

async fn rerank(State(app): State<App>, Json(request): Json<RerankRequest>) -> Result<Json<Vec<Rank>>, Refusal> {
    let kept = request.return_text.then(|| request.texts.clone());
    let (ranked, _) = rank(&app, "texts", &request.query, request.texts).await?;
    let ranks = ranked.into_iter().map(|(index, cosine)| Rank {
        index,
        score: if request.raw_scores { cosine } else { stretched(cosine) },
        text: kept.as_ref().and_then(|texts| texts.get(index)).cloned(),
    });
    Ok(Json(ranks.collect()))
}

async fn info(State(app): State<App>) -> Result<Json<Info>, Refusal> {
    let meaning = app.meaning()?;
    Ok(Json(Info {
        model_id: meaning.name().to_owned(),
        model_sha: meaning.fingerprint(),
        model_type: ModelType { embedding: Pooling { pooling: "mean" } },
        reranker: "bi-encoder",
        dimension: meaning.dimension(),
        max_concurrent_requests: app.config.limits.waiting,
        max_input_length: meaning.window_tokens(),
        max_batch_tokens: app.config.batching.batch_tokens,
        max_client_batch_size: app.config.limits.texts,
        auto_truncate: false,
        version: env!("CARGO_PKG_VERSION"),
    }))
}
