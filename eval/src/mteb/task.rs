//! A task with its data read: what it asks a model for, and the scores that come of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::classification::{classification, sample};
use super::clustering::clustering;
use super::folder::{Kind, Open, TaskFolder, file_of, judgements};
use super::pairs::pair_classification;
use super::ranking::{ranked, rankings};
use super::records::{Classified, ClusterSet, Label, Pairs, Reranked, Similar, Summary, read};
use super::scores::Scores;
use super::similarity::similarity;
use super::summaries::{Summarised, summarisation};
use super::vectors::{Embed, EmbedError, Similarities};
use crate::beir::{CorpusReader, read_queries};
use crate::error::{Error, Result};
use crate::qrels::Qrels;

/// Documents of a ranking.
const DEPTH: usize = 1_000;
/// MTEB's seed.
const SEED: u32 = 42;

/// A task that can be run.
#[derive(Debug, Clone)]
pub struct Task {
    /// Where it came from.
    pub folder: TaskFolder,
    /// What it is about.
    pub data: Data,
}

/// The data of a task. Labels are numbers of classes.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of the records, which Kind describes")]
pub enum Data {
    /// Texts and classes, for training and for judging.
    Classification { train: Vec<(String, usize)>, test: Vec<(String, usize)> },
    /// Sets of texts with classes.
    Clustering { sets: Vec<(Vec<String>, Vec<usize>)> },
    /// Pairs, and whether they belong together.
    Pairs { pairs: Vec<(String, String)>, together: Vec<bool> },
    /// Pairs, and how similar people found them.
    Similarity { pairs: Vec<(String, String)>, scores: Vec<f64> },
    /// Wordings of a query, documents that answer it, and documents that do not.
    Reranking { queries: Vec<(Vec<String>, Vec<String>, Vec<String>)> },
    /// Summaries by people and by machines, and how good the latter are.
    Summarization { texts: Vec<(Vec<String>, Vec<String>, Vec<f64>)> },
    /// A collection.
    Retrieval { corpus: Vec<(String, String)>, queries: Vec<(String, String)>, qrels: Qrels },
}

impl Task {
    /// Reads the task's data.
    ///
    /// # Errors
    /// When a file is missing, cannot be read, or a record of it is not what the kind of task has.
    pub fn read(folder: TaskFolder, open: Open<'_>) -> Result<Self> {
        let file = folder.file(&folder.split);
        let wrong = |reason: String| Error::Task { task: folder.name.clone(), reason };
        let data = match folder.kind {
            Kind::Classification => {
                let train = read::<Classified>(&folder.file("train")?, open)?;
                let test = read::<Classified>(&file?, open)?;
                let classes = Classes::of(train.iter().chain(&test).map(|record| &record.label));
                let number = |record: &Classified| (record.text.clone(), classes.number(&record.label));
                Data::Classification {
                    train: train.iter().map(number).collect(),
                    test: test.iter().map(number).collect(),
                }
            }
            Kind::Clustering => {
                let records = read::<ClusterSet>(&file?, open)?;
                let mut sets: Vec<(Vec<String>, Vec<Label>)> = Vec::new();
                let single = records.iter().all(|record| record.sentences.is_one());
                for record in records {
                    let (sentences, labels) = (record.sentences.into_vec(), record.labels.into_vec());
                    if sentences.len() != labels.len() {
                        return Err(wrong(format!("{} sentences have {} labels", sentences.len(), labels.len())));
                    }
                    match sets.last_mut().filter(|_| single) {
                        Some(set) => {
                            set.0.extend(sentences);
                            set.1.extend(labels);
                        }
                        None => sets.push((sentences, labels)),
                    }
                }
                let numbered = sets.into_iter().map(|(sentences, labels)| {
                    let classes = Classes::of(labels.iter());
                    (sentences, labels.iter().map(|label| classes.number(label)).collect())
                });
                Data::Clustering { sets: numbered.collect() }
            }
            Kind::PairClassification => {
                let (mut pairs, mut together) = (Vec::new(), Vec::new());
                for record in read::<Pairs>(&file?, open)? {
                    let (first, second) = (record.sentence1.into_vec(), record.sentence2.into_vec());
                    let labels = record.labels.into_vec();
                    if first.len() != second.len() || first.len() != labels.len() {
                        let counts = (first.len(), second.len(), labels.len());
                        return Err(wrong(format!("{} and {} sentences have {} labels", counts.0, counts.1, counts.2)));
                    }
                    pairs.extend(first.into_iter().zip(second));
                    for label in labels {
                        together.push(match label {
                            Label::Number(0) => false,
                            Label::Number(1) => true,
                            other => return Err(wrong(format!("a pair's label is 0 or 1, found {other:?}"))),
                        });
                    }
                }
                Data::Pairs { pairs, together }
            }
            Kind::Similarity => {
                let records = read::<Similar>(&file?, open)?;
                let scores = records.iter().map(|record| record.score).collect();
                let pairs = records.into_iter().map(|record| (record.sentence1, record.sentence2)).collect();
                Data::Similarity { pairs, scores }
            }
            Kind::Reranking => {
                let records = read::<Reranked>(&file?, open)?.into_iter();
                // Where all or none answers, every order is as good.
                let records = records.filter(|record| !record.positive.is_empty() && !record.negative.is_empty());
                let taken = |record: Reranked| (record.query.into_vec(), record.positive, record.negative);
                Data::Reranking { queries: records.map(taken).collect() }
            }
            Kind::Summarization => {
                let mut texts = Vec::new();
                for record in read::<Summary>(&file?, open)? {
                    let (machine, scores) = (record.machine_summaries.len(), record.relevance.len());
                    if machine != scores {
                        return Err(wrong(format!("{machine} machine summaries have {scores} scores")));
                    }
                    texts.push((record.human_summaries, record.machine_summaries, record.relevance));
                }
                Data::Summarization { texts }
            }
            Kind::Retrieval => retrieval(&folder, open)?,
        };
        if data.is_empty() {
            return Err(wrong("there is nothing in it to judge".to_owned()));
        }
        Ok(Self { folder, data })
    }

