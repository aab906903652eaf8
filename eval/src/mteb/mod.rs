//! MTEB's kinds of task over local files: classification, clustering, pair classification, reranking, retrieval, semantic similarity and
//! summarisation, with MTEB's scores under MTEB's names, and its result files.
//!
//! A [`Task`] is a folder of JSON Lines in the layout MTEB's own data sets have. It asks an [`Embed`] for vectors and gives [`Scores`];
//! [`write_result`] puts them where MTEB's tools look for them. The definitions are those of `mteb` 2: given the same vectors, scores
//! agree with it, except where its own depend on the seed of a clustering.

mod classification;
mod clustering;
mod folder;
mod pairs;
mod ranking;
mod records;
mod results;
mod scores;
mod similarity;
mod summaries;
mod task;
mod vectors;

pub use classification::{classification, sample};
pub use clustering::clustering;
pub use folder::{Kind, Open, TaskFolder, TaskOptions};
pub use pairs::pair_classification;
pub use ranking::rankings;
pub use results::{ModelIdentity, result_path, write_result};
pub use scores::Scores;
pub use similarity::similarity;
pub use summaries::{Summarised, summarisation};
pub use task::{Data, Task};
pub use vectors::{Embed, EmbedError, Similarities};
