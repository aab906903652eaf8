//! Where vectors come from, and how two of them are compared.

/// Why a model could not embed: any error of its own.
pub type EmbedError = Box<dyn std::error::Error + Send + Sync>;

/// A model as a task sees it.
pub trait Embed {
    /// One vector a text, for texts that are compared with each other, or that ask.
    ///
    /// # Errors
    /// The model's.
    fn queries(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// One vector a text, for texts that are to be found.
    ///
    /// # Errors
    /// The model's.
    fn documents(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}

/// How near two vectors are, in every way MTEB asks; larger is nearer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Similarities {
    /// The cosine; 0 where a vector is zero.
    pub cosine: f64,
    /// The product.
    pub dot: f64,
    /// Less the distance.
    pub euclidean: f64,
    /// Less the sum of the differences.
    pub manhattan: f64,
}

impl Similarities {
    /// Compares two vectors of one length.
    pub fn of(left: &[f32], right: &[f32]) -> Self {
        let (mut dot, mut lefts, mut rights, mut squares, mut differences) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (&a, &b) in left.iter().zip(right) {
            let (a, b) = (f64::from(a), f64::from(b));
            dot += a * b;
            lefts += a * a;
            rights += b * b;
            squares += (a - b) * (a - b);
            differences += (a - b).abs();
        }
        let norms = f64::sqrt(lefts * rights);
        let cosine = if norms > 0.0 { dot / norms } else { 0.0 };
        Self { cosine, dot, euclidean: -f64::sqrt(squares), manhattan: -differences }
    }
}
