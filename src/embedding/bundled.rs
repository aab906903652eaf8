//! The model in the binary: one for the whole process, built when the first text is to be embedded.
//!
//! Opening a database needs to know which model it is, not to have it, so what is cheap (hashing the files) and what is not (building the
//! encoder) happen apart. A database that is only read by words never pays for the second.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use neodex_encoder::{Device, Encoder, Identity, ModelFiles, Options};
use neodex_index::vector::Neighbours;

use crate::embedding::neobert::{embedding, window_tokens};
use crate::embedding::{EmbedError, Embedder, NeoBert, Passages};
use crate::error::Result;

/// Whether this build has a model with it.
#[must_use]
pub fn has_bundled_model() -> bool {
    neodex_models::bundled().is_some()
}

/// The bundled model on a device (`auto`, `cpu` or `cuda:N`), built at once; `None` where this build has none.
///
/// # Errors
/// [`Error::Embedding`](crate::Error::Embedding) says which device or tensor does not fit.
pub fn bundled_model(device: &str) -> Result<Option<NeoBert>> {
    let device: Device = device.parse().map_err(embedding)?;
    bundled_model_with(&Options { device, ..Options::default() })
}

/// As [`bundled_model`], with every option of the encoder.
///
/// # Errors
/// As there, and for an option that does not fit.
pub fn bundled_model_with(options: &Options) -> Result<Option<NeoBert>> {
    let Some(files) = bundled_files() else { return Ok(None) };
    let encoder = Encoder::from_files(&files, options).map_err(embedding)?;
    Ok(Some(NeoBert::without_folder(encoder)))
}

/// What a database opened without an embedder uses; `None` where this build has no model.
pub(crate) fn shared() -> Result<Option<Arc<dyn Embedder>>> {
    static SHARED: OnceLock<Arc<Bundled>> = OnceLock::new();
    if let Some(shared) = SHARED.get() {
        return Ok(Some(shared.clone()));
    }
    let Some(files) = bundled_files() else { return Ok(None) };
    let identity = Identity::of(&files).map_err(embedding)?;
    let made = Arc::new(Bundled { name: files.name, identity, encoder: Mutex::new(None) });
    Ok(Some(SHARED.get_or_init(|| made).clone()))
}

/// The bundled model's files; `None` where this build has none.
#[must_use]
pub fn bundled_files() -> Option<ModelFiles> {
    let model = neodex_models::bundled()?;
    let optional = |bytes: Option<&'static [u8]>| bytes.map(Cow::Borrowed);
    Some(ModelFiles {
        pooling: optional(model.pooling),
        prompts: optional(model.prompts),
        limits: optional(model.limits),
        ..ModelFiles::new(model.name, model.config, model.tokenizer, model.weights)
    })
}

/// The model before and after it is built.
struct Bundled {
    name: String,
    identity: Identity,
    encoder: Mutex<Option<NeoBert>>,
}

impl Bundled {
    /// The model, built by whoever comes first while the others wait.
    fn model(&self) -> Result<NeoBert, EmbedError> {
        let mut encoder = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*encoder {
            return Ok(model.clone());
        }
        let model = bundled_model("auto")?.ok_or("this build has no model")?;
        Ok(encoder.insert(model).clone())
    }
}

impl Embedder for Bundled {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.identity.dimension
    }

    fn fingerprint(&self) -> String {
        self.identity.fingerprint.clone()
    }

    fn window_tokens(&self) -> usize {
        window_tokens(self.identity.max_tokens)
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.model()?.embed_queries(queries)
    }

    fn embed_documents(
        &self,
        documents: &[Passages<'_>],
        window_tokens: usize,
    ) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        self.model()?.embed_documents(documents, window_tokens)
    }

    fn embed_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.model()?.embed_texts(texts)
    }

    /// Of the model that is there: none is built to find neighbours.
    fn neighbours(&self) -> Option<Arc<dyn Neighbours>> {
        self.encoder.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.neighbours()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.model().map_or(0, |model| model.count_tokens(text))
    }

    fn unknown_share(&self, text: &str) -> f32 {
        self.model().map_or(0.0, |model| model.unknown_share(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_before_building_holds_afterwards() {
        let Some(shared) = shared().unwrap() else {
            assert!(neodex_models::bundled().is_none() && bundled_model("cpu").unwrap().is_none());
            return;
        };
        let built = bundled_model("cpu").unwrap().unwrap();
        assert_eq!(shared.fingerprint(), built.fingerprint());
        assert_eq!((shared.dimension(), shared.window_tokens()), (built.dimension(), built.window_tokens()));
        assert_eq!((shared.name(), built.name()), ("small", "small"));
        assert_eq!(shared.embed_queries(&["a"]).unwrap().remove(0).len(), shared.dimension());
    }

    #[test]
    fn a_whole_text_has_the_vector_it_has_elsewhere() {
        let Some(model) = bundled_model("cpu").unwrap() else { return };
        let text = "Otters hold hands while they sleep.";
        let expected = model.encoder().embed(&[text], neodex_encoder::Role::Document).unwrap();
        assert_eq!(shared().unwrap().unwrap().embed_texts(&[text]).unwrap(), expected);
        let passages = [crate::Passage { span: 0..text.len(), heading: String::new() }];
        let document = crate::Passages { title: "", text, passages: &passages };
        assert_ne!(
            model.embed_documents(&[document], 512).unwrap()[0],
            expected,
            "a passage is pooled without the ends"
        );
    }
}