    /// Texts that running it embeds, repetitions included.
    pub fn texts(&self) -> usize {
        match &self.data {
            Data::Classification { train, test } => train.len() + test.len(),
            Data::Clustering { sets } => sets.iter().map(|(texts, _)| texts.len()).sum(),
            Data::Pairs { pairs, .. } | Data::Similarity { pairs, .. } => 2 * pairs.len(),
            Data::Reranking { queries } => queries.iter().map(|(a, b, c)| a.len() + b.len() + c.len()).sum(),
            Data::Summarization { texts } => texts.iter().map(|(a, b, _)| a.len() + b.len()).sum(),
            Data::Retrieval { corpus, queries, .. } => corpus.len() + queries.len(),
        }
    }

    /// Embeds and judges.
    ///
    /// # Errors
    /// The model's, and what the metrics say of scores that are not finite.
    pub fn run(&self, model: &mut dyn Embed) -> Result<Scores> {
        let failed = |source: EmbedError| Error::Model { task: self.folder.name.clone(), source };
        let mut queries = |texts: &[&str]| model.queries(texts).map_err(failed);
        let options = &self.folder.options;
        match &self.data {
            Data::Classification { train, test } => {
                let labels = |of: &[(String, usize)]| of.iter().map(|(_, label)| *label).collect::<Vec<usize>>();
                let experiments = sample(&labels(train), options.samples_per_label, options.experiments, SEED);
                let wanted: BTreeSet<usize> = experiments.iter().flatten().copied().collect();
                let texts: Vec<&str> =
                    wanted.iter().filter_map(|&example| train.get(example)).map(|(text, _)| text.as_str()).collect();
                let known: HashMap<usize, Vec<f32>> = wanted.iter().copied().zip(queries(&texts)?).collect();
                let tested = queries(&test.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>())?;
                Ok(classification(&experiments, &known, &labels(train), &tested, &labels(test)))
            }
            Data::Clustering { sets } => {
                let embed = |(texts, labels): &(Vec<String>, Vec<usize>)| Ok((queries(&strs(texts))?, labels.clone()));
                Ok(clustering(&sets.iter().map(embed).collect::<Result<Vec<_>>>()?, SEED.into()))
            }
            Data::Pairs { pairs, together } => Ok(pair_classification(&compared(pairs, &mut queries)?, together)),
            Data::Similarity { pairs, scores } => similarity(&compared(pairs, &mut queries)?, scores),
            Data::Summarization { texts } => {
                let embed = |(human, machine, relevance): &(Vec<String>, Vec<String>, Vec<f64>)| {
                    let relevance = relevance.clone();
                    Ok(Summarised { human: queries(&strs(human))?, machine: queries(&strs(machine))?, relevance })
                };
                summarisation(&texts.iter().map(embed).collect::<Result<Vec<_>>>()?)
            }
            Data::Reranking { queries: asked } => {
                let (mut answers, mut qrels) = (BTreeMap::new(), Qrels::new());
                for (number, (query, positive, negative)) in asked.iter().enumerate() {
                    let query = model.queries(&strs(query)).map_err(failed)?;
                    let texts: Vec<&str> = positive.iter().chain(negative).map(String::as_str).collect();
                    let documents = model.documents(&texts).map_err(failed)?;
                    let id = format!("query{number:07}");
                    let mut scored = Vec::new();
                    for (place, document) in documents.iter().enumerate() {
                        let relevant = place < positive.len();
                        // MTEB's ids: of equal scores, those that do not answer go first.
                        let name = if relevant { "apositive" } else { "negative" };
                        let document_id = format!("{name}_{place:05}");
                        qrels.insert(id.as_str(), document_id.as_str(), relevant.into());
                        let score = query.iter().map(|query| Similarities::of(query, document).cosine);
                        scored.push((document_id, score.fold(f64::NEG_INFINITY, f64::max)));
                    }
                    answers.insert(id, ranked(scored).into_iter().map(|(document, _)| document).collect());
                }
                Ok(rankings(&answers, &qrels, "map_at_1000"))
            }
            Data::Retrieval { corpus, queries: asked, qrels } => {
                let wanted: Vec<&str> = asked.iter().map(|(_, text)| text.as_str()).collect();
                let questions = queries(&wanted)?;
                let texts: Vec<&str> = corpus.iter().map(|(_, text)| text.as_str()).collect();
                let documents = units(model.documents(&texts).map_err(failed)?);
                let mut answers = BTreeMap::new();
                for ((id, _), question) in asked.iter().zip(units(questions)) {
                    let scored = corpus
                        .iter()
                        .zip(&documents)
                        .map(|((document, _), vector)| (document.as_str(), f64::from(dot(&question, vector))));
                    let scored = scored.filter(|(document, _)| !options.ignore_identical_ids || document != id);
                    let best = ranked(scored.collect()).into_iter().take(DEPTH);
                    answers.insert(id.clone(), best.map(|(document, _)| document.to_owned()).collect());
                }
                Ok(rankings(&answers, qrels, "ndcg_at_10"))
            }
        }
    }
}

