//! The bundled model as bytes.
//!
//! What is in the folder `small/` when this crate is built is in the binary; where there is nothing, there is no bundled model, and everything
//! above says so. The bytes are a `static`, so that they exist once and are paged in when first read.

/// The files of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Model {
    /// What people call it.
    pub name: &'static str,
    /// `config.json`
    pub config: &'static [u8],
    /// `tokenizer.json`
    pub tokenizer: &'static [u8],
    /// `model.safetensors`
    pub weights: &'static [u8],
    /// `1_Pooling/config.json`
    pub pooling: Option<&'static [u8]>,
    /// `config_sentence_transformers.json`
    pub prompts: Option<&'static [u8]>,
    /// `sentence_bert_config.json`
    pub limits: Option<&'static [u8]>,
}

static SMALL: Option<Model> = include!(concat!(env!("OUT_DIR"), "/small.rs"));

/// The model this build has with it; `None` where it was built without one.
#[must_use]
pub fn bundled() -> Option<&'static Model> {
    SMALL.as_ref()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_in_the_folder_is_in_the_binary() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("small");
        let weights = std::fs::read(folder.join("model.safetensors")).ok();
        assert_eq!(super::bundled().map(|model| model.weights), weights.as_deref());
    }
}
