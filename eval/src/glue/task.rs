//! The nine tasks: what they are called, what they ask, and which files hold them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A task of GLUE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GlueTask {
    /// Is it English? (Corpus of Linguistic Acceptability)
    Cola,
    /// Is the review good? (Stanford Sentiment Treebank)
    Sst2,
    /// Do both sentences say the same? (Microsoft Research Paraphrase Corpus)
    Mrpc,
    /// How similar are both, 0..=5? (Semantic Textual Similarity Benchmark)
    Stsb,
    /// Do both questions ask the same? (Quora Question Pairs)
    Qqp,
    /// Does the first sentence imply the second, contradict it, or neither? (Multi-Genre Natural Language Inference)
    Mnli,
    /// Does the sentence answer the question? (from SQuAD)
    Qnli,
    /// Does the first sentence imply the second? (Recognizing Textual Entailment)
    Rte,
    /// The same, where a pronoun decides (Winograd Natural Language Inference). The paper leaves it out.
    Wnli,
}

/// Which part of a task's examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// What is trained on.
    Train,
    /// What is judged; MNLI's matched half.
    Dev,
    /// MNLI's other half, of genres that the training set lacks.
    DevMismatched,
}

/// What is right for an example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The number of a class.
    Class(usize),
    /// A number.
    Score(f64),
}

impl GlueTask {
    /// All of them, in the order of the paper that introduced GLUE.
    pub const ALL: [Self; 9] =
        [Self::Cola, Self::Sst2, Self::Mrpc, Self::Stsb, Self::Qqp, Self::Mnli, Self::Qnli, Self::Rte, Self::Wnli];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cola => "cola",
            Self::Sst2 => "sst2",
            Self::Mrpc => "mrpc",
            Self::Stsb => "stsb",
            Self::Qqp => "qqp",
            Self::Mnli => "mnli",
            Self::Qnli => "qnli",
            Self::Rte => "rte",
            Self::Wnli => "wnli",
        }
    }

    /// The classes, in the order of their numbers; none where a score is asked for. These are the words of the files.
    pub fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Stsb => &[],
            Self::Mnli => &["entailment", "neutral", "contradiction"],
            Self::Qnli | Self::Rte => &["entailment", "not_entailment"],
            _ => &["0", "1"],
        }
    }

    /// Numbers that a model gives for an example: one a class, or one score.
    pub fn outputs(self) -> usize {
        self.classes().len().max(1)
    }

    /// Whether the paper starts it from the model tuned on MNLI.
    pub fn starts_from_mnli(self) -> bool {
        matches!(self, Self::Rte | Self::Stsb | Self::Mrpc | Self::Qnli)
    }

    /// Splits that are judged.
    pub fn dev_splits(self) -> &'static [Split] {
        match self {
            Self::Mnli => &[Split::Dev, Split::DevMismatched],
            _ => &[Split::Dev],
        }
    }

    /// The folder in GLUE's distribution.
    fn folder(self) -> &'static str {
        match self {
            Self::Cola => "CoLA",
            Self::Sst2 => "SST-2",
            Self::Mrpc => "MRPC",
            Self::Stsb => "STS-B",
            Self::Qqp => "QQP",
            Self::Mnli => "MNLI",
            Self::Qnli => "QNLI",
            Self::Rte => "RTE",
            Self::Wnli => "WNLI",
        }
    }

    /// The file of a split in `dir`, which is GLUE's folder or the task's own.
    ///
    /// # Errors
    /// [`Error::MissingGlue`] lists where it was looked for.
    pub fn file(self, dir: &Path, split: Split) -> Result<PathBuf> {
        let names: &[&str] = match (self, split) {
            (Self::Mrpc, Split::Train) => &["train.tsv", "msr_paraphrase_train.txt"],
            (Self::Mrpc, _) => &["dev.tsv", "msr_paraphrase_test.txt"],
            (Self::Mnli, Split::Dev) => &["dev_matched.tsv"],
            (Self::Mnli, Split::DevMismatched) => &["dev_mismatched.tsv"],
            (_, Split::Train) => &["train.tsv"],
            (_, _) => &["dev.tsv"],
        };
        // Written as in the distribution, as typed, and the task's own folder; its own folder comes last, because GLUE's holds no such file.
        let folders =
            [dir.join(self.folder()), dir.join(self.name()), dir.join(self.name().to_uppercase()), dir.to_owned()];
        let places = folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        places
            .clone()
            .find(|path| path.is_file())
            .ok_or_else(|| Error::MissingGlue { task: self.name(), looked: places.collect() })
    }
}

impl fmt::Display for GlueTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for GlueTask {
    type Err = String;

    /// `sst2`, `SST-2` and `sst_2` are the same.
    fn from_str(text: &str) -> Result<Self, String> {
        let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        Self::ALL.into_iter().find(|task| task.name() == bare).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|task| task.name()).collect();
            format!("there is no task `{text}`; there are {}", names.join(", "))
        })
    }
}
