//! The metrics against scikit-learn's and SciPy's answers for the same predictions, and MTEB's tasks against the `mteb` package for the
//! same vectors. `golden/make.py` worked the numbers out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use neodex_eval::binary::{Best, average_precision};
use neodex_eval::clusters::VMeasure;
use neodex_eval::labels::Confusion;
use neodex_eval::logistic::LogisticRegression;
use neodex_eval::mteb::{
    Embed, EmbedError, Kind, ModelIdentity, Scores, Similarities, Task, TaskFolder, pair_classification, result_path,
    write_result,
};
use neodex_eval::sts::{pearson, spearman};
use serde::Deserialize;
use serde_json::Value;

/// As far as a metric may be from the reference library's.
const TOLERANCE: f64 = 1e-6;

fn tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn golden(name: &str) -> Value {
    serde_json::from_reader(BufReader::new(File::open(tests("golden").join(name)).unwrap())).unwrap()
}

fn numbers<T: serde::de::DeserializeOwned>(case: &Value, name: &str) -> Vec<T> {
    serde_json::from_value(case[name].clone()).unwrap()
}

#[track_caller]
fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < TOLERANCE, "{what}: {found} is not {expected}");
}

#[test]
fn classes_are_judged_as_by_scikit_learn() {
    for case in golden("metrics.json")["labels"].as_array().unwrap() {
        let (truth, found): (Vec<usize>, Vec<usize>) = (numbers(case, "truth"), numbers(case, "found"));
        let confusion = Confusion::of(truth.iter().zip(&found));
        close(confusion.accuracy(), &case["accuracy"], "accuracy");
        close(confusion.matthews(), &case["matthews"], "Matthews");
        close(confusion.f1(&1), &case["f1_of_1"], "F1 of class 1");
        close(confusion.f1_macro(), &case["f1_macro"], "F1");
        close(confusion.f1_weighted(), &case["f1_weighted"], "F1, weighted");
        close(confusion.precision_macro(), &case["precision_macro"], "precision");
        close(confusion.precision_weighted(), &case["precision_weighted"], "precision, weighted");
        close(confusion.recall_macro(), &case["recall_macro"], "recall");
        close(confusion.recall_weighted(), &case["recall_weighted"], "recall, weighted");
    }
}

#[test]
fn scores_of_pairs_are_judged_as_by_scikit_learn_and_mteb() {
    for case in golden("metrics.json")["binary"].as_array().unwrap() {
        let (truth, scores): (Vec<bool>, Vec<f64>) = (numbers(case, "truth"), numbers(case, "scores"));
        close(average_precision(&scores, &truth), &case["ap"], "average precision");
        let best = Best::of(&scores, &truth);
        close(best.accuracy, &case["accuracy"], "accuracy");
        close(best.f1, &case["f1"], "F1");
        close(best.precision, &case["precision"], "precision");
        close(best.recall, &case["recall"], "recall");
    }
}

#[test]
fn clusters_and_correlations_are_judged_as_by_scikit_learn_and_scipy() {
    let golden = golden("metrics.json");
    for case in golden["clusters"].as_array().unwrap() {
        let (truth, found): (Vec<usize>, Vec<usize>) = (numbers(case, "truth"), numbers(case, "found"));
        let measure = VMeasure::of(&truth, &found);
        close(measure.homogeneity, &case["homogeneity"], "homogeneity");
        close(measure.completeness, &case["completeness"], "completeness");
        close(measure.v_measure, &case["v_measure"], "V-measure");
    }
    for case in golden["correlation"].as_array().unwrap() {
        let (left, right): (Vec<f64>, Vec<f64>) = (numbers(case, "left"), numbers(case, "right"));
        close(pearson(&left, &right).unwrap(), &case["pearson"], "Pearson");
        close(spearman(&left, &right).unwrap(), &case["spearman"], "Spearman");
    }
}

#[test]
fn a_logistic_regression_decides_as_scikit_learns_does() {
    for case in golden("metrics.json")["logistic"].as_array().unwrap() {
        let vectors: Vec<Vec<f32>> = numbers(case, "vectors");
        let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let classes = case["classes"].as_u64().unwrap() as usize;
        let fitted = LogisticRegression::fit(&vectors, &numbers::<usize>(case, "labels"), classes);
        let test: Vec<Vec<f32>> = numbers(case, "test");
        let found: Vec<usize> = test.iter().map(|vector| fitted.predict(vector)).collect();
        assert_eq!(found, numbers::<usize>(case, "predictions"), "{classes} classes");
    }
}

