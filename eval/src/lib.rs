//! What the numbers mean: metrics of rankings, classes, clusters and correlations; qrels, BEIR folders, STS files, MTEB's tasks.
//!
//! One definition of every metric, shared by the command line, the trainer and the tests, so that no two of them can disagree about what
//! nDCG is. Nothing here searches: a caller brings rankings and scores, this crate judges them and reads and writes the files that
//! evaluation is done with. Compressed files are the caller's business: every reader takes any [`std::io::BufRead`].
//!
//! ```
//! use neodex_eval::{Qrels, Run, evaluate};
//!
//! let mut qrels = Qrels::new();
//! qrels.insert("q1", "hnsw", 2);
//! qrels.insert("q1", "bm25", 1);
//!
//! let mut run = Run::new("example");
//! run.insert("q1", [("bm25", 7.5), ("sled", 3.0), ("hnsw", 1.0)]);
//!
//! let evaluation = evaluate(&qrels, &run);
//! assert_eq!(evaluation.queries, 1);
//! assert_eq!(evaluation.mean.mrr_at_10, 1.0);
//! assert_eq!(evaluation.mean.recall_at_100, 1.0);
//! assert!((evaluation.mean.ndcg_at_10 - 2.0 / 2.630_93).abs() < 1e-5);
//! ```

pub mod beir;
pub mod binary;
pub mod clusters;
mod descent;
pub mod error;
pub mod evaluation;
pub mod glue;
pub mod kmeans;
pub mod labels;
mod lines;
pub mod logistic;
mod mersenne;
pub mod metrics;
pub mod mteb;
pub mod pppl;
pub mod qrels;
mod random;
pub mod report;
pub mod run;
pub mod sts;

pub use beir::{BeirFolder, CorpusDocument, CorpusReader, Query};
pub use error::{Error, Result};
pub use evaluation::{Evaluation, RankingMetrics, evaluate};
pub use qrels::{Judgements, Qrels};
pub use report::{BeirReport, ModeReport, StsReport, Table};
pub use run::{RankedDocument, Run};