impl Data {
    fn is_empty(&self) -> bool {
        match self {
            Data::Classification { train, test } => train.is_empty() || test.is_empty(),
            Data::Clustering { sets } => sets.is_empty(),
            Data::Pairs { pairs, .. } | Data::Similarity { pairs, .. } => pairs.is_empty(),
            Data::Reranking { queries } => queries.is_empty(),
            Data::Summarization { texts } => texts.is_empty(),
            Data::Retrieval { corpus, queries, .. } => corpus.is_empty() || queries.is_empty(),
        }
    }
}

fn retrieval(folder: &TaskFolder, open: Open<'_>) -> Result<Data> {
    let missing = |stem: &str| Error::MissingRecords { folder: folder.path.clone(), split: stem.to_owned() };
    let reader = |path: &std::path::Path| open(path).map_err(|source| Error::Io { path: path.to_owned(), source });
    let qrels_file = judgements(&folder.path, &folder.split);
    let qrels_file = qrels_file.ok_or_else(|| missing(&format!("qrels/{}", folder.split)))?;
    let qrels = Qrels::read(reader(&qrels_file)?, &qrels_file)?;
    let queries_file = file_of(&folder.path, "queries").ok_or_else(|| missing("queries"))?;
    let queries = read_queries(reader(&queries_file)?, &queries_file, &qrels)?;
    let corpus_file = file_of(&folder.path, "corpus").ok_or_else(|| missing("corpus"))?;
    let mut corpus = Vec::new();
    for document in CorpusReader::new(reader(&corpus_file)?, &corpus_file) {
        let document = document?;
        let text = format!("{} {}", document.title, document.text);
        corpus.push((document.id, text.trim().to_owned()));
    }
    Ok(Data::Retrieval { corpus, queries: queries.into_iter().map(|query| (query.id, query.text)).collect(), qrels })
}

type EmbedSome<'a> = dyn FnMut(&[&str]) -> Result<Vec<Vec<f32>>> + 'a;

/// The similarities of pairs.
fn compared(pairs: &[(String, String)], embed: &mut EmbedSome<'_>) -> Result<Vec<Similarities>> {
    let first = embed(&pairs.iter().map(|(first, _)| first.as_str()).collect::<Vec<_>>())?;
    let second = embed(&pairs.iter().map(|(_, second)| second.as_str()).collect::<Vec<_>>())?;
    Ok(first.iter().zip(&second).map(|(first, second)| Similarities::of(first, second)).collect())
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn units(mut vectors: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    for vector in &mut vectors {
        let norm = dot(vector, vector).sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|value| *value /= norm);
        }
    }
    vectors
}

/// In eight sums, so that the compiler can do eight at a time.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (lefts, rights) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (left, right) in lefts.0.iter().zip(rights.0) {
        for ((sum, a), b) in sums.iter_mut().zip(left).zip(right) {
            *sum += a * b;
        }
    }
    let rest: f32 = lefts.1.iter().zip(rights.1).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Numbers for labels, in their order.
struct Classes<'a>(Vec<&'a Label>);

impl<'a> Classes<'a> {
    fn of(labels: impl Iterator<Item = &'a Label>) -> Self {
        Self(labels.collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn number(&self, label: &Label) -> usize {
        self.0.binary_search(&label).unwrap_or_default()
    }
}