/// The vectors `mteb` was given.
#[derive(Deserialize)]
struct Lookup {
    vectors: BTreeMap<String, Vec<f32>>,
    scores: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Lookup {
    fn read() -> Self {
        serde_json::from_value(golden("mteb.json")).unwrap()
    }
}

impl Embed for Lookup {
    fn queries(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        texts
            .iter()
            .map(|text| self.vectors.get(*text).cloned().ok_or_else(|| format!("no vector: {text}").into()))
            .collect()
    }

    fn documents(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.queries(texts)
    }
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

fn tasks() -> Vec<Task> {
    let folders = TaskFolder::find(&tests("mteb"), &open).unwrap();
    folders.into_iter().map(|folder| Task::read(folder, &open).unwrap()).collect()
}

#[test]
fn every_kind_of_task_scores_as_in_mteb() {
    let mut lookup = Lookup::read();
    let tasks = tasks();
    let mut kinds: Vec<&str> = tasks.iter().map(|task| task.folder.kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    for task in tasks {
        let name = &task.folder.name;
        let found = task.run(&mut lookup).unwrap();
        // `mteb` rounds figures of rankings to five places.
        let rounded = matches!(task.folder.kind, Kind::Retrieval | Kind::Reranking);
        for (score, &expected) in &lookup.scores[name] {
            // What it calls the accuracy of a ranking is another of its figures.
            if rounded && score == "accuracy" {
                continue;
            }
            let found = *found.values.get(score).unwrap_or_else(|| panic!("{name} has no {score}"));
            let tolerance = if rounded { 5.1e-6 } else { TOLERANCE };
            assert!((found - expected).abs() < tolerance, "{name}: {score} is {found}, mteb has {expected}");
        }
    }
}

#[test]
fn results_lie_where_mteb_looks_and_look_as_it_wants() {
    let dir = tempfile::tempdir().unwrap();
    let task = tasks().into_iter().find(|task| task.folder.kind == Kind::Similarity).unwrap();
    let scores = task.run(&mut Lookup::read()).unwrap();
    let model = ModelIdentity { name: "people/a model".to_owned(), revision: "abc".to_owned() };
    let path = write_result(dir.path(), &model, &task, &scores, 1.5).unwrap();
    assert_eq!(path, dir.path().join("people__a_model/abc/Similar.json"));
    assert_eq!(path, result_path(dir.path(), &model, "Similar"));
    let result: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((&result["task_name"], &result["evaluation_time"]), (&"Similar".into(), &1.5.into()));
    let entry = &result["scores"]["test"][0];
    assert_eq!((&entry["hf_subset"], &entry["languages"][0]), (&"default".into(), &"eng-Latn".into()));
    assert!((entry["main_score"].as_f64().unwrap() - scores.main_score()).abs() < 1e-6);
    assert_eq!(entry["main_score"], entry["cosine_spearman"]);
    assert!(path.with_file_name("model_meta.json").is_file());
}

#[test]
fn pairs_are_judged_in_every_way_of_comparing() {
    // The cosine sees no difference, the distance does.
    let near = Similarities::of(&[1.0, 0.0], &[1.0, 0.0]);
    let far = Similarities::of(&[1.0, 0.0], &[9.0, 0.0]);
    let scores: Scores = pair_classification(&[near, far, near], &[true, false, true]);
    assert_eq!(scores.get("euclidean_ap"), 1.0);
    assert!(scores.get("cosine_ap") < 0.7);
    assert_eq!(scores.main_score(), 1.0);
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let message = |name: &str, text: &str| {
        let folder = dir.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("test.jsonl"), text).unwrap();
        let found = TaskFolder::find(&folder, &open).and_then(|mut found| Task::read(found.remove(0), &open));
        found.unwrap_err().to_string()
    };
    assert!(message("a", "{\"x\":1}\n").contains("records with `x` belong to no kind of task"));
    assert!(message("b", "{\"text\":\"x\",\"label\":0}\n").contains("there is no train.jsonl"));
    assert!(message("c", "{\"sentences\":[\"x\"],\"labels\":[]}\n").contains("1 sentences have 0 labels"));
    assert!(message("d", "\n").contains("no records"));
    let pair = "{\"sentence1\":\"x\",\"sentence2\":\"y\",\"labels\":2}\n";
    assert!(message("e", pair).contains("a pair's label is 0 or 1"), "{}", message("e", pair));
    let empty = tempfile::tempdir().unwrap();
    assert!(TaskFolder::find(empty.path(), &open).unwrap_err().to_string().contains("no task in it"));
}
