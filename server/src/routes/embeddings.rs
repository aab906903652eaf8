//! `POST /v1/embeddings`, in OpenAI's shape.

use axum::extract::State;
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::embed::{Embedded, Role};
use crate::refusal::{Code, Refusal};
use crate::routes::{Content, Operation, Routes};
use crate::state::App;
use crate::vector;
use crate::wire::embedding::{
    Embedding, EmbeddingsAnswer, EmbeddingsRequest, EncodingFormat, Input, InputType, Usage, Vector,
};

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::POST, "/v1/embeddings", Access::Read)
        .about(
            "Models",
            "Embed texts (OpenAI)",
            "Vectors of length 1 from the database's own model. A text longer than the model's window is read in windows and becomes the mean \
             over all of it.",
        )
        .takes(Content::json::<EmbeddingsRequest>().example(r#"{"input": ["close vectors", "near neighbours"], "model": "neodex"}"#))
        .answers(Content::json::<EmbeddingsAnswer>())
        .refuses(&[400, 409, 413, 415, 422, 429]);
    routes.add(operation, run);
}

async fn run(
    State(app): State<App>,
    Json(request): Json<EmbeddingsRequest>,
) -> Result<Json<EmbeddingsAnswer>, Refusal> {
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
        Input::Tokens(_) | Input::ManyTokens(_) => {
            let message = "the input is made of token numbers, which belong to another model's tokenizer; send text \
                           (in LangChain: check_embedding_ctx_length=False)";
            return Err(Refusal::argument("input", message));
        }
    };
    if texts.is_empty() {
        return Err(Refusal::argument("input", "there is no text"));
    }
    let meaning = app.meaning()?;
    vector::check_dimensions(request.dimensions, meaning.dimension())?;
    let Embedded { vectors, tokens } = meaning.embed(Role::from(request.input_type), texts).await?;
    let data = vectors.into_iter().enumerate().map(|(index, vector)| {
        let vector = vector::shorten(vector, request.dimensions);
        let embedding = match request.encoding_format {
            EncodingFormat::Float => Vector::Float(vector),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|component| component.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(bytes))
            }
        };
        Embedding { object: "embedding", index, embedding }
    });
    let usage = Usage { prompt_tokens: tokens, total_tokens: tokens };
    Ok(Json(EmbeddingsAnswer { object: "list", data: data.collect(), model: meaning.name().to_owned(), usage }))
}

impl From<Option<InputType>> for Role {
    fn from(kind: Option<InputType>) -> Self {
        match kind {
            Some(InputType::Query) => Role::Query,
            Some(InputType::Document) | None => Role::Document,
        }
    }
}

impl App {
    /// What embeds texts.
    ///
    /// # Errors
    /// 409 in a database that goes by words only.
    pub(crate) fn meaning(&self) -> Result<&crate::embed::Meaning, Refusal> {
        self.meaning.as_ref().ok_or_else(|| Refusal::new(Code::NoModel, "this database was opened without a model"))
    }
}
