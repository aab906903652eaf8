//! The NeoBERT encoder as an [`Embedder`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use neodex_encoder::{ChunkSpan, Device, Encoder, LateDocument, ModelInfo, Options, Role};
use neodex_index::vector::Neighbours;

use crate::embedding::{EmbedError, Embedder, GpuNeighbours, Passages};
use crate::error::{Error, Result};

/// Late chunking reads windows of this many tokens unless a database says otherwise: with the bundled model they find a little more in long
/// documents than windows of 1024 do (qmsum .345 to .341), and are read faster.
const WINDOW_TOKENS: usize = 512;

/// A NeoBERT model, from a folder or from the binary.
#[derive(Debug, Clone)]
pub struct NeoBert {
    encoder: Encoder,
    folder: Option<PathBuf>,
}

/// Loads the model in a folder, of Hugging Face's or sentence-transformers' layout, onto a device: `auto`, `cpu` or `cuda:N`.
///
/// # Errors
/// [`Error::Embedding`] says which file, tensor or device does not fit.
pub fn load_model(folder: impl AsRef<Path>, device: &str) -> Result<NeoBert> {
    let device: Device = device.parse().map_err(embedding)?;
    load_model_with(folder, &Options { device, ..Options::default() })
}

/// As [`load_model`], with all of the encoder's options.
///
/// # Errors
/// [`Error::Embedding`] says which file, tensor, device or option does not fit.
pub fn load_model_with(folder: impl AsRef<Path>, options: &Options) -> Result<NeoBert> {
    let folder = folder.as_ref();
    let encoder = Encoder::load(folder, options).map_err(embedding)?;
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    Ok(NeoBert { encoder, folder: Some(folder) })
}

/// The window a database gets where nothing else is said, for a model of so many tokens.
pub(crate) fn window_tokens(max_tokens: usize) -> usize {
    WINDOW_TOKENS.min(max_tokens)
}

impl NeoBert {
    /// A model that is in no folder.
    #[cfg(feature = "bundled-model")]
    pub(crate) fn without_folder(encoder: Encoder) -> Self {
        Self { encoder, folder: None }
    }

    /// The model in figures.
    pub fn info(&self) -> &ModelInfo {
        self.encoder.info()
    }

    /// The encoder itself.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

impl Embedder for NeoBert {
    fn name(&self) -> &str {
        self.encoder.name()
    }

    fn dimension(&self) -> usize {
        self.encoder.dimension()
    }

    fn fingerprint(&self) -> String {
        self.encoder.fingerprint().to_owned()
    }

    fn window_tokens(&self) -> usize {
        window_tokens(self.encoder.max_tokens())
    }

    fn folder(&self) -> Option<PathBuf> {
        self.folder.clone()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(self.encoder.embed(queries, Role::Query)?)
    }

    fn embed_documents(
        &self,
        documents: &[Passages<'_>],
        window_tokens: usize,
    ) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let spans: Vec<Vec<ChunkSpan>> = documents
            .iter()
            .map(|document| {
                let passages = document.passages.iter();
                passages.map(|p| ChunkSpan { range: p.span.clone(), heading: p.heading.clone() }).collect()
            })
            .collect();
        let late: Vec<LateDocument<'_>> = documents
            .iter()
            .zip(&spans)
            .map(|(document, chunks)| LateDocument { title: document.title, text: document.text, chunks })
            .collect();
        Ok(self.encoder.embed_late(&late, window_tokens)?)
    }

    /// As sentence-transformers makes them: of a whole text, its special tokens included, which passages in the middle of one do not have.
    fn embed_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(self.encoder.embed(texts, Role::Document)?)
    }

    fn neighbours(&self) -> Option<Arc<dyn Neighbours>> {
        match self.encoder.info().device.parse() {
            Ok(device @ Device::Cuda(_)) => Some(Arc::new(GpuNeighbours::on(device))),
            _ => None,
        }
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.encoder.count_tokens(text).unwrap_or_default()
    }

    fn unknown_share(&self, text: &str) -> f32 {
        self.encoder.unknown_share(text).unwrap_or_default()
    }
}

pub(crate) fn embedding(error: neodex_encoder::Error) -> Error {
    Error::Embedding(Box::new(error))
}
